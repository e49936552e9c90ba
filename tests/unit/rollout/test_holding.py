"""A spec that can't be resolved in the middle of a rollout, and settings that change under it."""

from rollout.scenario import Story, app, pause
from rollout.world import Requests

HEALTHY, BROKEN = Requests(1000), Requests(60, errors=30)
LATE_IN_A_LONG_POLICY = {
    "steps": [{"setWeight": weight} for weight in (1, 2, 3, 4, 10, 20)],
    "analysis": {"interval": "10s", "metrics": [{"name": "error-rate"}]},
}


def canary() -> Story:
    """v2 at weight 25 of 25, 50."""
    return app().with_steps(25, 50).with_analysis("error-rate").serving("v1").canary("v2").then(weight=25)


def under_a_policy() -> Story:
    """v2 at weight 10 of a policy with more steps than the default has."""
    story = app(replicas=4).serving("v1").when_policy_is("careful", LATE_IN_A_LONG_POLICY)
    story.when_policy_is_taken_from("careful").canary("v2")
    for weight in (1, 2, 3, 4):
        story.then(weight=weight).when_traffic(candidate=HEALTHY, stable=HEALTHY).when_all_settles()
    return story.then(weight=10, step=4)


def test_an_unresolvable_spec_holds_the_candidate_where_it_is() -> None:
    (
        canary()
        .when_prompt("v9")
        .then(phase="Degraded", reason="PromptVersionNotFound", candidate="v2", weight=25, pods={"v1": 1, "v2": 1})
        .then(says=("spec.prompt.version", "no version 'v9'", "goes on serving"))
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(weight=25, candidate="v2")
        .when_prompt("v2")
        .then(weight=50)
    )


def test_a_breach_aborts_although_the_spec_is_unresolvable() -> None:
    (
        canary()
        .when_prompt("v9")
        .when_traffic(candidate=BROKEN, stable=HEALTHY)
        .then(weight=0, aborted="v2", candidate=None, stable="v1")
        .when_prompt("v2")
        .then(phase="Degraded", aborted="v2", weight=0, says="(30 of 60)")
    )


def test_a_pause_does_not_run_out_into_more_weight_while_the_spec_is_unresolvable() -> None:
    (
        app()
        .with_steps(25, pause("1m"), 50)
        .serving("v1")
        .canary("v2")
        .when_prompt("v9")
        .when_time_passes("1h")
        .then(weight=25)
        .when_prompt("v2")
        .then(weight=50)
    )


def test_a_policy_that_goes_missing_changes_no_weight_and_no_step() -> None:
    (
        under_a_policy()
        .when_policy_is("careful", None)
        .then(weight=10, step=4, reason="RolloutPolicyNotFound", candidate="v2")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(weight=10, step=4)
        .when_policy_is("careful", LATE_IN_A_LONG_POLICY)
        .when_all_settles()
        .then(weight=20, step=5)
    )


def test_a_breach_aborts_although_the_policy_is_missing() -> None:
    under_a_policy().when_policy_is("careful", None).when_traffic(candidate=BROKEN, stable=HEALTHY).then(aborted="v2")


def test_nothing_starts_while_the_spec_is_unresolvable() -> None:
    (
        app()
        .serving("v1")
        .when_prompt("v9")
        .then(phase="Degraded", stable="v1", candidate=None, conditions={"Available": "True", "Stalled": "True"})
        .then_nothing_changes()
    )


def test_a_weight_that_is_changed_at_the_present_step_is_taken_up() -> None:
    (
        app()
        .with_steps(25, pause())
        .serving("v1")
        .canary("v2")
        .with_steps(40, pause())
        .when_reconciled()
        .then(weight=40, step=1, candidate="v2")
    )


def test_fewer_steps_never_push_a_candidate_to_everything_unjudged() -> None:
    (
        app()
        .with_steps(5, 25, 50)
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(weight=50, step=2)
        .with_steps(10)
        .when_reconciled()
        .then(weight=10, step=0, stable="v1")
        .when_all_settles()
        .then(weight=10, says="unknown (0 requests)")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .then(weight=100)
    )


def test_steps_that_are_added_are_taken() -> None:
    (
        app()
        .with_steps(25, pause())
        .serving("v1")
        .canary("v2")
        .with_steps(25, pause(), 50, pause())
        .when_reconciled()
        .when_person_follows_the_message()
        .when_all_settles()
        .then(weight=50, step=3, phase="Paused")
    )


def test_a_metric_that_is_added_in_the_middle_counts_from_then_on() -> None:
    story = canary().when_traffic(candidate=Requests(20, violations=20), stable=Requests(60))
    story.with_analysis("error-rate", "guardrail-violation-rate").when_reconciled()

    story.when_traffic(candidate=Requests(500), stable=HEALTHY).then(aborted=None)


def test_a_limit_that_is_tightened_in_the_middle_applies_to_what_was_seen() -> None:
    story = app().with_steps(25).with_analysis({"name": "error-rate", "maxIncrease": "0.5"}).serving("v1").canary("v2")
    story.when_traffic(candidate=Requests(60, errors=25), stable=HEALTHY).then(aborted=None, weight=25)

    story.with_analysis({"name": "error-rate", "maxIncrease": "0.05"}).when_reconciled().then(aborted="v2", weight=0)
