"""Rule 3: capacity before weight, and stable at its full size. Rule 9: scaling is no release."""

from rollout.scenario import app


def test_half_of_the_weight_needs_half_of_the_pods() -> None:
    (
        app(replicas=4)
        .with_steps(50, {"pause": {}})
        .serving("v1")
        .when_prompt("v2")
        .then(pods={"v1": 4, "v2": 2})
        .when_pods_ready("v2", 1)
        .when_gateway_reports()
        .then(weight=0, says="1 of 2 pods")
        .when_pods_ready("v2", 2)
        .when_gateway_reports()
        .then(weight=50)
    )


def test_a_higher_weight_waits_for_its_pods_while_the_lower_one_holds() -> None:
    (
        app(replicas=4)
        .with_steps(25, 75)
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .when_gateway_reports()
        .then(weight=25, step=1, pods={"v1": 4, "v2": 3}, says="1 of 3 pods")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=75, step=1)
    )


def test_weight_follows_lost_pods_at_once_and_comes_back_with_them() -> None:
    (
        app(replicas=4)
        .with_steps(50, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .then(weight=50)
        .when_pods_ready("v2", 1)
        .then(weight=25, says="1 of 2 pods", event=("WeightSet", "weight 50 → 25"))
        .when_pods_ready("v2", 0)
        .then(weight=0, pods={"v1": 4, "v2": 2}, event=("WeightSet", "weight 25 → 0"))
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=50)
    )


def test_a_candidate_whose_pods_the_gateway_lost_sight_of_gets_nothing() -> None:
    (
        app(replicas=2)
        .with_steps(50, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .when_gateway_loses_sight_of("v2")
        .then(weight=0, says="the gateway sees 0 of 1 healthy endpoints")
        .when_gateway_reports()
        .then(weight=50)
    )


def test_a_gateway_that_falls_silent_changes_no_weight() -> None:
    (
        app(replicas=2)
        .with_steps(50, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .when_gateway_is_silent("timeout")
        .then(weight=50, says="timeout")
        .when_gateway_reports()
        .then(weight=50, phase="Paused")
    )


def test_while_its_candidate_has_no_pods_the_operator_sleeps_until_something_happens() -> None:
    story = app().with_steps(50).with_analysis("error-rate").serving("v1").canary("v2").when_pods_ready("v2", 0)

    story.then(weight=0).when_time_passes("5m").then(weight=0)

    assert story.world.wake
    assert (story.world.wake - story.world.now).total_seconds() == 300, "the progress deadline, no reading"


def test_stable_keeps_its_full_size_until_the_gateway_sends_it_nothing() -> None:
    (
        app(replicas=4)
        .with_steps(50)
        .serving("v1")
        .canary("v2")
        .then(pods={"v2": 4}, retiring=[])
        .when_prompt("v3")
        .when_pods_ready("v3")
        .when_gateway_reports()
        .then(pods={"v2": 4, "v3": 2}, weight=50)
        .when_gateway_reports()
        .when_pods_ready("v3")
        .when_gateway_reports()
        .then(pods={"v2": 4, "v3": 4}, weight=100, stable="v2")
        .when_gateway_reports()
        .then(pods={"v3": 4}, stable="v3", retiring=["v2"])
    )


def test_scaling_the_app_is_no_release() -> None:
    (
        app(replicas=2)
        .serving("v1")
        .when_replicas(5)
        .then(pods={"v1": 5}, candidate=None, releases=["v1"], phase="Progressing", says="2 of 5 pods")
        .when_pods_ready("v1")
        .then(phase="Healthy")
        .when_replicas(1)
        .then(pods={"v1": 1}, phase="Healthy", history=[("v1", "Promoted")])
    )


def test_scaling_in_the_middle_of_a_rollout_scales_both_and_takes_weight_that_is_not_carried() -> None:
    (
        app(replicas=2)
        .with_steps(50, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .then(weight=50, pods={"v1": 2, "v2": 1})
        .when_replicas(8)
        .then(weight=12, pods={"v1": 8, "v2": 4}, candidate="v2", step=1)
        .when_all_settles()
        .then(weight=50, step=1, phase="Paused")
    )


def test_a_lower_weight_takes_traffic_before_it_takes_pods() -> None:
    (
        app(replicas=4)
        .with_steps(75, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .then(weight=75, pods={"v1": 4, "v2": 3})
        .with_steps(25, {"pause": {}})
        .when_reconciled()
        .then(weight=25, pods={"v1": 4, "v2": 3})
        .when_gateway_reports()
        .then(weight=25, pods={"v1": 4, "v2": 1})
    )
