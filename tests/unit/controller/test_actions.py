"""Decisions on an app: read from the store, answered on their status, cleared away."""

from datetime import UTC, datetime, timedelta
from typing import Any

from genaiops.api.action import Action, ActionPhase, ReleaseActionSpec, Requester
from genaiops.api.llmapp_status import Decision, LLMAppStatus
from genaiops.controller.actions import answers, asked_of, cleared, people_behind
from genaiops.controller.store import Store
from genaiops.controller.webhook.changes import CHANGED_BY, record_change
from genaiops.controller.webhook.stamp import NO_SEAL, Place, stamp_action

from .webhook.reviews import SEAL, review

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
APP = {
    "metadata": {"name": "support", "namespace": "team", "uid": "app"},
    "spec": {
        "model": {"ref": "llm", "fallbacks": [{"ref": "backup"}]},
        "prompt": {"ref": "support"},
        "guardrails": [{"ref": "safe"}],
        "rolloutPolicyRef": "careful",
    },
}


def an_action(name: str, minute: int = 0, **spec: Any) -> dict[str, Any]:
    """A ReleaseAction as the store holds it, with nobody's stamp."""
    created = NOW + timedelta(minutes=minute)
    meta = {"name": name, "namespace": "team", "uid": name, "creationTimestamp": created.isoformat()}
    asked = {"app": "support", "action": "Restart", "release": "a" * 64, **spec}
    return {"kind": "ReleaseAction", "metadata": meta, "spec": asked}


def by(action: dict[str, Any], username: str) -> dict[str, Any]:
    """The same as the webhook writes it."""
    spec = ReleaseActionSpec.model_validate({**action["spec"], "requester": {"username": username, "stamp": ""}})
    place = Place("team", action["metadata"]["name"], "app")
    created = datetime.fromisoformat(action["metadata"]["creationTimestamp"])
    requester = Requester(username=username, stamp=stamp_action(SEAL, place, spec, created))
    return {**action, "spec": {**action["spec"], "requester": requester.to_manifest()}}


def decided(*names: str) -> LLMAppStatus:
    decisions = [
        Decision(
            name=name,
            uid=name,
            action=Action.RESTART,
            phase=ActionPhase.APPLIED,
            message="the pods are replaced",
            at=NOW,
        )
        for name in names
    ]
    return LLMAppStatus(decisions=decisions)


UNREADABLE = an_action("odd", step=3)


def test_a_decision_is_known_with_who_made_it() -> None:
    known, unknown = asked_of([by(an_action("known"), "jane"), an_action("unknown")], "app", SEAL)
    assert (known.username, known.problem) == ("jane", None)
    assert unknown.username == ""
    assert "not written by this operator's webhook" in (unknown.problem or "")


def test_without_the_webhook_nobody_is_known() -> None:
    (asked,) = asked_of([by(an_action("known"), "jane")], "app", NO_SEAL)
    assert (asked.username, asked.problem, asked.anonymous) == ("", None, True)


def test_a_decision_on_an_earlier_app_of_the_name_is_nobodys() -> None:
    (asked,) = asked_of([by(an_action("known"), "jane")], "another life of the app", SEAL)
    assert asked.username == ""


def test_what_can_not_be_read_is_refused_once_and_keeps_nothing_up() -> None:
    # given
    assert asked_of([UNREADABLE], "app", SEAL) == ()
    ((action, status),) = answers([UNREADABLE], LLMAppStatus(), NOW)
    assert action is UNREADABLE
    assert status.phase is ActionPhase.REFUSED
    assert "step: only Promote and Approve are at a step" in status.message
    # when it is looked at again later
    told = {**UNREADABLE, "status": status.to_manifest()}
    # then it is left as it is
    assert answers([told], LLMAppStatus(), NOW + timedelta(hours=1)) == []


def test_each_decision_is_told_what_became_of_it_and_only_once() -> None:
    waiting, done = an_action("waiting"), an_action("done")
    ((action, status),) = answers([waiting, done], decided("done"), NOW)
    assert action is done
    assert status.to_manifest() == {
        "phase": "Applied",
        "message": "the pods are replaced",
        "finishedAt": "2026-11-23T12:00:00.000000Z",
    }
    assert answers([waiting, {**done, "status": status.to_manifest()}], decided("done"), NOW) == []


def test_the_newest_answered_decisions_are_kept_and_those_that_wait() -> None:
    actions = [
        UNREADABLE,
        *(an_action(name, minute) for minute, name in enumerate(("first", "second", "third", "new"))),
    ]
    gone = cleared(actions, decided("first", "second", "third"), 2)
    assert [item["metadata"]["name"] for item in gone] == ["odd", "first"]


def test_who_changed_anything_that_the_app_is_made_of_is_behind_it() -> None:
    # given objects that different people changed, of which one is of no use to the app
    store = Store()
    changes = [
        ("Prompt", "support", "jane", 1),
        ("Model", "llm", "bob", 2),
        ("Model", "backup", "jane", 3),
        ("GuardrailPolicy", "safe", "ana", 4),
        ("RolloutPolicy", "careful", "system:serviceaccount:ci:deployer", 5),
        ("Prompt", "another", "eve", 6),
    ]
    for kind, name, user, minute in changes:
        raw = {"metadata": {"name": name, "namespace": "team", "resourceVersion": "1"}, "spec": {}}
        patch = record_change(
            SEAL, review(kind, raw, {"spec": {"text": "before"}}, user), NOW + timedelta(minutes=minute)
        )
        store.put(kind, {**raw, "metadata": {**raw["metadata"], "annotations": patch["/metadata/annotations"]}})
    patch = record_change(SEAL, review("LLMApp", APP, None, "joe"), NOW)
    app = {**APP, "metadata": {**APP["metadata"], "annotations": patch["/metadata/annotations"]}}
    # then
    assert people_behind(app, store, SEAL) == {
        "joe": NOW,
        "jane": NOW + timedelta(minutes=3),
        "bob": NOW + timedelta(minutes=2),
        "ana": NOW + timedelta(minutes=4),
        "system:serviceaccount:ci:deployer": NOW + timedelta(minutes=5),
    }
    assert people_behind(app, store, NO_SEAL) == {}
    assert (
        people_behind({**APP, "metadata": {**APP["metadata"], "annotations": {CHANGED_BY: "x"}}}, Store(), SEAL) == {}
    )
