"""`kubectl genaiops`, found and run by kubectl, with a real operator at work."""

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from controlplane import REPOSITORY, ControlPlane, built_tools
from harness import Objects, eventually
from kubernetes import client
from plugin import Done, Genaiops, Kubectl
from stories import a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_person_looks_promotes_and_waits(genaiops: Genaiops, objects: Objects) -> None:
    # given a rollout that waits for a person
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {"metrics": []}})
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    await eventually("the candidate's Release is there", lambda: f"Release/{candidate}" in objects.names())
    # when the person looks
    tree = (await genaiops("status", "support")).stdout
    # then both releases, weight, step and pause are there
    assert f"stable {stable} (prompt v1), model llm  75 %" in tree
    assert f"candidate {candidate} (prompt v2), model llm  25 %" in tree
    assert "step 2 of 3  25 % → pause for a person → 100 %" in tree
    (row,) = json.loads((await genaiops("get", "-o", "json")).stdout)
    assert (row["phase"], row["weight"]) == ("Paused", 25)
    # and what it would change
    changed = (await genaiops("diff", "support")).stdout
    assert "-Be helpful.\n+Be brief.\n" in changed
    assert "Be helpful." in (await genaiops("render", "support")).stdout
    # when the person promotes, and a script waits
    assert (await genaiops("promote", "support")).stdout == f"support: {candidate} may go on past step 2\n"
    waited = await genaiops("wait", "support", "--for", "promoted", "--timeout", "60s")
    # then it goes on to its end
    assert waited.returncode == 0
    assert waited.stdout.startswith(f"support Promoted: {candidate}")
    assert objects.status()["stableRelease"] == candidate
    assert "Promoted" in (await genaiops("history", "support")).stdout.splitlines()[1]
    # and there is nothing more to promote
    again = await genaiops("promote", "support")
    assert again.returncode == 1
    assert again.stderr == (
        f"error: Promote makes no sense now: no rollout is under way, so {candidate} is no candidate "
        "(support is Healthy)\n"
    )


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_person_decides_and_is_told_what_became_of_it(genaiops: Genaiops, objects: Objects) -> None:
    async def done(*arguments: str) -> str:
        """What the person is told of a decision that was carried out."""
        told = await genaiops(*arguments)
        assert told.returncode == 0, told.stderr
        return told.stdout

    # given a rollout that waits for a person
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {"metrics": []}})
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    # when the person holds it
    told = await done("pause", "support", "--reason", "lunch")
    # then it is held, and does not go on
    assert told == f"support: {candidate} is held at step 2, weight 25\n"
    assert objects.status()["rollout"]["held"]["reason"] == "lunch"
    denied = await genaiops("promote", "support")
    assert (denied.returncode, f"holds {candidate}: Resume (support is Paused)" in denied.stderr) == (1, True)
    # when the person lets it go on, and takes it back
    assert await done("resume", "support") == f"support: {candidate} goes on\n"
    assert await done("abort", "support", "--reason", "too slow") == f"support: {candidate} was taken back\n"
    # then stable serves, and history says who and why
    assert objects.status()["stableRelease"] == stable
    assert "taken back by a person: too slow" in (await done("history", "support"))
    # when the person tries again, past all steps
    assert await done("retry", "support") == f"support: {candidate} is rolled out again\n"
    await paused_at_25(objects)
    assert await done("promote", "support", "--full") == f"support: {candidate} skips its steps\n"
    assert await healthy(objects, other_than=stable) == candidate
    # when the person regrets
    told = await done("undo", "support", "--to", "v1")
    # then the release before serves again, whatever the spec asks for
    assert told == f"support: going back from {candidate} to {stable}\n"
    await eventually("it serves again", lambda: objects.status()["stableRelease"] == stable)
    assert objects.status()["abortedRelease"] == candidate
    # and each decision stands in the cluster, with what became of it
    listed = json.loads(await done("status", "support", "-o", "json"))["decisions"]
    assert [(item["action"], item["phase"]) for item in reversed(listed)] == [
        (action, "Applied") for action in ("Pause", "Resume", "Abort", "Retry", "Promote", "Undo")
    ]


@pytest.mark.usefixtures("operator", "dataplane")
async def test_nobody_approves_where_nobody_knows_who_asks(genaiops: Genaiops, objects: Objects) -> None:
    # given a candidate that waits for an approval, and an operator without its webhook
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={"steps": [], "analysis": {"metrics": []}})
    await healthy(objects)
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"approval": {}}}})
    ask_for(objects, "v2")
    assert (await genaiops("wait", "support", "--for", "approval", "--timeout", "60s")).returncode == 0
    # when
    told = await genaiops("approve", "support")
    # then
    assert told.returncode == 1
    assert "-Be helpful.\n+Be brief.\n" in told.stderr
    assert (
        "error: Approve makes no sense now: an approval needs to know who gives it, and the operator runs"
        in told.stderr
    )
    # and when somebody rejects it
    rejected = await genaiops("reject", "support", "--reason", "rude")
    # then
    assert rejected.returncode == 0
    assert objects.status()["abortedRelease"] in rejected.stdout


def in_a_shell(script: str, kubeconfig: Path) -> Done:
    """Run a script as somebody who has kubectl, and nothing else of ours."""
    home = {"HOME": str(kubeconfig.parent)}  # without one, kubectl leaves its cache where pytest was started
    environment = {"PATH": f"{built_tools()}:/usr/bin:/bin", "KUBECONFIG": str(kubeconfig), **home}
    return subprocess.run(["sh", "-e"], input=script, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.usefixtures("operator", "dataplane")
async def test_the_same_with_plain_kubectl_as_it_stands_in_the_docs(
    controlplane: ControlPlane, objects: Objects, tmp_path: Path
) -> None:
    # given a rollout under way
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {"metrics": []}})
    await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    # when a person takes it back by what the docs say
    (script,) = re.findall(r"In a shell:\n```sh\n(.*?)```", (REPOSITORY / "docs/decisions.md").read_text(), re.DOTALL)
    document = yaml.safe_load(controlplane.kubeconfig.read_text())
    document["contexts"][0]["context"]["namespace"] = objects.namespace
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    created = await asyncio.to_thread(in_a_shell, script, tmp_path / "kubeconfig")
    # then it is
    assert created.returncode == 0, created.stderr
    name = created.stdout.split()[0]
    watch = (f"-n={objects.namespace}", "wait", name, "--for=jsonpath={.status.phase}=Applied", "--timeout=30s")
    await asyncio.to_thread(controlplane.kubectl, *watch)
    assert objects.status()["abortedRelease"] == candidate
    assert "users complain" in objects.status()["history"][-1]["message"]


def test_kubectl_completes_the_names_of_apps(kubectl: Kubectl, objects: Objects) -> None:
    an_app(objects)

    offered = kubectl("__complete", "genaiops", "status", "sup").stdout

    assert offered.splitlines()[0] == "support"


def test_what_the_api_server_refuses_is_told_in_one_line(
    kubectl: Kubectl, controlplane: ControlPlane, objects: Objects, admin: client.ApiClient
) -> None:
    missing = kubectl("genaiops", "status", "support")
    forbidden = kubectl("genaiops", "get", kubeconfig=controlplane.kubeconfig_for("nobody"))

    assert missing.stderr.startswith(f"error: there is no LLMApp 'support' in namespace '{objects.namespace}'")
    assert 'User "nobody" cannot list resource "llmapps"' in forbidden.stderr
    assert (missing.returncode, forbidden.returncode) == (2, 2)
    assert forbidden.stderr.count("\n") == 1
