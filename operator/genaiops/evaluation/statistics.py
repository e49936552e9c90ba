"""Shares with their intervals, and the difference of two shares on the same rows. Pure.

A row that is asked several times counts once, with the share of its answers that passed: the answers to one question
are alike, and counting each would promise more than is known. The share of a row lies between 0 and 1, so it varies no
more than a yes or no of the same mean would, and the intervals below, made for those, are never too narrow for it.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Final

from genaiops.intervals import Share, Z, wilson

_STEPS: Final = 60


def pass_rate(rows: Sequence[float]) -> Share:
    """The mean of the rows' shares, with its interval. At least one row."""
    return wilson(sum(rows), len(rows))


def difference(pairs: Sequence[tuple[float, float]]) -> Share:
    """Mean of first − second over rows, with Tango's score interval (Tango 1998, Statistics in Medicine 17:891).

    Tango counts the rows on which only the first passes, and only the second. A row that is asked several times adds
    what it passes more often with one of them: 3 of 5 against 1 of 5 adds 0.4. At least one row.
    """
    more = sum(max(0.0, first - second) for first, second in pairs)
    less = sum(max(0.0, second - first) for first, second in pairs)
    count, value = len(pairs), (more - less) / len(pairs)

    def distance(supposed: float) -> float:
        return _tango(more, less, count, supposed)

    # The statistic falls as the supposed difference grows.
    lower = -1.0 if value <= -1 else _root(lambda at: distance(at) - Z, -1.0, value)
    upper = 1.0 if value >= 1 else _root(lambda at: distance(at) + Z, value, 1.0)
    return Share(value, min(lower, value), max(upper, value))


def _tango(more: float, less: float, count: int, supposed: float) -> float:
    """How many standard errors the observed difference lies above the supposed one."""
    a = 2 * count
    b = -more - less + (2 * count - more + less) * supposed
    c = -less * supposed * (1 - supposed)
    only_second = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = count * (2 * only_second + supposed * (1 - supposed))
    above = more - less - count * supposed
    if variance <= 0:
        return 0.0 if above == 0 else float("inf") if above > 0 else float("-inf")
    return above / sqrt(variance)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes zero."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
