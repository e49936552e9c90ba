"""How many pods a weight takes, and how much weight pods carry: by what splits the app's traffic."""

from collections.abc import Callable
from typing import Final, NamedTuple

from genaiops.api.traffic import Traffic
from genaiops.rollout import ratio, steps


class Capacity(NamedTuple):
    """The arithmetic between weights (percent) and pods, of which the app has `replicas`."""

    pods_needed: Callable[[int, int], int]
    """(weight, replicas) → pods of the candidate."""
    weight_carried: Callable[[int, int, int], int]
    """(ready, replicas, weight) → the part of the weight that so many ready pods carry."""
    remark: Callable[[int, int], str | None]
    """(weight, replicas) → what a person has to be told of a weight that can't be had exactly."""


_BY_ROUTES: Final = Capacity(steps.pods_needed, steps.weight_carried, lambda weight, replicas: None)
_BY_PODS: Final = Capacity(ratio.pods_needed, ratio.weight_carried, ratio.remark)


def capacity_of(traffic: Traffic) -> Capacity:
    """Of an app whose traffic is split like this."""
    return _BY_PODS if traffic.replicas else _BY_ROUTES
