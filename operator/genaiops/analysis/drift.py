"""Whether a release does worse than it did, from two runs of a suite."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from genaiops.api.llmapp_status import Share

_Z: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True)
class Worse:
    """An evaluator that passes fewer answers than it did, by more than is allowed."""

    evaluator: str
    before: Share
    now: Share
    lower: float
    upper: float
    """Of the difference of shares, now minus before."""

    def __str__(self) -> str:
        return (
            f"{self.evaluator}: {self.now.passed} of {self.now.judged} answers pass, {self.before.passed} of "
            f"{self.before.judged} did ({self.lower * 100:+.0f} to {self.upper * 100:+.0f} points)"
        )


def worse(before: Share, now: Share, allowed: float) -> Worse | None:
    """`now` where its share of passed answers is below that of `before` by more than `allowed`, as the 95 % interval of
    the difference shows.

    The interval is Newcombe's hybrid score interval for two independent proportions: R. G. Newcombe, "Interval
    estimation for the difference between independent proportions", Statistics in Medicine 17 (1998) 873-890, method 10.
    The two runs ask the same rows; taking them as independent only makes the interval wider.
    """
    if not before.judged or not now.judged:
        return None
    lower, upper = difference(now.passed, now.judged, before.passed, before.judged)
    return Worse(now.evaluator, before, now, lower, upper) if upper < -allowed else None


def difference(hits: int, samples: int, other_hits: int, other_samples: int) -> tuple[float, float]:
    """Newcombe's 95 % interval of ``hits/samples - other_hits/other_samples``."""
    p, q = hits / samples, other_hits / other_samples
    low, high = wilson(hits, samples)
    other_low, other_high = wilson(other_hits, other_samples)
    below = sqrt((p - low) ** 2 + (other_high - q) ** 2)
    above = sqrt((high - p) ** 2 + (q - other_low) ** 2)
    return p - q - below, p - q + above


def wilson(hits: int, samples: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share. E. B. Wilson, JASA 22 (1927) 209-212."""
    share, z2 = hits / samples, _Z * _Z
    centre = (share + z2 / (2 * samples)) / (1 + z2 / samples)
    half = _Z * sqrt(share * (1 - share) / samples + z2 / (4 * samples * samples)) / (1 + z2 / samples)
    return max(0.0, centre - half), min(1.0, centre + half)
