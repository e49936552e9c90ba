"""Sampling live answers: drawn when a request comes, sent when its answer is out, never in anybody's way."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from genaiops.api.base import format_time
from genaiops.api.guardrails import Action
from genaiops.api.samples import MAX_GUARDRAILS, MAX_MESSAGES, MAX_TEXT, SAMPLES_PATH, SamplingSettings
from genaiops.runtime.collector import Collector, CollectorError
from genaiops.runtime.config import Release
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.redaction import redacted
from genaiops.runtime.transcript import Transcript

logger = logging.getLogger("genaiops.runtime")

ROOM: Final = 64
"""Samples that wait to be sent; more are dropped."""
LARGEST: Final = 200_000
"""Characters of a sample's texts; a larger one is dropped."""
_TRY_LATER: Final = 429


@dataclass(frozen=True, slots=True)
class _Sample:
    """An answer that waits to be sent."""

    transcript: Transcript
    messages: list[tuple[str, str]]
    """Role and text."""
    drawn: bool
    """By chance; else it was flagged."""


class _Budget:
    """So many in a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minute = clock()
        self._spent = 0

    def takes(self, limit: int) -> bool:
        """Whether there is room for one more; if so it is taken."""
        if (now := self._clock()) >= self._minute + 60:
            self._minute, self._spent = now, 0
        if self._spent >= limit:
            return False
        self._spent += 1
        return True


class Sampler:
    """Samples the answers of one release."""

    def __init__(
        self,
        release: Release,
        collector: Collector,
        metrics: Metrics,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._release = release
        self._collector = collector
        self._metrics = metrics
        self._chance = chance
        self._flags = any(
            guardrail.action is Action.FLAG and not guardrail.dry_run
            for policy in release.spec.content.guardrails
            for guardrail in (*policy.input, *policy.output)
        )
        self._waiting: asyncio.Queue[_Sample] = asyncio.Queue(ROOM)
        # Apart: however much is flagged, chance draws as before.
        self._for_drawn, self._for_flagged = _Budget(clock), _Budget(clock)

    def draws(self) -> bool:
        """Whether the answer to the request that came just now is to be sampled."""
        settings = self._collector.settings
        if settings is None or self._chance() >= settings.rate:
            return False
        return self._for_drawn.takes(settings.max_per_minute)

    @property
    def may_flag(self) -> bool:
        """Whether an answer may be sampled for what a guardrail finds in it: its words are to be noted."""
        settings = self._collector.settings
        return self._flags and settings is not None and settings.flagged

    def draws_flagged(self) -> bool:
        """Whether an answer in which a guardrail of action Flag found something is to be sampled."""
        settings = self._collector.settings
        return self.may_flag and settings is not None and self._for_flagged.takes(settings.max_per_minute)

    def take(self, transcript: Transcript, *, drawn: bool) -> None:
        """An answer that its caller has. `drawn`: by chance."""
        messages = transcript.asked
        size = len(transcript.text) + sum(len(text) for _, text in messages)
        if self._waiting.full() or size > LARGEST or len(messages) > MAX_MESSAGES:
            self._count("dropped")
        else:
            transcript.messages = []
            self._waiting.put_nowait(_Sample(transcript, messages, drawn))

    async def run(self) -> None:
        """Send samples one by one until cancelled. One that the collector does not take is not tried again."""
        while True:
            sample = await self._waiting.get()
            try:
                await self._send(sample)
            except Exception as error:
                # Nothing about one sample may keep the others from being sent. Not its text: only what went wrong.
                logger.error("a sample was not sent: %s", type(error).__name__)
                self._count("failed")
            finally:
                self._waiting.task_done()

    async def sent(self) -> None:
        """Wait until nothing waits to be sent."""
        await self._waiting.join()

    async def _send(self, sample: _Sample) -> None:
        settings = self._collector.settings
        if settings is None:
            self._count("dropped")
            return
        # Milliseconds of computing for a long text, while others wait for their answers.
        document = await asyncio.to_thread(self._document, sample, settings)
        try:
            await self._collector.post(settings, SAMPLES_PATH, document)
        except CollectorError as error:
            self._count("dropped" if error.status == _TRY_LATER else "failed")
            logger.warning("a sample was not kept: %s", error)
        else:
            self._count("sent")

    def _document(self, sample: _Sample, settings: SamplingSettings) -> dict[str, Any]:
        transcript = sample.transcript

        def clean(text: str) -> str:
            return redacted(text, settings.redact)[:MAX_TEXT]

        return {
            "id": transcript.id,
            "release": self._release.name,
            "promptVersion": self._release.spec.source.prompt_version,
            "time": format_time(transcript.time),
            "messages": [{"role": role, "content": clean(text)} for role, text in sample.messages],
            "answer": clean(transcript.text),
            "refused": transcript.refused,
            "drawn": sample.drawn,
            "guardrails": list(transcript.guardrails)[:MAX_GUARDRAILS],
            "seconds": transcript.seconds,
            "firstToken": transcript.first_token,
            "inputTokens": transcript.input_tokens,
            "outputTokens": transcript.output_tokens,
            "shadow": transcript.shadow,
        }

    def _count(self, result: str) -> None:
        self._metrics.samples.labels(result).inc()
