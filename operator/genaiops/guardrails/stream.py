"""Judging a text while it comes: what is judged is let go, what more text could still change is held back.

Quick checks judge one after the other, each what the one before lets through; then, one after the other, slow ones that
redact; then all others at once. So whatever redacts is through before a text leaves the process, a Block that costs
nothing saves the work of those that cost, and a policy's slow checks take as long as the slowest of them.

Cut into chunks in whatever way, a text gives the same output and the same decisions; a whole text is one chunk. (But a
server is asked about all that has come up to the end of a sentence, so what it says may differ with the chunks.)
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from genaiops.api.guardrails import Action, OnError
from genaiops.guardrails.checks import BlockedError, Check, DetectorError, Report, quick_and_slow
from genaiops.guardrails.finding import NOTHING, Context, Cost, Finding
from genaiops.guardrails.judges import INLINE, Judged, time_for
from genaiops.guardrails.vault import Vault

logger = logging.getLogger(__name__)

GROWTH = 8
"""A held text is judged again when it has grown by one part in so many: linear work on a long text, however cut."""


class Chain:
    """The checks for one text."""

    def __init__(
        self, checks: Sequence[Check], report: Report, context: Context = NOTHING, vault: Vault | None = None
    ) -> None:
        """`vault`: takes what is redacted to be restored."""
        quick, slow = quick_and_slow(checks)
        last = [check for check in slow if not check.redacts]
        first = [*quick, *(check for check in slow if check.redacts)]
        self._links: list[_Link | _AtOnce] = [_Link(check, report, context, vault) for check in first]
        if last:
            self._links.append(_AtOnce([_Link(check, report, context, vault) for check in last]))

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


class _AtOnce:
    """Checks that change nothing, at the same time: what all of them let go may go."""

    def __init__(self, links: "Sequence[_Link]") -> None:
        self._links = links
        self._passed = [0] * len(links)
        self._text = ""
        self._cut = 0

    async def advance(self, more: str, complete: bool) -> str:
        self._text += more
        passed = await at_once([link.advance(more, complete) for link in self._links])
        self._passed = [before + len(now) for before, now in zip(self._passed, passed, strict=True)]
        start, self._cut = self._cut, min(self._passed)
        return self._text[start : self._cut]


async def at_once(work: Sequence[Coroutine[Any, Any, str]]) -> list[str]:
    """All results, in order; the first exception ends the others. A guardrail's word goes before any other failure."""
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        errors = [error for task in tasks if task in done and (error := task.exception())]
        if errors:
            raise next((error for error in errors if isinstance(error, BlockedError)), errors[0])
        return [task.result() for task in tasks]
    finally:
        pending = [task for task in tasks if not task.done()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


class _Link:
    """One check and its text: ``text[:cut]`` is judged and gone."""

    def __init__(self, check: Check, report: Report, context: Context, vault: Vault | None) -> None:
        self._check = check
        self._judge = check.judge.given(context)
        self._report = report
        self._vault = vault
        self._quick = self._judge.cost is Cost.INLINE
        self._text = ""
        self._cut = 0
        self._judge_at = 0
        self._off = False

    async def advance(self, more: str, complete: bool) -> str:
        if self._off:
            return more
        self._text += more
        if not complete and self._waits():
            return "" if self._check.acts else more
        try:
            findings, cut = await self._judged(complete)
        except Exception as error:
            return self._failed(error, self._text[self._cut :] if self._check.acts else more)
        if findings:
            self._report.add(self._check, findings)
            if self._check.acts and self._check.action is Action.BLOCK:
                raise BlockedError(self._check)
        start, self._cut = self._cut, cut
        self._judge_at = len(self._text) + max(1, (len(self._text) - cut) // GROWTH)
        if not self._check.acts:
            return more
        return self._redacted(start, cut, findings) if self._check.redacts else self._text[start:cut]

    def _waits(self) -> bool:
        if self._quick:
            return len(self._text) < self._judge_at
        # What only counts has no hurry, and needn't slow a stream down: once, at its end.
        return not self._check.acts

    async def _judged(self, complete: bool) -> Judged:
        if self._quick and len(self._text) - self._cut <= INLINE:
            return await self._judge.judge(self._text, self._cut, complete)
        seconds = self._check.timeout
        if self._judge.cost is Cost.PROCESS:
            seconds = time_for(len(self._text) - self._cut, seconds)
        async with asyncio.timeout(seconds):
            return await self._judge.judge(self._text, self._cut, complete)

    def _failed(self, error: Exception, held: str) -> str:
        self._report.errors.append(self._check.name)
        logger.error("guardrail %s failed: %s", self._check.name, type(error).__name__)
        if self._check.on_error is OnError.BLOCK and not self._check.dry_run:
            raise DetectorError(self._check) from error
        self._off = True
        return held

    def _redacted(self, start: int, end: int, findings: list[Finding]) -> str:
        parts = []
        for finding in findings:
            parts += [self._text[start : finding.start], self._placeholder(finding)]
            start = finding.end
        parts.append(self._text[start:end])
        return "".join(parts)

    def _placeholder(self, finding: Finding) -> str:
        if self._check.restore and self._vault is not None:
            return self._vault.placeholder(finding.kind, self._text[finding.start : finding.end])
        return f"[{finding.kind}]"
