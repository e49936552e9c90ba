"""Rule 4: a breach takes the traffic in the plan that saw it; what was aborted stays aborted."""

from rollout.scenario import Story, app
from rollout.world import Requests

HEALTHY, LEAKING = Requests(300), Requests(60, violations=30)


def leaking_canary() -> Story:
    """v2 at weight 25, its answers about to leak what they must not."""
    story = app().with_steps(25, 50).with_analysis("guardrail-violation-rate")
    return story.serving("v1").canary("v2").then(weight=25)


def aborted() -> Story:
    """v2 was taken back."""
    return leaking_canary().when_traffic(candidate=LEAKING, stable=HEALTHY)


def test_a_breach_aborts_in_the_plan_that_saw_it() -> None:
    story = leaking_canary()
    world = story.world
    world.answer(story.name("v2"), LEAKING)
    world.answer(story.name("v1"), HEALTHY)
    world.now += story.world.spec.rollout.analysis.interval  # type: ignore[union-attr]

    plan = world.plan()

    assert plan.status.aborted_release == story.name("v2")
    assert (plan.routes.stable, plan.routes.candidate, plan.routes.weight) == (story.name("v1"), None, 0)
    assert [notice.reason for notice in plan.notices] == ["RolloutAborted"]


def test_the_status_and_the_event_tell_why_with_the_numbers() -> None:
    aborted().then(
        phase="Degraded",
        reason="RolloutAborted",
        stable="v1",
        aborted="v2",
        weight=0,
        says=("50.0% (30 of 60)", "0.0% (0 of 300)", "limit +5", "goes on serving", "change the spec"),
        event=("RolloutAborted", "50.0% (30 of 60)"),
        history=[("v1", "Promoted"), ("v2", "Aborted")],
    )


def test_weight_goes_first_then_pods_then_the_address() -> None:
    story = aborted().then(weight=0, pods={"v1": 1, "v2": 1}, retiring=["v2"])
    assert story.name("v2") in story.world.gateway.told.backends

    story.when_gateway_reports().then(pods={"v1": 1}, retiring=["v2"])
    assert story.name("v2") in story.world.gateway.told.backends
    assert story.world.plan().draining == (story.name("v2"),)

    story.when_pods_ended().then(retiring=[])
    assert story.name("v2") not in story.world.gateway.told.backends
    assert story.world.plan().draining == ()


def test_an_aborted_release_is_not_tried_again_by_itself() -> None:
    story = aborted().when_all_settles()
    for _ in range(3):
        story.when_time_passes("1h").when_reconciled().then(
            weight=0, aborted="v2", candidate=None
        ).then_nothing_changes()
    story.then(history=[("v1", "Promoted"), ("v2", "Aborted")])


def test_another_change_after_an_abort_starts() -> None:
    (
        aborted()
        .when_all_settles()
        .canary("v3")
        .then(aborted=None, candidate="v3", weight=25, phase="Progressing")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(weight=50)
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(stable="v3", phase="Healthy")
    )


def test_another_change_starts_even_while_the_aborted_pods_still_end() -> None:
    aborted().when_prompt("v3").then(candidate="v3", retiring=["v2"], weight=0, pods={"v1": 1, "v2": 1, "v3": 1})


def test_asking_for_the_stable_release_again_heals_an_aborted_app() -> None:
    aborted().when_all_settles().when_prompt("v1").then(
        phase="Healthy", aborted=None, candidate=None, history=[("v1", "Promoted"), ("v2", "Aborted")]
    )


def test_an_aborted_release_may_be_tried_again_after_the_spec_went_away_from_it() -> None:
    (
        aborted()
        .when_all_settles()
        .when_prompt("v1")
        .canary("v2")
        .then(candidate="v2", weight=25, aborted=None, says="unknown (0 requests)")
    )


def test_going_back_to_stable_in_the_middle_takes_the_traffic_at_once() -> None:
    (
        leaking_canary()
        .when_prompt("v1")
        .then(weight=0, candidate=None, aborted=None, retiring=["v2"], pods={"v1": 1, "v2": 1}, phase="Healthy")
        .then(history=[("v1", "Promoted"), ("v2", "RolledBack")], event=("RolloutRolledBack", "stable release again"))
        .when_all_settles()
        .then(retiring=[], pods={"v1": 1})
    )


def test_an_operator_that_was_killed_after_writing_the_status_carries_the_abort_out() -> None:
    story = leaking_canary()
    world, gateway_before, pods_before = story.world, story.world.gateway.told, dict(story.world.deployments)
    story.when_traffic(candidate=LEAKING, stable=HEALTHY)
    # Status is written first: all that followed is lost with the operator.
    world.gateway.told, world.deployments = gateway_before, pods_before

    story.when_reconciled().then(weight=0, aborted="v2", history=[("v1", "Promoted"), ("v2", "Aborted")])


def test_many_breaches_at_once_fit_in_the_status() -> None:
    bounds = ["0.01", "0.02", "0.04", "0.08", "0.16", "0.32", "0.64", "1.28", "2.56", "5.12", "10.24", "20.48", "40.96"]
    limits = {"maxIncrease": "0.02", "max": "0.03"}
    latencies = [{"name": "latency", "threshold": bound, **limits} for bound in bounds]
    story = app().with_steps(25).with_analysis("error-rate", "guardrail-violation-rate", *latencies)
    bad = Requests(10_000_000, errors=5_000_000, slow=5_000_000, violations=5_000_000)
    (
        story.serving("v1")
        .canary("v2")
        .when_traffic(candidate=bad, stable=Requests(20_000_000))
        .then(weight=0, aborted="v2", says="error-rate 50.0%")
    )


def test_a_candidate_that_waits_for_more_pods_is_judged_all_the_while() -> None:
    (
        app(replicas=4)
        .with_steps(25, 75)
        .with_analysis("guardrail-violation-rate")
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .when_gateway_reports()
        .then(weight=25)
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .then(weight=25, step=1, says="1 of 3 pods")
        .when_traffic(candidate=Requests(300, violations=300), stable=HEALTHY)
        .then(weight=0, aborted="v2", phase="Degraded")
    )
