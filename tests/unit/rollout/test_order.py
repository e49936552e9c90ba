"""Rules 1, 2 and 8: what comes before what."""

from datetime import timedelta

from rollout.scenario import app
from rollout.world import Requests


def test_the_first_release_serves_without_steps_once_pods_and_gateway_are_ready() -> None:
    (
        app(replicas=2)
        .with_steps(25, 50)
        .when_reconciled()
        .then(phase="Progressing", stable=None, pods={"v1": 2}, says="0 of 2 pods", event=("RolloutStarted", "first"))
        .when_pods_ready("v1", 1)
        .then(stable=None, says="1 of 2 pods")
        .when_pods_ready("v1")
        .then(stable=None, says="the gateway sees 0 of 2 healthy endpoints")
        .when_gateway_reports()
        .then(phase="Healthy", stable="v1", candidate=None, history=[("v1", "Promoted")])
        .then_nothing_changes()
    )


def test_a_candidate_gets_no_weight_before_its_pods_are_ready_and_the_gateway_sees_them() -> None:
    (
        app()
        .with_steps(25)
        .serving("v1")
        .when_prompt("v2")
        .then(phase="Progressing", candidate="v2", weight=0, pods={"v1": 1, "v2": 1}, says="0 of 1 pods")
        .when_pods_ready("v2")
        .then(weight=0, says="the gateway sees 0 of 1 healthy endpoints")
        .when_gateway_reports()
        .then(weight=25, says="waiting for the gateway to report weight 25", event=("WeightSet", "weight 0 → 25"))
    )


def test_a_step_begins_when_its_weight_is_in_effect_and_not_when_it_was_asked_for() -> None:
    story = app().with_steps(25, {"pause": {"duration": "1m"}}).serving("v1").when_prompt("v2").when_pods_ready("v2")
    (
        story.when_gateway_reports()
        .when_time_passes("5m")
        .then(weight=25, says="waiting for the gateway")
        .when_gateway_reports()
        .then(weight=25, says="paused for 1m")
        .when_time_passes("59s")
        .then(weight=25, phase="Paused")
        .when_time_passes("1s")
        .then(weight=100)
    )


def test_what_was_counted_before_the_weight_was_in_effect_does_not_count() -> None:
    story = app().with_steps(25).with_analysis("error-rate").serving("v1").when_prompt("v2").when_pods_ready("v2")
    # Testers pin requests to the candidate and break it on purpose.
    story.world.answer(story.name("v2"), Requests(500, errors=500))
    (
        story.when_gateway_reports()
        .when_gateway_reports()
        .when_time_passes("10s")
        .then(weight=25, says="unknown (0 requests)")
        .when_traffic(candidate=Requests(1000), stable=Requests(3000))
        .then(weight=100, aborted=None)
    )


def test_weights_follow_each_other_up_to_the_promotion() -> None:
    (
        app()
        .with_steps(5, 50)
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=5, step=0)
        .when_gateway_reports()
        .then(weight=50, step=1)
        .when_gateway_reports()
        .then(weight=100, step=2, stable="v1")
        .when_gateway_reports()
        .then(stable="v2", candidate=None, weight=0, phase="Healthy", event=("RolloutPromoted", "all steps passed"))
        .then(history=[("v1", "Promoted"), ("v2", "Promoted")])
    )


def test_a_weight_of_zero_proves_the_pods_before_anyone_is_sent_to_them() -> None:
    (
        app()
        .with_steps(0, {"pause": {}}, 50)
        .serving("v1")
        .canary("v2")
        .then(phase="Paused", weight=0, pods={"v1": 1, "v2": 1}, says="until a person promotes")
    )


def test_with_no_steps_a_candidate_takes_over_as_soon_as_it_can_carry_everything() -> None:
    (
        app(replicas=3)
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2", 2)
        .then(weight=0, pods={"v1": 3, "v2": 3}, says="2 of 3 pods")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=100, stable="v1")
        .when_gateway_reports()
        .then(stable="v2")
    )


def test_a_gateway_that_cannot_be_asked_gets_no_new_weight_and_the_status_says_why() -> None:
    (
        app()
        .with_steps(25)
        .serving("v1")
        .when_gateway_is_silent("pod gateway-1 does not answer")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .then(weight=0, says=("healthy endpoints", "pod gateway-1 does not answer"))
        .when_gateway_reports()
        .then(weight=25)
    )


def test_the_gateway_is_asked_less_and_less_often_the_longer_it_is_silent() -> None:
    story = app().with_steps(25).serving("v1").when_prompt("v2").when_pods_ready("v2")
    story.when_gateway_is_silent("connection refused")
    waits = []
    for _ in range(30):
        assert story.world.wake
        waits.append(story.world.wake - story.world.now)
        story.world.pass_time(waits[-1])
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=0.2), timedelta(seconds=5))


def test_while_pods_start_nobody_is_asked_anything() -> None:
    story = app().with_steps(25).with_analysis("error-rate").serving("v1").when_prompt("v2")

    assert story.world.wake
    assert (story.world.wake - story.world.now).total_seconds() == 600, "the progress deadline alone"
