"""How long a policy's checks take: for whole texts, and for the first words of a stream.

times = await whole(checks_of([policy], "input", surroundings), texts, at_once=32)
delays = await first_words(checks_of([policy], "output", surroundings), answers)
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

from genaiops.guardrails import BlockedError, Chain, Check, Report

CHUNK = 4
"""Characters of a stream's chunk: about a token."""


async def whole(checks: Sequence[Check], texts: Sequence[str], *, at_once: int = 1) -> list[float]:
    """Seconds for each text, with so many of them under way at the same time."""
    turn = asyncio.Semaphore(at_once)

    async def one(text: str) -> float:
        async with turn:
            started = perf_counter()
            with suppress(BlockedError):
                await Chain(checks, Report()).finish(text)
            return perf_counter() - started

    return list(await asyncio.gather(*(one(text) for text in texts)))


async def first_words(checks: Sequence[Check], answers: Sequence[str]) -> list[tuple[int, float]]:
    """For each answer, as it comes in chunks: characters that had come before any went out, and seconds of judging.

    A blocked answer counts up to its block.
    """
    return [await _first(checks, answer) for answer in answers]


async def _first(checks: Sequence[Check], answer: str) -> tuple[int, float]:
    chain, spent = Chain(checks, Report()), 0.0
    for start in range(0, len(answer), CHUNK):
        started = perf_counter()
        try:
            out = await chain.feed(answer[start : start + CHUNK])
        except BlockedError:
            out = "refused"
        spent += perf_counter() - started
        if out:
            return start + CHUNK, spent
    return len(answer), spent


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
