"""Whether a release does worse than it did, from two runs of a suite."""

from dataclasses import dataclass

from genaiops.api.llmapp_status import Share as Passed
from genaiops.intervals import Share, newcombe


@dataclass(frozen=True)
class Worse:
    """An evaluator that passes fewer answers than it did, by more than is allowed."""

    evaluator: str
    before: Passed
    now: Passed
    difference: Share
    """Share that passes now minus the one before."""

    def __str__(self) -> str:
        lower, upper = (round(bound * 100) for bound in (self.difference.lower, self.difference.upper))
        return (
            f"{self.evaluator}: {self.now.passed} of {self.now.judged} answers pass, {self.before.passed} of "
            f"{self.before.judged} did ({lower:+} to {upper:+} points)"
        )


def worse(before: Passed, now: Passed, allowed: float) -> Worse | None:
    """`now` where its share of passed answers is below that of `before` by more than `allowed`, as the 95 % interval of
    the difference shows.

    The two runs ask the same rows; taking them as independent only makes the interval wider.
    """
    if not before.judged or not now.judged:
        return None
    found = newcombe(now.passed, now.judged, before.passed, before.judged)
    return Worse(now.evaluator, before, now, found) if found.upper < -allowed else None
