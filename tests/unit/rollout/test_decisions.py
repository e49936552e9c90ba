"""What people decide on a release: carried out once, or refused with the reason."""

from rollout.scenario import Story, app, pause
from rollout.world import Requests


def paused() -> Story:
    """v2 at weight 25 until a person says more."""
    return app().with_steps(25, pause(), 50, pause()).serving("v1").canary("v2").then(phase="Paused", weight=25, step=1)


def aborted() -> Story:
    """v2 was taken back; the spec still asks for it."""
    return (
        app()
        .with_steps(25)
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(60, errors=40), stable=Requests(60))
        .when_all_settles()
        .then(stable="v1", aborted="v2", phase="Degraded")
    )


def test_a_decision_is_on_record_and_carried_out_once() -> None:
    (
        paused()
        .when_person("Promote", "v2", by="jane")
        .then(decisions=[("Promote", "Applied")], event=("ActionApplied", "Promote by jane"))
        .when_all_settles()
        .then(weight=50, step=3, phase="Paused", decisions=[("Promote", "Applied")])
        .then_nothing_changes()
    )


def test_it_stays_on_record_as_long_as_it_exists() -> None:
    story = paused().when_person("Pause", "v2").then(decisions=[("Pause", "Applied")])
    story.world.actions.clear()
    story.when_reconciled().then(decisions=[], phase="Paused", says="held by jane")


def test_the_history_names_who_decided() -> None:
    story = paused().when_person("Promote", "v2", by="jane", full=True, reason="hotfix").when_all_settles()
    assert story.world.status.history[-1].decided_by == ["Promote by jane: hotfix"]


def test_a_decision_that_nobody_looked_at_in_time_expires() -> None:
    story = paused().when_person("Abort", "v2", ttl="1h", ago="90m")
    story.then(weight=25, candidate="v2", decisions=[("Abort", "Expired")], event=("ActionExpired", "ttl"))


def test_abort_takes_the_candidate_back_and_says_who_and_why() -> None:
    (
        paused()
        .when_person("Abort", "v2", by="joe", reason="wrong tone")
        .then(weight=0, aborted="v2", phase="Degraded", says=("taken back by joe", "wrong tone"))
        .when_all_settles()
        .then(pods={"v1": 1}, history=[("v1", "Promoted"), ("v2", "Aborted")])
    )


def test_abort_retry_promoted() -> None:
    (
        aborted()
        .when_person("Retry", "v2")
        .then(candidate="v2", aborted=None)
        .when_all_settles()
        .then(weight=25)
        .when_traffic(candidate=Requests(600), stable=Requests(600))
        .when_all_settles()
        .then(stable="v2", phase="Healthy", history=[("v1", "Promoted"), ("v2", "Aborted"), ("v2", "Promoted")])
    )


def test_a_retried_release_is_judged_from_nothing_and_may_be_aborted_again() -> None:
    (
        aborted()
        .when_person("Retry", "v2")
        .when_all_settles()
        .when_traffic(candidate=Requests(60, errors=40), stable=Requests(60))
        .then(aborted="v2", weight=0)
        .then_nothing_changes()
    )


