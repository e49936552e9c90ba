"""Shares with their intervals at 95 %. Pure."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

Z: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share, or a difference of two, and its interval."""

    value: float
    lower: float
    upper: float


def wilson(hits: float, count: int) -> Share:
    """So many of so many, at least of one, with Wilson's score interval (Wilson 1927, JASA 22:209)."""
    share = hits / count
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    # At a share of 0 or 1 a bound is the share itself, but for rounding.
    return Share(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def newcombe(hits: int, count: int, other_hits: int, other_count: int) -> Share:
    """``hits/count - other_hits/other_count`` of independent counts, with the hybrid score interval (method 10).

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
    (1998) 873-890.
    """
    one, other = wilson(hits, count), wilson(other_hits, other_count)
    value = one.value - other.value
    below = sqrt((one.value - one.lower) ** 2 + (other.upper - other.value) ** 2)
    above = sqrt((one.upper - one.value) ** 2 + (other.value - other.lower) ** 2)
    return Share(value, value - below, value + above)
