"""The arithmetic between weights and pods, for every number there is."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.analysis import Metric
from genaiops.api.rollout import AnalysisStep, Pause, RolloutSpec, Shadow, Step
from genaiops.rollout.steps import FINAL, effective_steps, pods_needed, scale_at, weight_at, weight_carried, windows

WEIGHTS, REPLICAS = st.integers(0, 100), st.integers(1, 1000)
STEPS = (Step(set_weight=25), Step(pause=Pause()), Step(set_weight=50))


@pytest.mark.parametrize(
    ("weight", "replicas", "pods"), [(50, 4, 2), (25, 4, 1), (26, 4, 2), (0, 4, 1), (1, 1, 1), (100, 3, 3), (5, 10, 1)]
)
def test_a_weight_needs_its_share_of_the_pods_rounded_up(weight: int, replicas: int, pods: int) -> None:
    assert pods_needed(weight, replicas) == pods


@given(WEIGHTS, REPLICAS)
def test_the_pods_that_a_weight_needs_carry_it_and_are_never_more_than_all(weight: int, replicas: int) -> None:
    pods = pods_needed(weight, replicas)

    assert 1 <= pods <= replicas
    assert weight_carried(pods, replicas, weight) == weight


@given(st.integers(0, 1000), WEIGHTS, REPLICAS)
def test_no_pods_carry_nothing_and_more_pods_never_carry_less(ready: int, weight: int, replicas: int) -> None:
    assert weight_carried(0, replicas, weight) == 0
    carried = weight_carried(ready, replicas, weight)
    assert 0 <= carried <= weight
    assert weight_carried(ready + 1, replicas, weight) >= carried


@given(st.integers(0, 1000), WEIGHTS, REPLICAS)
def test_what_is_carried_needs_no_more_pods_than_are_ready(ready: int, weight: int, replicas: int) -> None:
    if carried := weight_carried(ready, replicas, weight):
        assert pods_needed(carried, replicas) <= ready


def test_a_last_step_to_everything_is_implied_and_is_all_that_is_left_without_steps() -> None:
    assert effective_steps(STEPS, skip=False) == (*STEPS, FINAL)
    assert effective_steps(STEPS, skip=True) == (FINAL,)


def test_a_pause_stays_at_the_weight_before_it() -> None:
    assert [weight_at((*STEPS, FINAL), index) for index in range(4)] == [25, 25, 50, 100]
    assert weight_at((Step(pause=Pause()), FINAL), 0) == 0


def test_a_candidate_is_judged_once_for_each_weight_that_leaves_stable_some_traffic() -> None:
    assert windows(RolloutSpec(steps=[Step(set_weight=0), *STEPS, Step(set_weight=100)])) == 2
    assert windows(RolloutSpec(steps=[])) == 1


def test_steps_that_measure_and_the_watch_are_each_judged_once_more() -> None:
    smoke = Step(analysis=AnalysisStep(metrics=[Metric(name="error-rate")]))
    copies = Step(shadow=Shadow(percent=10, duration=timedelta(minutes=1)))
    policy = RolloutSpec(steps=[copies, *STEPS, smoke], watch_after_promotion=timedelta(minutes=5))
    assert windows(policy) == 2 + 2 + 1


@pytest.mark.parametrize(
    ("scale", "pods"),
    [({"replicas": 7}, 7), ({"percent": 50}, 2), ({"percent": 1}, 1), ({"matchWeight": True}, 0), (None, 0)],
)
def test_a_scale_holds_until_another_one(scale: dict[str, Any] | None, pods: int) -> None:
    given = [Step.model_validate({"setCanaryScale": scale})] if scale else []
    steps = [Step(set_weight=25), *given, Step(pause=Pause())]
    assert scale_at(steps, len(steps) - 1, replicas=4) == pods