def test_pause_holds_the_rollout_wherever_it_is_and_resume_lets_it_go_on() -> None:
    (
        app()
        .with_steps(25, pause("60s"), 50)
        .serving("v1")
        .canary("v2")
        .when_person("Pause", "v2", by="joe", reason="lunch")
        .when_time_passes("999h")
        .then(weight=25, phase="Paused", says=("held by joe", "lunch", "kubectl genaiops resume support"))
        .when_person("Resume", "v2")
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_rollout_that_is_held_is_still_judged() -> None:
    (
        app()
        .with_steps(25, 50)
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_person("Pause", "v2")
        .when_traffic(candidate=Requests(60, errors=40), stable=Requests(60))
        .then(weight=0, aborted="v2")
    )


def test_a_rollout_that_is_held_before_its_weight_holds_there() -> None:
    (
        app()
        .with_steps(25)
        .serving("v1")
        .when_prompt("v2")
        .when_person("Pause", "v2")
        .when_all_settles()
        .when_time_passes("1h")
        .then(weight=0, step=0, phase="Paused", says="held by jane", aborted=None)
        .when_person("Resume", "v2")
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_rollout_that_is_held_on_its_way_to_more_weight_stays_where_it_is() -> None:
    (
        app(replicas=4)
        .with_steps(25, pause("60s"), 50, pause())
        .serving("v1")
        .canary("v2")
        .when_time_passes("60s")
        .then(weight=25, step=2, phase="Progressing")
        .when_person("Pause", "v2")
        .when_all_settles()
        .then(weight=25, says="held by jane")
        .when_person("Resume", "v2")
        .when_all_settles()
        .then(weight=50)
    )


def test_what_was_undone_takes_its_steps_when_it_is_retried() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .when_person("Undo", "v2")
        .when_all_settles()
        .with_steps(25, pause())
        .when_person("Retry", "v2")
        .when_all_settles()
        .then(stable="v1", candidate="v2", weight=25, phase="Paused")
    )


def test_a_decision_whose_owner_somebody_changed_is_not_heard_twice() -> None:
    story = paused().when_person("Promote", "v2").when_all_settles().then(weight=50, step=3, phase="Paused")
    (promotion,) = story.world.actions
    story.world.hidden = {promotion.uid}
    story.when_reconciled()
    story.world.hidden = set()
    story.when_reconciled().when_all_settles().then(weight=50, step=3, phase="Paused")


def test_a_flood_of_decisions_is_carried_out_a_part_at_a_time() -> None:
    story = paused()
    for _ in range(120):
        story.decides("Restart", "v1")
    assert len(story.world.plan().status.decisions) == 50
    story.when_reconciled()
    assert len(story.world.status.decisions) == 120


def test_promote_full_skips_pauses_verdicts_and_steps() -> None:
    (
        app()
        .with_steps(25, pause(), 50, pause("24h"))
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_person("Promote", "v2", full=True)
        .when_all_settles()
        .then(stable="v2", phase="Healthy", history=[("v1", "Promoted"), ("v2", "FastPromoted")])
    )


def test_promote_full_still_waits_for_pods() -> None:
    (
        app(replicas=4)
        .with_steps(25, pause())
        .serving("v1")
        .canary("v2")
        .when_person("Promote", "v2", full=True)
        .then(stable="v1", weight=25, pods={"v1": 4, "v2": 4}, phase="Progressing")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=100)
    )


def test_promote_full_still_needs_the_approvals_on_its_way() -> None:
    (
        app()
        .with_steps(25, pause(), {"approval": {}}, 50, pause())
        .serving("v1")
        .canary("v2")
        .when_person("Promote", "v2", full=True)
        .when_all_settles()
        .then(stable="v1", step=2, phase="Paused", says="kubectl genaiops approve")
        .when_person("Approve", "v2", by="ann")
        .when_all_settles()
        .then(stable="v2", history=[("v1", "Promoted"), ("v2", "FastPromoted")])
    )


def test_undo_goes_back_to_what_served_before_although_the_spec_asks_for_more() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .when_person("Undo", "v2", by="joe", reason="angry users")
        .then(candidate="v1", stable="v2")
        .when_all_settles()
        .then(stable="v1", candidate=None, aborted="v2", phase="Degraded", says="Undo by joe: angry users")
        .then_nothing_changes()
        .then(history=[("v1", "Promoted"), ("v2", "Promoted"), ("v1", "FastRolledBack")])
    )


def test_undo_to_a_named_release() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .serving("v3")
        .when_person("Undo", "v3", to="v1")
        .when_all_settles()
        .then(stable="v1", aborted="v3")
    )


