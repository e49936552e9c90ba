"""The arithmetic between weights and pods, for every number there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.rollout import Pause, Step
from genaiops.rollout.steps import FINAL, effective_steps, pods_needed, stages, weight_at, weight_carried

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
    assert stages((Step(set_weight=0), *STEPS, Step(set_weight=100), FINAL)) == 2
    assert stages((FINAL,)) == 1
