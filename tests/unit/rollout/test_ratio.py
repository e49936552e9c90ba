"""Weights as numbers of pods behind one Service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.rollout.ratio import pods_needed, remark, weight_carried, weight_had

REPLICAS = st.integers(1, 1000)
WEIGHTS = st.integers(0, 100)


@pytest.mark.parametrize(
    ("weight", "replicas", "pods", "had"),
    [(0, 10, 1, 0), (5, 20, 1, 5), (5, 2, 1, 33), (25, 3, 1, 25), (25, 10, 3, 23), (50, 7, 7, 50), (100, 7, 7, 100)],
)
def test_pods_come_as_near_to_the_weight_as_they_can(weight: int, replicas: int, pods: int, had: int) -> None:
    assert pods_needed(weight, replicas) == pods
    assert weight_had(weight, replicas) == had


@given(WEIGHTS, REPLICAS)
def test_no_other_number_of_pods_is_nearer(weight: int, replicas: int) -> None:
    pods = pods_needed(weight, replicas)
    assert 1 <= pods <= replicas
    if 0 < weight < 50:

        def off(number: int) -> float:
            """By how many pods the candidate's part is missed."""
            return abs(number - weight * replicas / (100 - weight))

        assert off(pods) == min(off(number) for number in range(1, replicas + 1))


@given(WEIGHTS, WEIGHTS, REPLICAS)
def test_more_weight_never_needs_fewer_pods(one: int, other: int, replicas: int) -> None:
    low, high = sorted((one, other))
    assert pods_needed(low, replicas) <= pods_needed(high, replicas)
    assert weight_had(low, replicas) <= weight_had(high, replicas)


@given(WEIGHTS, REPLICAS, st.integers(0, 1000))
def test_lost_pods_take_weight_away_and_never_need_more_than_are_left(weight: int, replicas: int, ready: int) -> None:
    carried = weight_carried(ready, replicas, weight)
    assert 0 <= carried <= weight
    assert pods_needed(carried, replicas) <= max(1, ready)
    if ready == 0 and weight:
        assert carried == 0


def test_a_person_is_told_what_the_pods_make_of_a_weight() -> None:
    assert remark(50, 3) is None
    assert remark(0, 3) is None
    assert remark(100, 3) is None
    assert remark(5, 1) == "weight 5 is 50 percent with traffic.replicas: 1 pod of the candidate beside 1 of stable"
    assert remark(90, 2) == "weight 90 is 50 percent with traffic.replicas: 2 pods of the candidate beside 2 of stable"
