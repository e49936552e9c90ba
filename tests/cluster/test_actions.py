"""People's decisions: who is believed to have made them, who may, and what comes of them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from admission import Installed
from controlplane import ControlPlane
from harness import Manifest, Objects, OperatorProcess, eventually
from kubernetes import client, config
from simulation import DataPlane
from stories import (
    AT_ONCE,
    UNTIL_PROMOTED,
    a_model_and_a_prompt,
    an_app,
    ask_for,
    healthy,
    paused_at_25,
    under_traffic,
)

from genaiops.controller.webhook.changes import CHANGED_BY
from ports import lasting_port

NOWHERE = "0" * 64
TO_BE_APPROVED = {**AT_ONCE, "approval": {}}


@pytest.fixture(scope="module")
def operator_options(webhook: Installed) -> tuple[str, ...]:
    return webhook.options


@pytest.fixture(autouse=True)
async def operator(operator: OperatorProcess) -> OperatorProcess:
    """That operator, ready."""
    await eventually("the operator is ready", lambda: operator.ready() == "ok")
    return operator


Person = Callable[..., Objects]
"""A name and the roles; gives the objects as that person may write them."""


@pytest.fixture
def person(controlplane: ControlPlane, objects: Objects) -> Iterator[Person]:
    """People with roles of the chart's in the test's namespace."""
    clients: list[client.ApiClient] = []

    def somebody(name: str, *roles: str) -> Objects:
        for role in roles:
            to = (f"--clusterrole=genaiops-{role}", f"--user={name}")
            controlplane.kubectl("-n", objects.namespace, "create", "rolebinding", f"{name}-{role}", *to)
        clients.append(config.new_client_from_config(str(controlplane.kubeconfig_for(name, "people"))))
        return Objects(clients[-1], objects.namespace)

    yield somebody
    for api in clients:
        api.close()


def hash_of(objects: Objects, release: str) -> str:
    found: str = objects.get("Release", release)["spec"]["hash"]
    return found


def decide(who: Objects, action: str, release: str, name: str = "decision", **spec: Any) -> Manifest:
    """Create a ReleaseAction on `support`; `release` is a hash."""
    return who.create("ReleaseAction", name, {"app": "support", "action": action, "release": release, **spec})


def refused(call: Callable[[], Any]) -> str:
    """The API server's words when it refuses this."""
    with pytest.raises(client.ApiException) as refusal:
        call()
    said: str = json.loads(refusal.value.body)["message"]
    return said


async def answered(objects: Objects, name: str = "decision") -> Manifest:
    """Wait until it is known what became of a decision."""
    status = lambda: objects.get("ReleaseAction", name).get("status")  # noqa: E731
    found: Manifest = await eventually(f"{name} is answered", status)
    return found


async def an_app_that_runs(objects: Objects, **spec: Any) -> str:
    """An app with a stable release; gives the release."""
    a_model_and_a_prompt(objects)
    an_app(objects, **{"rollout": AT_ONCE, **spec})
    return await healthy(objects)


async def a_candidate(objects: Objects, dataplane: DataPlane) -> str:
    """A rollout that waits at 25 percent for a person; gives the candidate."""
    await an_app_that_runs(objects, rollout=UNTIL_PROMOTED)
    ask_for(objects, "v2")
    await under_traffic("it reaches 25", objects, dataplane, lambda now: now.get("weight") == 25)
    found: str = (await paused_at_25(objects))["release"]
    return found


async def an_approval_awaited(objects: Objects, *, by: Objects) -> str:
    """A change by somebody that waits for an approval; gives the candidate."""
    await an_app_that_runs(objects)
    objects.patch("LLMApp", "support", {"spec": {"rollout": TO_BE_APPROVED}})
    ask_for(by, "v2")

    def gated() -> str | None:
        rollout: Manifest = objects.status().get("rollout") or {}
        # The status says so a moment before the Release is there.
        there = {item["metadata"]["name"] for item in objects.all("Release")}
        return rollout["release"] if "gate" in rollout and rollout["release"] in there else None

    found: str = await eventually("it waits for an approval", gated)
    return found


