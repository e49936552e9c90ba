"""Judging what was sampled: the database is the queue, so that nothing is lost with the process."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from genaiops.api.dataset import Row
from genaiops.api.samples import LiveSample
from genaiops.evaluation.judgement import Answer, Evaluator, EvaluatorError, Sample
from genaiops.quality.metrics import Metrics
from genaiops.quality.store import Judged, Store

logger = logging.getLogger("genaiops.quality")

AT_A_TIME: Final = 4
"""Samples that are judged at a time."""
_BATCH: Final = 32
_LOOK_AGAIN: Final = 60.0
"""Seconds after which the database is asked for what is left even if nothing came."""
_AFTER_FAILURE: Final = 5.0
_QUESTION: Final = 16_384
"""Characters that a row's query may have: a longer question is judged by its beginning."""
_REASON: Final = 2000


class Judging:
    """Judges samples one after another, a few at a time."""

    def __init__(
        self,
        store: Store,
        evaluators: Mapping[str, Evaluator],
        metrics: Metrics,
        after_failure: float = _AFTER_FAILURE,
    ) -> None:
        """`after_failure`: seconds to wait for a database that failed."""
        self._store = store
        self._evaluators = evaluators
        self._metrics = metrics
        self._after_failure = after_failure
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A sample came."""
        self._news.set()

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            self._news.clear()
            try:
                batch = await self._store.unjudged(_BATCH)
                await self._all(batch)
                self._metrics.backlog.set(await self._store.backlog())
            except (SQLAlchemyError, OSError) as error:
                # What was judged and not written is judged again.
                logger.error("judging waits for the database: %s", type(error).__name__)
                await asyncio.sleep(self._after_failure)
                continue
            if len(batch) < _BATCH:
                try:
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await self._news.wait()
                except TimeoutError:
                    continue

    async def _all(self, batch: list[LiveSample]) -> None:
        room = asyncio.Semaphore(AT_A_TIME)

        async def one(sample: LiveSample) -> None:
            async with room:
                await self.judge(sample)

        # All of them, even if one can't be written: the others were paid for.
        ended = await asyncio.gather(*map(one, batch), return_exceptions=True)
        for failure in filter(None, ended):
            raise failure

    async def judge(self, live: LiveSample) -> None:
        """One sample by every evaluator; counted once it is written."""
        sample = as_sample(live)
        said = await asyncio.gather(*(_ask(name, each, sample) for name, each in self._evaluators.items()))
        if not await self._store.judge(live.id, said):
            return
        for judged in said:
            if judged.score is None:
                self._metrics.failed(live.release, judged.evaluator)
            else:
                self._metrics.judged(live.release, judged.evaluator, judged.score, passed=bool(judged.passed))


async def _ask(name: str, evaluator: Evaluator, sample: Sample) -> Judged:
    try:
        judgement = await evaluator.judge(sample)
    except EvaluatorError as error:
        return Judged(name, error=str(error)[:_REASON], tokens=error.tokens)
    except Exception as error:
        # One answer that breaks an evaluator must not keep the others from being judged.
        logger.exception("evaluator %s broke", name)
        return Judged(name, error=f"the evaluator broke: {type(error).__name__}")
    return Judged(name, judgement.score, judgement.passed, reason=judgement.reason[:_REASON], tokens=judgement.tokens)


def as_sample(live: LiveSample) -> Sample:
    """What evaluators get to see: the last question and its answer."""
    row = Row(id=live.id[-32:], query=live.question[:_QUESTION], tags=[live.release])
    answer = Answer(
        text=live.answer,
        seconds=live.seconds,
        first_token=live.first_token,
        input_tokens=live.input_tokens,
        output_tokens=live.output_tokens,
        refused_by=", ".join(live.guardrails) or "guardrail" if live.refused else None,
    )
    return Sample(row, answer)
