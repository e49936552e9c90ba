"""A detector where it runs: on the event loop, in a worker process, or asking a server."""

import asyncio
from dataclasses import dataclass, replace
from math import ceil
from time import monotonic
from typing import Final, Protocol, Self

from genaiops.guardrails.finding import NOTHING, Context, Cost, Detector, Finding, RemoteDetector
from genaiops.guardrails.memory import Memory
from genaiops.guardrails.pool import Pool

INLINE: Final = 4096
"""Characters that are judged on the event loop, in well under a millisecond; more goes to a thread."""
PIECE: Final = 4000
"""Characters that a worker judges at once: a long text keeps nobody's short one waiting for longer."""
BEFORE: Final = 2000
"""Characters before what is judged that a worker gets to see along with it."""

Judged = tuple[list[Finding], int]
"""What was found, in order, and up to where the text is judged for good: no finding reaches beyond."""


class Judge(Protocol):
    """Judges texts, each from `start` on: what stands before it was judged already."""

    @property
    def cost(self) -> Cost:
        """As in Detector."""

    @property
    def judges_whole(self) -> bool:
        """As in Detector."""

    def given(self, context: Context) -> Self:
        """As in Detector."""

    async def judge(self, text: str, start: int, complete: bool) -> Judged:
        """Raises what the detector raises."""


@dataclass(frozen=True, slots=True)
class Here:
    """In this process."""

    detector: Detector

    @property
    def cost(self) -> Cost:
        return self.detector.cost

    @property
    def judges_whole(self) -> bool:
        return self.detector.judges_whole

    def given(self, context: Context) -> Self:
        bound = self.detector.given(context)
        return self if bound is self.detector else replace(self, detector=bound)

    async def judge(self, text: str, start: int, complete: bool) -> Judged:
        if self.cost is Cost.INLINE and len(text) - start <= INLINE:
            return self._judge(text, start, complete)
        return await asyncio.to_thread(self._judge, text, start, complete)

    def _judge(self, text: str, start: int, complete: bool) -> Judged:
        findings = self.detector.find(text, start, complete)
        return _final(findings, len(text) if complete else self.detector.first_open(text, start))


@dataclass(frozen=True, slots=True)
class InWorker:
    """In a worker process, which has its own copy of the detector."""

    detector: Detector
    settings: str
    """Of the detector, as JSON."""
    pool: Pool
    memory: Memory
    seconds: float
    """For one piece of a text."""
    context: Context = NOTHING
    cost = Cost.PROCESS

    @property
    def judges_whole(self) -> bool:
        return self.detector.judges_whole

    def given(self, context: Context) -> Self:
        return replace(self, context=context)

    async def judge(self, text: str, start: int, complete: bool) -> Judged:
        cut = len(text) if complete else self.detector.first_open(text, start)
        if not text[start:cut].strip():
            return [], cut
        alone = complete and start == 0 and self.context == NOTHING
        if alone and (known := self.memory.recall(text)) is not None:
            return known, cut
        until = monotonic() + time_for(len(text) - start, self.seconds)
        found: list[Finding] = []
        # Like a stream that comes piece by piece: what more text could change is judged with the next one.
        while (end := start + PIECE) < len(text) and (final := self.detector.first_open(text[:end], start)) > start:
            piece, judged = await self._piece(text[:end], start, final, until, complete=False)
            found += piece
            if judged == start:
                break
            start = judged
        rest, cut = await self._piece(text, start, cut, until, complete)
        found += rest
        if alone:
            self.memory.keep(text, found)
        return found, cut

    async def _piece(self, text: str, start: int, cut: int, until: float, complete: bool) -> Judged:
        first = max(0, start - BEFORE)
        seconds = until - monotonic()
        found = await self.pool.find(self.settings, self.context, text[first:], start - first, complete, seconds)
        return _final([replace(f, start=f.start + first, end=f.end + first) for f in found], cut)


@dataclass(frozen=True, slots=True)
class Asked:
    """By a server."""

    detector: RemoteDetector
    cost = Cost.REMOTE

    @property
    def judges_whole(self) -> bool:
        return self.detector.judges_whole

    def given(self, context: Context) -> Self:
        return replace(self, detector=self.detector.given(context))

    async def judge(self, text: str, start: int, complete: bool) -> Judged:
        cut = len(text) if complete else self.detector.first_open(text, start)
        if not text[start:cut].strip():
            return [], cut
        return _final(await self.detector.find(text[:cut], start, complete), cut)


def time_for(characters: int, seconds: float) -> float:
    """Of a detector that computes, for a text of this length, when it has so many seconds for one of PIECE."""
    return seconds * max(1, ceil(characters / PIECE))


def _final(findings: list[Finding], cut: int) -> Judged:
    # A finding is let go or held as one; an open one always reaches past the first open place.
    for finding in reversed(findings):
        if finding.start < cut < finding.end:
            cut = finding.start
    return [finding for finding in findings if finding.end <= cut], cut