# --- who decided ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_decision_says_who_made_it_and_goes_with_its_app(objects: Objects, person: Person) -> None:
    # given
    release = await an_app_that_runs(objects)
    # when
    made = decide(person("jane", "edit"), "Restart", hash_of(objects, release))
    # then
    requester = made["spec"]["requester"]
    assert requester["username"] == "jane"
    assert set(requester["groups"]) == {"people", "system:authenticated"}
    assert made["metadata"]["labels"] == {"genaiops.dev/app": "support"}
    (owner,) = made["metadata"]["ownerReferences"]
    assert owner["uid"] == objects.get("LLMApp", "support")["metadata"]["uid"]
    assert (await answered(objects))["phase"] == "Applied"
    assert objects.status()["decisions"][0]["username"] == "jane"


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_decision_needs_no_name_of_its_own(objects: Objects, admin: client.ApiClient) -> None:
    # given
    release = await an_app_that_runs(objects)
    body = {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "ReleaseAction",
        "metadata": {"generateName": "restart-"},
        "spec": {"app": "support", "action": "Restart", "release": hash_of(objects, release)},
    }
    # when
    custom = client.CustomObjectsApi(admin)
    made = custom.create_namespaced_custom_object("genaiops.dev", "v1alpha1", objects.namespace, "releaseactions", body)
    # then
    name = made["metadata"]["name"]
    assert name.startswith("restart-")
    assert (await answered(objects, name))["phase"] == "Applied"
    assert objects.status()["decisions"][0]["username"] == "admin"


@pytest.mark.usefixtures("operator", "dataplane")
async def test_the_same_manifest_can_be_applied_again_and_again(objects: Objects, controlplane: ControlPlane) -> None:
    release = await an_app_that_runs(objects)
    spec = {"app": "support", "action": "Restart", "release": hash_of(objects, release)}
    manifest = {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "ReleaseAction",
        "metadata": {"name": "decision"},
        "spec": spec,
    }
    for way in ([], ["--server-side"]):
        apply = ["-n", objects.namespace, "apply", *way, "-f", "-"]
        assert "created" in controlplane.kubectl(*apply, stdin=json.dumps(manifest)) or way
        assert "unchanged" in controlplane.kubectl(*apply, stdin=json.dumps(manifest)) or way
        assert objects.get("ReleaseAction", "decision")["spec"]["requester"]["username"] == "admin"


@pytest.mark.usefixtures("operator", "dataplane")
async def test_nobody_speaks_for_others(objects: Objects, person: Person) -> None:
    # given a decision of the administrator's
    release = hash_of(objects, await an_app_that_runs(objects))
    decide(objects, "Restart", release)
    genuine = objects.get("ReleaseAction", "decision")["spec"]["requester"]
    # when somebody writes a requester, of their own making or copied
    jane = person("jane", "edit")
    forged = {"username": "admin", "groups": ["system:masters"], "stamp": "x"}
    for requester in (forged, genuine):
        said = refused(lambda requester=requester: decide(jane, "Restart", release, "forged", requester=requester))
        # then
        assert "spec.requester: written by the webhook; remove it" in said
    assert len(objects.all("ReleaseAction")) == 1


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_stamp_counts_on_its_own_object_only(objects: Objects, webhook: Installed, person: Person) -> None:
    # given an approval that ana gave, of two that are needed
    candidate = hash_of(objects, await an_approval_awaited(objects, by=objects))
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"approval": {"approvals": 2}}}})
    await eventually("two are needed", lambda: objects.status()["rollout"]["gate"]["needed"] == 2)
    ana, bob = person("ana", "approver"), person("bob", "approver")
    genuine = decide(ana, "Approve", candidate)["spec"]
    assert (await answered(objects))["phase"] == "Applied"
    # when bob copies it while no webhook looks
    without = webhook.cluster.kubectl("get", *HOOK_NAMES, "-o", "json")
    webhook.cluster.kubectl("delete", *HOOK_NAMES)
    try:
        bob.create("ReleaseAction", "copied", {**genuine, "requester": {**genuine["requester"], "username": "bob"}})
        bob.create("ReleaseAction", "again", genuine)
    finally:
        webhook.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_bare(without))
    # then neither counts
    for name in ("copied", "again"):
        status = await answered(objects, name)
        assert status["phase"] == "Refused"
        assert "not written by this operator's webhook" in status["message"]
    approvers = objects.status()["rollout"]["gate"]["approvers"]
    assert [approver["username"] for approver in approvers] == ["ana"]


