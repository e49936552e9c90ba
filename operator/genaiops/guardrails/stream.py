"""Judging a text while it comes: what is judged is let go, what more text could still change is held back.

Cut into chunks in whatever way, a text gives the same output and the same decisions; a whole text is one chunk.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from genaiops.api.guardrails import Action, OnError
from genaiops.guardrails.checks import BlockedError, Check, DetectorError, Report
from genaiops.guardrails.finding import Finding

T = TypeVar("T")

logger = logging.getLogger(__name__)

INLINE = 4096
"""Characters that are judged on the event loop, in well under a millisecond; more goes to a thread."""
GROWTH = 8
"""A held text is judged again when it has grown by one part in so many: linear work on a long text, however cut."""


class Chain:
    """The checks for one text, each judging what the one before lets through."""

    def __init__(self, checks: Sequence[Check], report: Report) -> None:
        self._links = [_Link(check, report) for check in checks]

    async def feed(self, text: str) -> str:
        """What may go out now. Raises BlockedError or DetectorError; then nothing more of the text may."""
        for link in self._links:
            text = await link.advance(text, complete=False)
        return text

    async def finish(self, text: str = "") -> str:
        """The last of the text, and what may go out of all that was held. Raises as `feed`."""
        for link in self._links:
            text = await link.advance(text, complete=True)
        return text


class _Link:
    """One check and its text: ``text[:cut]`` is judged and gone."""

    def __init__(self, check: Check, report: Report) -> None:
        self._check = check
        self._report = report
        self._text = ""
        self._cut = 0
        self._judge_at = 0
        self._off = False

    async def advance(self, more: str, complete: bool) -> str:
        if self._off:
            return more
        self._text += more
        only_counts = self._check.action is Action.FLAG
        if not complete and len(self._text) < self._judge_at:
            return more if only_counts else ""
        try:
            findings, cut = await self._run(complete)
        except Exception as error:
            return self._failed(error, more if only_counts else self._text[self._cut :])
        if findings:
            self._report.decisions[self._check.name] = self._check.action
            if self._check.action is Action.BLOCK:
                raise BlockedError(self._check)
        released = more if only_counts else _redacted(self._text, self._cut, cut, findings)
        self._cut = cut
        held = len(self._text) - cut
        self._judge_at = len(self._text) + max(1, held // GROWTH)
        return released

    async def _run(self, complete: bool) -> tuple[list[Finding], int]:
        detector, text, start = self._check.detector, self._text, self._cut

        def judge() -> tuple[list[Finding], int]:
            findings = detector.find(text, start, complete)
            if complete:
                return findings, len(text)
            cut = detector.first_open(text, start)
            # A finding is let go or held as one; an open one always reaches past the first open place.
            for finding in reversed(findings):
                if finding.start < cut < finding.end:
                    cut = finding.start
            return [finding for finding in findings if finding.end <= cut], cut

        return await _call(judge, len(text) - start, self._check.timeout)

    def _failed(self, error: Exception, held: str) -> str:
        self._report.errors.append(self._check.name)
        logger.error("guardrail %s failed: %s", self._check.name, type(error).__name__)
        if self._check.on_error is OnError.BLOCK:
            raise DetectorError(self._check) from error
        self._off = True
        return held


async def _call(judge: Callable[[], T], size: int, seconds: float) -> T:
    if size <= INLINE:
        return judge()
    async with asyncio.timeout(seconds):
        return await asyncio.to_thread(judge)


def _redacted(text: str, start: int, end: int, findings: list[Finding]) -> str:
    parts = []
    for finding in findings:
        parts += [text[start : finding.start], f"[{finding.kind}]"]
        start = finding.end
    parts.append(text[start:end])
    return "".join(parts)
