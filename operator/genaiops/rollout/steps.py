"""The arithmetic of steps: what holds at a step, how many pods a weight needs."""

from collections.abc import Sequence
from typing import Final

from genaiops.api.rollout import HeaderMatch, RolloutSpec, Step

FINAL: Final = Step(set_weight=100)


def effective_steps(steps: Sequence[Step], *, skip: bool) -> tuple[Step, ...]:
    """The steps with the implied last one; only that one where steps are skipped."""
    if skip:
        return (FINAL,)
    return (*steps, FINAL)


def weight_at(steps: Sequence[Step], index: int) -> int:
    """Percent of requests that the candidate is to have at step `index`."""
    weights = [step.set_weight for step in steps[: index + 1] if step.set_weight is not None]
    return weights[-1] if weights else 0


def scale_at(steps: Sequence[Step], index: int, replicas: int) -> int:
    """Pods that the candidate is to have at step `index` whatever its weight; 0 where its weight alone decides."""
    scales = [step.set_canary_scale for step in steps[: index + 1] if step.set_canary_scale]
    if not scales:
        return 0
    if scales[-1].percent is not None:
        return pods_needed(scales[-1].percent, replicas)
    return scales[-1].replicas or 0


def testers_at(steps: Sequence[Step], index: int) -> tuple[HeaderMatch, ...]:
    """Requests that go to the candidate at step `index` whatever its weight."""
    routes = [step.set_header_route for step in steps[: index + 1] if step.set_header_route]
    return tuple(routes[-1].match) if routes else ()


def part_of_alpha(policy: RolloutSpec, step: int | None) -> float:
    """The part of alpha that is spent on the window of this step; None: on the watch after the promotion.

    A candidate is judged once per weight that leaves stable some traffic, per step that measures for itself, and once
    more where it is watched. The first time has half of alpha, for most bad releases are bad from their first request
    on; the others share the other half. Parts of what is never judged are not spent: all together are at most 1.
    """
    opens = [
        bool(step.analysis or step.shadow or step.experiment or 0 < (step.set_weight or 0) < 100)
        for step in policy.steps
    ]
    times = sum(opens) + bool(policy.watch_after_promotion)
    if times <= 1:
        return 1.0
    first = step is not None and sum(opens[: step + 1]) <= 1
    return 0.5 if first else 0.5 / (times - 1)


def pods_needed(weight: int, replicas: int) -> int:
    """Pods that carry `weight` percent of what `replicas` pods carry; at least one, to be proved on."""
    return max(1, -(-replicas * weight // 100))


def weight_carried(ready: int, replicas: int, weight: int) -> int:
    """The part of `weight` that `ready` of the app's `replicas` pods can carry."""
    if ready >= pods_needed(weight, replicas):
        return weight
    return min(weight, 100 * ready // replicas)
