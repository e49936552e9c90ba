"""A script's patience."""

import pytest

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type, meanwhile
from genaiops.cli.outcome import Goal, Outcome, Waiting

PROMOTED = Outcome(True, "Promoted: support-bbbbbbbbbb: all steps passed")


def outcomes(goal: Goal, *states: given.Raw | None) -> list[Outcome | None]:
    """What is said of an app in these states, one after the other."""
    waiting = Waiting(goal)
    return [waiting.judge(None if state is None else given.app(state)) for state in states]


def test_a_rollout_that_is_under_way_is_waited_for_to_its_end() -> None:
    assert outcomes("promoted", given.paused(), given.healthy()) == [None, PROMOTED]
    _, taken_back = outcomes("promoted", given.paused(), given.aborted())
    assert taken_back is not None
    assert not taken_back.reached
    assert "guardrail-violation-rate 100.0% (15 of 15)" in taken_back.message


def test_the_other_outcome_is_the_opposite() -> None:
    _, promoted = outcomes("aborted", given.paused(), given.healthy())
    _, aborted = outcomes("aborted", given.paused(), given.aborted())

    assert promoted == Outcome(False, PROMOTED.message)
    assert aborted is not None
    assert aborted.reached


def test_a_pause_and_an_approval_are_reached_on_the_way() -> None:
    under_way = given.paused() | {"phase": "Progressing"}
    at_gate = given.waiting_for_approval("bob")
    gate = "Paused: support-bbbbbbbbbb: waits until 2 people approve: kubectl genaiops approve support -n shop"

    assert outcomes("paused", under_way, given.paused()) == [
        None,
        Outcome(True, "Paused: support-bbbbbbbbbb: paused until a person promotes"),
    ]
    assert outcomes("approval", given.paused(), at_gate) == [None, Outcome(True, gate)]
    assert outcomes("paused", at_gate) == [Outcome(True, gate)]


@pytest.mark.parametrize("goal", ["paused", "approval"])
def test_a_rollout_that_has_ended_pauses_no_more(goal: Goal) -> None:
    (promoted,) = outcomes(goal, given.healthy())
    _, aborted = outcomes(goal, given.paused() | {"phase": "Progressing"}, given.aborted())

    assert promoted == Outcome(False, "Promoted: support-bbbbbbbbbb serves what the spec asks for")
    assert aborted is not None
    assert not aborted.reached


@pytest.mark.parametrize("goal", ["promoted", "aborted", "paused", "approval"])
def test_a_rollout_that_another_one_supersedes_reaches_neither(goal: Goal) -> None:
    superseded = given.paused()
    superseded["rollout"] = {**superseded["rollout"], "release": "support-cccccccccc", "startedAt": "later"}
    superseded["history"] = [
        given.ended(given.CANDIDATE, "Superseded", "NewChange", "newer", prompt_version="v2", startedAt=given.BEGAN)
    ]

    under_way = given.paused() | {"phase": "Progressing"}
    assert outcomes(goal, under_way, superseded) == [
        None,
        Outcome(False, "Superseded: support-bbbbbbbbbb: newer"),
    ]


def test_an_earlier_rollout_of_the_same_release_is_not_this_one() -> None:
    again = given.paused()
    again["history"] = given.aborted(started="2026-04-01T00:00:00.000000Z")["history"]

    assert outcomes("aborted", again) == [None]


def test_nothing_is_decided_before_the_operator_has_seen_the_spec() -> None:
    assert outcomes("promoted", given.healthy() | {"observedGeneration": 2}) == [None]
    assert outcomes("healthy", given.healthy() | {"observedGeneration": 2}, {}) == [None, None]


def test_what_has_ended_before_is_told_at_once() -> None:
    (promoted,) = outcomes("promoted", given.healthy())
    (aborted,) = outcomes("promoted", given.aborted())

    assert promoted is not None
    assert promoted.reached
    assert aborted is not None
    assert not aborted.reached


def test_healthy_is_reached_by_a_promotion_and_not_after_an_abort() -> None:
    assert outcomes("healthy", given.paused(), given.healthy()) == [
        None,
        Outcome(True, "Healthy: support-bbbbbbbbbb serves"),
    ]
    _, aborted = outcomes("healthy", given.paused(), given.aborted())
    assert aborted is not None
    assert not aborted.reached


def test_a_spec_that_can_not_be_resolved_is_no_outcome_it_may_be_mended() -> None:
    unresolved = given.aborted()
    unresolved["conditions"] = [given.condition("Ready", "False", "PromptNotFound", "there is no Prompt")]

    assert outcomes("promoted", unresolved) == [None]


def test_a_deleted_app_reaches_nothing() -> None:
    assert outcomes("promoted", given.paused(), None)[1] == Outcome(False, "the app was deleted")


def test_wait_ends_with_0_when_it_is_reached(cluster: ApiServer, genaiops: Type) -> None:
    def story() -> None:
        cluster.await_watchers(1)
        cluster.put(given.app(given.healthy()))

    with meanwhile(story):
        printed = genaiops("wait", "support", "--for", "promoted", "--timeout", "20s")

    assert (printed.code, printed.out) == (0, f"support {PROMOTED.message}\n")
    assert "paused until a person promotes" in printed.err, "on the way it says why it waits"
    assert cluster.lists == 1


def test_wait_ends_with_1_at_the_other_outcome_and_2_after_its_time(cluster: ApiServer, genaiops: Type) -> None:
    timeout = genaiops("wait", "support", "--for", "promoted", "--timeout", "100ms")
    cluster.put(given.app(given.aborted()))
    other = genaiops("wait", "support", "--for", "promoted")

    assert timeout.code == 2
    assert "error: support has not reached promoted after 0.1 s: Paused" in timeout.err
    assert other.code == 1
    assert "error: support can't reach promoted any more: Aborted: support-bbbbbbbbbb" in other.err


def test_wait_says_what_it_does_not_understand(genaiops: Type) -> None:
    unknown = genaiops("wait", "support", "--for", "green")
    endless = genaiops("wait", "support", "--for", "healthy", "--timeout", "10")

    assert (unknown.code, endless.code) == (2, 2)
    assert "'promoted', 'aborted', 'healthy', 'paused', 'approval'" in unknown.err
    assert "is no duration: write a number and a unit" in endless.err
