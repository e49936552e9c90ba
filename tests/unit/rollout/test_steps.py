"""The arithmetic between weights and pods, for every number there is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.rollout import Pause, RolloutSpec, Step
from genaiops.rollout.steps import (
    FINAL,
    effective_steps,
    part_of_alpha,
    pods_needed,
    scale_at,
    weight_at,
    weight_carried,
)

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


def test_the_first_weight_has_half_of_alpha_and_the_others_share_the_rest() -> None:
    policy = RolloutSpec(steps=[Step(set_weight=weight) for weight in (0, 5, 25, 50, 100)])
    assert [part_of_alpha(policy, step) for step in (1, 2, 3)] == [0.5, 0.25, 0.25]


def test_who_is_judged_once_has_all_of_alpha() -> None:
    assert part_of_alpha(RolloutSpec(steps=[]), 0) == 1
    assert part_of_alpha(RolloutSpec(steps=[], watch_after_promotion="10m"), None) == 1
    assert part_of_alpha(RolloutSpec(steps=[Step(set_weight=50), Step(pause={})]), 1) == 1


def test_steps_that_measure_for_themselves_and_the_watch_have_parts_of_their_own() -> None:
    shadow, analysis = {"percent": 5, "duration": "1m"}, {"metrics": [{"name": "latency"}]}
    steps = [{"shadow": shadow}, {"setWeight": 5}, {"pause": {}}, {"analysis": analysis}, {"setWeight": 50}]
    policy = RolloutSpec.model_validate({"steps": steps, "watchAfterPromotion": "10m"})
    assert [part_of_alpha(policy, step) for step in (0, 1, 2, 3, 4, None)] == [0.5, *[0.125] * 5]


@given(
    policy=st.builds(
        RolloutSpec,
        steps=st.lists(st.sampled_from([0, 5, 5, 50, 50, 100]), max_size=8).map(
            lambda weights: [Step(set_weight=weight) for weight in sorted(weights)]
        ),
        watch_after_promotion=st.sampled_from(["0s", "10m"]),
    )
)
def test_no_rollout_spends_more_than_alpha(policy: RolloutSpec) -> None:
    judged = [index for index, step in enumerate(policy.steps) if 0 < step.set_weight < 100]
    spent = [part_of_alpha(policy, step) for step in judged]
    watched = [part_of_alpha(policy, None)] if policy.watch_after_promotion else []
    assert sum(spent + watched) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("scale", "pods"),
    [({"replicas": 7}, 7), ({"percent": 50}, 2), ({"percent": 1}, 1), ({"matchWeight": True}, 0), (None, 0)],
)
def test_a_scale_holds_until_another_one(scale: dict[str, Any] | None, pods: int) -> None:
    given = [Step.model_validate({"setCanaryScale": scale})] if scale else []
    steps = [Step(set_weight=25), *given, Step(pause=Pause())]
    assert scale_at(steps, len(steps) - 1, replicas=4) == pods