HOOK_NAMES = ("mutatingwebhookconfigurations/actions", "validatingwebhookconfigurations/actions")


def _bare(listed: str) -> str:
    """Objects as they can be applied again."""
    items = json.loads(listed)["items"]
    for item in items:
        item["metadata"] = {"name": item["metadata"]["name"]}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


# --- what makes sense, and who may ----------------------------------------------------------------------------


@pytest.mark.usefixtures("operator", "dataplane")
async def test_what_makes_no_sense_is_refused_with_the_phase(objects: Objects) -> None:
    release = hash_of(objects, await an_app_that_runs(objects))
    assert "support has no release with the hash" in refused(lambda: decide(objects, "Restart", NOWHERE))
    said = refused(lambda: decide(objects, "Promote", release))
    assert "Promote makes no sense now: no rollout is under way" in said
    assert "(support is Healthy)" in said
    said = refused(lambda: decide(objects, "Restart", release, app="nobody"))
    assert "spec.app: there is no LLMApp 'nobody'" in said
    assert "full: only Promote can be full" in refused(lambda: decide(objects, "Restart", release, full=True))
    assert objects.all("ReleaseAction") == []


@pytest.mark.usefixtures("operator", "dataplane")
async def test_each_decision_takes_its_own_verb(objects: Objects, person: Person) -> None:
    # given people who may create ReleaseActions, each for something else
    release = hash_of(objects, await an_app_that_runs(objects))
    # when they decide what is not theirs to decide
    editor = refused(lambda: decide(person("jane", "edit"), "Approve", release))
    approver = refused(lambda: decide(person("ana", "approver"), "Restart", release))
    # then
    assert "jane may not approve support: that takes the verb 'approve' on llmapps.genaiops.dev" in editor
    assert "ana may not restart support" in approver


@pytest.mark.usefixtures("operator", "dataplane")
async def test_a_verb_can_be_given_for_one_app(objects: Objects, controlplane: ControlPlane, person: Person) -> None:
    # given somebody with the verb for another app
    release = hash_of(objects, await an_app_that_runs(objects))
    kubectl = ("-n", objects.namespace, "create")
    controlplane.kubectl(*kubectl, "role", "one", "--verb=restart", "--resource=llmapps", "--resource-name=other")
    controlplane.kubectl(*kubectl, "rolebinding", "one", "--role=one", "--user=ana")
    assert "may not restart support" in refused(lambda: decide(person("ana", "approver"), "Restart", release))


@pytest.mark.usefixtures("operator", "dataplane")
async def test_who_asked_for_a_change_does_not_approve_it(objects: Objects, person: Person) -> None:
    # given a change that jane asked for, who may approve
    jane = person("jane", "edit", "approver")
    candidate = hash_of(objects, await an_approval_awaited(objects, by=jane))
    # when
    said = refused(lambda: decide(jane, "Approve", candidate))
    # then
    assert "jane asked for this change, so another person has to approve it" in said
    # and another person may
    decide(person("ana", "approver"), "Approve", candidate)
    assert (await answered(objects))["phase"] == "Applied"
    await eventually("it is rolled out", lambda: len(objects.status()["history"]) == 2)
    assert objects.status()["history"][-1]["decidedBy"] == ["Approve by ana"]


# --- who changed what -----------------------------------------------------------------------------------------


def people_on(objects: Objects, kind: str, name: str) -> list[str]:
    """Who changed an object, by its annotation."""
    written = objects.get(kind, name)["metadata"].get("annotations", {}).get(CHANGED_BY)
    return list(json.loads(written)["people"]) if written else []


