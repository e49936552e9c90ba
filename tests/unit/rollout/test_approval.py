"""Approvals: by whom, of what, and until when."""

from datetime import timedelta

from rollout.scenario import Story, app
from rollout.world import BEGINNING

GATE = {"approval": {"required": True}}


def gated(**approval: object) -> Story:
    """v2 waits for approval before its first pod."""
    return (
        app()
        .serving("v1")
        .with_rollout(approval={"required": True, **approval})
        .when_prompt("v2")
        .then(candidate="v2", phase="Paused", pods={"v1": 1}, says="kubectl genaiops approve support")
    )


def test_before_its_approval_a_candidate_has_no_pod_and_no_deadline() -> None:
    story = gated().with_rollout(progressDeadline="1m").when_time_passes("99h").when_all_settles()
    story.then(candidate="v2", pods={"v1": 1}, phase="Paused", aborted=None).then_nothing_changes()


def test_an_approval_lets_it_start() -> None:
    (
        gated()
        .when_person("Approve", "v2", by="ann")
        .then(pods={"v1": 1, "v2": 1}, decisions=[("Approve", "Applied")])
        .when_all_settles()
        .then(stable="v2", phase="Healthy")
    )


def test_promote_full_is_no_approval() -> None:
    (
        gated()
        .with_steps(25, {"pause": {}})
        .when_person("Promote", "v2", by="joe", full=True)
        .when_all_settles()
        .then(stable="v1", pods={"v1": 1}, phase="Paused", says="kubectl genaiops approve support")
        .when_person("Approve", "v2", by="ann")
        .when_all_settles()
        .then(stable="v2", history=[("v1", "Promoted"), ("v2", "FastPromoted")])
    )


def test_a_first_release_waits_for_its_approval_too() -> None:
    (
        app()
        .with_rollout(approval={"required": True})
        .when_prompt("v1")
        .then(stable=None, candidate="v1", pods={}, phase="Paused")
        .when_person("Approve", "v1")
        .when_all_settles()
        .then(stable="v1", phase="Healthy")
    )


def test_a_rejection_takes_it_back() -> None:
    gated().when_person("Reject", "v2", by="ann", reason="off brand").when_all_settles().then(
        stable="v1", aborted="v2", phase="Degraded", says=("rejected by ann", "off brand"), pods={"v1": 1}
    )


def test_two_approvals_are_of_two_people() -> None:
    (
        gated(approvals=2)
        .when_person("Approve", "v2", by="ann")
        .then(phase="Paused", says="so far ann")
        .when_person("Approve", "v2", by="ann")
        .then(phase="Paused", event=("ActionRefused", "ann has approved already"))
        .when_person("Approve", "v2", by="joe")
        .when_all_settles()
        .then(stable="v2")
    )


def test_an_approval_that_expired_does_not_count() -> None:
    (
        gated(approvals=2)
        .when_person("Approve", "v2", by="ann", ttl="1h")
        .when_time_passes("1h")
        .when_reconciled()
        .when_person("Approve", "v2", by="joe")
        .then(pods={"v1": 1}, phase="Paused", says="so far joe")
    )


def test_who_asked_for_the_change_does_not_approve_it() -> None:
    story = app().serving("v1").with_rollout(approval={"required": True})
    story.world.changed_by = {"joe": BEGINNING + timedelta(seconds=1)}
    (
        story.when_prompt("v2")
        .when_person("Approve", "v2", by="joe")
        .then(pods={"v1": 1}, event=("ActionRefused", "joe asked for this change"))
        .when_person("Approve", "v2", by="ann")
        .then(pods={"v1": 1, "v2": 1})
    )


def test_unless_the_policy_allows_it() -> None:
    story = app().serving("v1").with_rollout(approval={"required": True, "allowSelfApproval": True})
    story.world.changed_by = {"joe": BEGINNING + timedelta(seconds=1)}
    story.when_prompt("v2").when_person("Approve", "v2", by="joe").then(pods={"v1": 1, "v2": 1})


def test_who_changed_what_serves_already_may_approve() -> None:
    story = app().with_rollout(approval={"required": False}).serving("v1")
    story.world.changed_by = {"ann": BEGINNING - timedelta(days=1)}
    story.with_rollout(approval={"required": True}).when_prompt("v2").when_person("Approve", "v2", by="ann").then(
        pods={"v1": 1, "v2": 1}
    )


def test_the_approval_of_one_candidate_is_none_of_the_next() -> None:
    (
        gated()
        .when_prompt("v3")
        .then(candidate="v3", phase="Paused")
        .when_person("Approve", "v2")
        .then(candidate="v3", pods={"v1": 1}, event=("ActionRefused", "is not the candidate"))
    )


def test_each_approval_step_wants_approvals_of_its_own() -> None:
    (
        app()
        .with_steps(25, {"approval": {}}, 50, {"approval": {}})
        .serving("v1")
        .canary("v2")
        .when_person("Approve", "v2", by="ann")
        .when_all_settles()
        .then(weight=50, step=3, phase="Paused")
        .when_person("Approve", "v2", by="ann")
        .when_all_settles()
        .then(stable="v2")
    )


def test_going_back_within_the_window_needs_no_approval() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .with_rollout(approval={"required": True})
        .when_prompt("v1")
        .when_all_settles()
        .then(stable="v1", phase="Healthy")
    )


def test_a_spec_that_can_not_be_resolved_opens_no_gate() -> None:
    story = app().serving("v1")
    story.when_policy_is("careful", {"approval": {"required": True}, "steps": []})
    (
        story.when_policy_is_taken_from("careful")
        .when_prompt("v2")
        .then(phase="Paused", pods={"v1": 1})
        .when_policy_is("careful", None)
        .when_all_settles()
        .then(pods={"v1": 1}, candidate="v2", stable="v1")
    )


def test_an_undo_in_between_makes_nobody_forget_who_asked() -> None:
    story = app().serving("v1").serving("v2").with_rollout(approval={"required": True})
    story.when_time_passes("1m")
    story.world.changed_by = {"joe": story.world.now}
    (
        story.when_time_passes("1m")
        .when_prompt("v3")
        .when_person("Abort", "v3", by="joe")
        .when_all_settles()
        .when_person("Undo", "v2", by="joe")
        .when_all_settles()
        .when_person("Retry", "v3", by="joe")
        .when_person("Approve", "v3", by="joe")
        .then(candidate="v3", event=("ActionRefused", "joe asked for this change"))
    )


def test_a_gate_that_the_team_takes_away_keeps_no_promotion_up() -> None:
    (
        app()
        .with_steps(25, {"approval": {}})
        .serving("v1")
        .canary("v2")
        .then(says="kubectl genaiops approve")
        .with_steps(25, {"pause": {}})
        .when_reconciled()
        .then(says="kubectl genaiops promote")
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_retry_while_the_spec_can_not_be_resolved_passes_no_gate_either() -> None:
    story = app().serving("v1")
    story.when_policy_is("careful", {"approval": {"required": True}, "steps": []})
    (
        story.when_policy_is_taken_from("careful")
        .when_prompt("v2")
        .when_person("Reject", "v2")
        .when_all_settles()
        .when_policy_is("careful", None)
        .when_person("Retry", "v2")
        .when_all_settles()
        .then(candidate="v2", stable="v1", pods={"v1": 1})
        .when_policy_is("careful", {"approval": {"required": True}, "steps": []})
        .then(phase="Paused", says="kubectl genaiops approve")
    )