def test_undo_beyond_the_rollback_window_takes_the_steps() -> None:
    (
        app()
        .with_rollout(rollbackWindow=1)
        .serving("v1")
        .serving("v2")
        .serving("v3")
        .with_steps(25, pause())
        .when_person("Undo", "v3", to="v1")
        .when_all_settles()
        .then(stable="v3", candidate="v1", weight=25, phase="Paused")
    )


def test_what_was_undone_may_be_retried() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .when_person("Undo", "v2")
        .when_all_settles()
        .when_person("Retry", "v2")
        .when_all_settles()
        .then(stable="v2", aborted=None, phase="Healthy")
    )


def test_a_new_change_ends_an_undo() -> None:
    (
        app()
        .serving("v1")
        .serving("v2")
        .when_person("Undo", "v2")
        .when_prompt("v3")
        .when_all_settles()
        .then(stable="v3", aborted=None, phase="Healthy")
    )


def test_an_undo_that_never_gets_ready_leaves_things_as_they_were() -> None:
    (
        app()
        .with_rollout(progressDeadline="1m")
        .serving("v1")
        .serving("v2")
        .when_person("Undo", "v2")
        .when_time_passes("2m")
        .when_all_settles()
        .then(stable="v2", phase="Healthy", aborted=None)
    )


def test_restart_replaces_the_pods_of_that_release_alone() -> None:
    story = paused().when_person("Restart", "v1").then(decisions=[("Restart", "Applied")])
    assert story.world.status.restarts == {story.name("v1"): story.world.now}


def test_two_people_promote_at_once_and_one_step_is_taken() -> None:
    story = paused()
    story.decides("Promote", "v2", by="ann", step=1)
    story.decides("Promote", "v2", by="joe", step=1)
    story.when_reconciled().when_all_settles()
    story.then(weight=50, step=3, phase="Paused", decisions=[("Promote", "Applied"), ("Promote", "Refused")])


def test_one_aborts_and_one_promotes_at_once_and_the_first_one_counts() -> None:
    story = paused()
    story.decides("Abort", "v2", by="ann")
    story.decides("Promote", "v2", by="joe", full=True)
    story.when_reconciled()
    story.then(weight=0, aborted="v2", decisions=[("Abort", "Applied"), ("Promote", "Refused")])


def test_a_decision_on_a_superseded_candidate_is_refused_with_the_phase() -> None:
    (
        paused()
        .when_prompt("v3")
        .when_all_settles()
        .when_person("Promote", "v2")
        .then(candidate="v3", weight=25, event=("ActionRefused", "is Paused"))
    )


def test_what_makes_no_sense_is_refused_with_what_would() -> None:
    for action, says in (
        ("Promote", "no rollout is under way"),
        ("Approve", "no rollout is under way"),
        ("Pause", "no rollout is under way"),
        ("Retry", "is not the release that was taken back"),
        ("Abort", "neither a candidate nor being watched"),
        ("Undo", "no release served before"),
    ):
        app().serving("v1").when_person(action, "v1").then(
            stable="v1", phase="Healthy", decisions=[(action, "Refused")], event=("ActionRefused", says)
        )


def test_undo_in_the_middle_of_a_rollout_says_what_to_do_instead() -> None:
    paused().when_person("Undo", "v1").then(candidate="v2", event=("ActionRefused", "to take it back: Abort"))


def test_without_the_webhook_everything_but_an_approval_is_taken() -> None:
    paused().when_person("Promote", "v2", anonymous=True).then(decisions=[("Promote", "Applied")])
    (
        app()
        .with_steps({"approval": {}})
        .serving("v1")
        .canary("v2")
        .when_person("Approve", "v2", anonymous=True)
        .then(stable="v1", event=("ActionRefused", "without its webhook"))
    )


def test_a_decision_in_somebody_elses_name_is_refused_whatever_it_is() -> None:
    for action in ("Promote", "Abort", "Pause"):
        paused().when_person(action, "v2", forged=True).then(
            weight=25, candidate="v2", decisions=[(action, "Refused")], event=("ActionRefused", "not written by")
        )
