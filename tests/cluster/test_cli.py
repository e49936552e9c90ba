"""`kubectl genaiops`, found and run by kubectl, with a real operator at work."""

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from controlplane import REPOSITORY, ControlPlane, built_tools
from harness import Objects, eventually
from kubernetes import client
from simulation import DataPlane
from stories import a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25

Done = subprocess.CompletedProcess[str]
Kubectl = Callable[..., Done]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs that pip would make."""
    folder = tmp_path_factory.mktemp("plugin")
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    for name, target in scripts.items():
        module, function = target.split(":")
        start = f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        (folder / name).write_text(start)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def kubectl(plugin: Path, controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Kubectl:
    """Runs kubectl as somebody whose context names the test's namespace."""

    def run(*arguments: str, kubeconfig: Path = controlplane.kubeconfig) -> Done:
        document = yaml.safe_load(kubeconfig.read_text())
        document["contexts"][0]["context"]["namespace"] = namespace
        mine = tmp_path / "kubeconfig"
        mine.write_text(yaml.safe_dump(document))
        environment = {
            **os.environ,
            "PATH": f"{plugin}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "KUBECONFIG": str(mine),
        }
        command = [built_tools() / "kubectl", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


@pytest.mark.usefixtures("operator")
async def test_a_person_looks_promotes_and_waits(kubectl: Kubectl, objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout that waits for a person
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {"metrics": []}})
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    await eventually("the candidate's Release is there", lambda: f"Release/{candidate}" in objects.names())

    async def genaiops(*arguments: str) -> Done:
        # The simulated data plane plays on this thread's loop.
        return await asyncio.to_thread(kubectl, "genaiops", *arguments)

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
    assert "nothing of support is being rolled out" in again.stderr


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
