"""The arithmetic of steps: which weight holds at a step, how many pods a weight needs."""

from collections.abc import Sequence
from typing import Final

from genaiops.api.rollout import Step

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


def stages(steps: Sequence[Step]) -> int:
    """How many times a candidate is judged: once per weight that leaves stable some traffic."""
    return max(1, sum(1 for step in steps if step.set_weight is not None and 0 < step.set_weight < 100))


def pods_needed(weight: int, replicas: int) -> int:
    """Pods that carry `weight` percent of what `replicas` pods carry; at least one, to be proved on."""
    return max(1, -(-replicas * weight // 100))


def weight_carried(ready: int, replicas: int, weight: int) -> int:
    """The part of `weight` that `ready` of the app's `replicas` pods can carry."""
    if ready >= pods_needed(weight, replicas):
        return weight
    return min(weight, 100 * ready // replicas)