@pytest.mark.usefixtures("operator")
def test_who_changes_a_spec_is_on_record_and_nobody_can_say_otherwise(objects: Objects, person: Person) -> None:
    # given a prompt by the administrator
    a_model_and_a_prompt(objects)
    assert people_on(objects, "Prompt", "support") == ["admin"]
    jane = person("jane", "edit")
    # when somebody changes what is no spec, and who changed it
    genuine = objects.get("Prompt", "support")["metadata"]["annotations"][CHANGED_BY]
    for written in (None, "{}", genuine.replace("admin", "guest")):
        jane.patch("Prompt", "support", {"metadata": {"annotations": {CHANGED_BY: written, "note": "x"}}})
        # then that stays what it was
        assert objects.get("Prompt", "support")["metadata"]["annotations"] == {CHANGED_BY: genuine, "note": "x"}
    # when somebody changes the spec, and says it was somebody else
    jane.patch("Prompt", "support", {"metadata": {"annotations": {CHANGED_BY: None}}, "spec": {"labels": {"a": "v1"}}})
    # then both are on record
    assert people_on(objects, "Prompt", "support") == ["admin", "jane"]


@pytest.mark.usefixtures("operator")
def test_the_operators_own_writes_are_no_changes(objects: Objects) -> None:
    a_model_and_a_prompt(objects)
    before = objects.get("Model", "llm")["metadata"]["annotations"]
    objects.patch_status("Model", "llm", {"observedGeneration": 1})
    assert objects.get("Model", "llm")["metadata"]["annotations"] == before


# --- what comes of it -----------------------------------------------------------------------------------------


async def test_of_two_who_act_at_once_one_is_told_that_it_was_done(
    objects: Objects,
    dataplane: DataPlane,
    person: Person,
    operator: OperatorProcess,
    controlplane: ControlPlane,
    webhook: Installed,
    tmp_path: Path,
) -> None:
    # given a rollout, and a second replica, which answers the API server
    people = [(name, person(name, "edit")) for name in ("jane", "bob")]
    candidate = hash_of(objects, await a_candidate(objects, dataplane))
    port = lasting_port()
    options = [*webhook.options, f"--webhook-port={port}"]
    with OperatorProcess(controlplane, tmp_path, name="second", options=options) as second:
        await eventually("the second replica is ready", lambda: second.ready() == "ok")
        webhook.listens_on(port)
        # when two people take it back before the leader looks
        operator.freeze()
        try:
            for name, who in people:
                decide(who, "Abort", candidate, name=name)
        finally:
            operator.thaw()
            webhook.listens_on(webhook.port)
    # then both are answered, and it was taken back once
    phases = {name: (await answered(objects, name)) for name in ("jane", "bob")}
    assert sorted(status["phase"] for status in phases.values()) == ["Applied", "Refused"]
    (told,) = (status["message"] for status in phases.values() if status["phase"] == "Refused")
    assert "Abort makes no sense now" in told
    assert [entry["result"] for entry in objects.status()["history"]] == ["Promoted", "Aborted"]


@pytest.mark.usefixtures("operator", "dataplane")
async def test_old_decisions_are_cleared_away(objects: Objects) -> None:
    # given an app that keeps two
    release = hash_of(objects, await an_app_that_runs(objects, revisionHistoryLimit=2))
    # when three are made
    for name in ("first", "second", "third"):
        decide(objects, "Restart", release, name=name)
        await answered(objects, name)
        # The order is that of their creation, to the second.
        await asyncio.sleep(1)

    # then the oldest is gone
    def left() -> set[str]:
        return {item["metadata"]["name"] for item in objects.all("ReleaseAction")}

    await eventually("two are left", lambda: left() == {"second", "third"})


# --- without the webhook --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("operator", "dataplane")
async def test_while_the_webhook_is_down_nobody_decides_and_all_else_goes_on(
    objects: Objects, webhook: Installed
) -> None:
    # given an app, and a webhook that can't be reached
    first = await an_app_that_runs(objects)
    webhook.listens_on(lasting_port())
    try:
        # when somebody decides
        said = refused(lambda: decide(objects, "Restart", hash_of(objects, first)))
        # then it is refused
        assert 'failed calling webhook "requester.genaiops.dev"' in said
        # and a change is rolled out as ever
        ask_for(objects, "v2")
        second = await healthy(objects, other_than=first)
    finally:
        webhook.listens_on(webhook.port)
    # and afterwards people decide again
    decide(objects, "Restart", hash_of(objects, second))
    assert (await answered(objects))["phase"] == "Applied"
