"""The limits of a share: what each is a limit of, and how much."""

from decimal import Decimal
from enum import Enum

from genaiops.api.analysis import Metric

DEFAULT_MAX_INCREASE = Decimal("0.05")


class Of(Enum):
    """What a limit is a limit of."""

    DIFFERENCE = "maxIncrease"
    RATIO = "maxRatio"
    SHARE = "max"


def limits_of(metric: Metric) -> list[tuple[Of, Decimal]]:
    """The limits of a metric of the data plane: those that are set, or the default one."""
    increase = metric.max_increase
    if increase is None and metric.max is None and metric.max_ratio is None:
        increase = DEFAULT_MAX_INCREASE
    limits = ((Of.DIFFERENCE, increase), (Of.RATIO, metric.max_ratio), (Of.SHARE, metric.max))
    return [(of, limit) for of, limit in limits if limit is not None]
