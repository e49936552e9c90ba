"""A run: every row asked and judged, some at a time, until all are done or time or money is."""

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import Final

from genaiops.api.base import format_duration
from genaiops.api.dataset import Row
from genaiops.api.evaluation import EvaluationPhase, EvaluationSuiteSpec
from genaiops.api.evaluator import EvaluatorType
from genaiops.evaluation.ask import Asked, UnansweredError
from genaiops.evaluation.judgement import Answer, Evaluator, EvaluatorError, Sample
from genaiops.evaluation.records import Answered, Record, Verdict, total
from genaiops.evaluation.results import Results
from genaiops.evaluation.verdicts import Outcome, judge

_REASON: Final = 2000
"""Characters of a reason that are kept."""


@dataclass
class Spent:
    """What one row took: tokens, and their price where it is known."""

    tokens: int = 0
    cost: Decimal | None = None

    def add(self, tokens: int, cost: Decimal | None) -> None:
        """One more request."""
        self.tokens += tokens
        self.cost = total([self.cost, cost])


class Run:
    """One run of a suite."""

    def __init__(
        self,
        suite: EvaluationSuiteSpec,
        rows: list[Row],
        release: Asked,
        baseline: Asked | None,
        evaluators: Mapping[str, Evaluator],
        results: Results,
    ) -> None:
        self._suite = suite
        self._rows = rows
        self._release = release
        self._baseline = baseline
        self._evaluators = evaluators
        self._types = {spec.name: spec.type for spec in suite.evaluators}
        self._results = results
        self.total = len(rows) * suite.repeats

    async def finish(self) -> Outcome:
        """Ask and judge what is not done yet, and say what is found. What else goes wrong is raised."""
        stopped = await self._work()
        self._results.close()
        outcome = judge(self._results.records(), self._suite, compared=self._baseline is not None)
        if stopped is None:
            return outcome
        return Outcome(EvaluationPhase.ERROR, stopped, outcome.evaluators, outcome.worst)

    async def _work(self) -> str | None:
        """Why not all rows are done."""
        if len(self._results.done) == self.total:
            return None
        pending = self._pending()
        left = self._results.started + self._suite.deadline.total_seconds() - time()
        try:
            async with asyncio.timeout(left) as limit, asyncio.TaskGroup() as workers:
                for _ in range(min(self._suite.parallelism, self.total)):
                    workers.create_task(self._worker(pending))
        except TimeoutError:
            if not limit.expired():
                raise
            done = f"{len(self._results.done)} of {self.total} rows are done"
            return f"the run took longer than its deadline of {format_duration(self._suite.deadline)}: {done}"
        return self._too_expensive() if len(self._results.done) < self.total else None

    def _pending(self) -> Iterator[tuple[Row, int]]:
        for repeat in range(self._suite.repeats):
            for row in self._rows:
                if (row.id, repeat) not in self._results.done:
                    yield row, repeat

    async def _worker(self, pending: Iterator[tuple[Row, int]]) -> None:
        for row, repeat in pending:
            if self._too_expensive():
                return
            self._results.add(await self._one(row, repeat))

    def _too_expensive(self) -> str | None:
        limit, cost = self._suite.max_cost, self._results.cost
        if limit is None or cost is None or cost < limit:
            return None
        done = f"{len(self._results.done)} of {self.total} rows are done"
        return f"the run has cost {cost:f}, and may cost {limit:f}: {done}"

    async def _one(self, row: Row, repeat: int) -> Record:
        asked = [release for release in (self._release, self._baseline) if release is not None]
        # At the same time: whatever slows the model down slows both.
        answers = await asyncio.gather(*(_ask(release, row) for release in asked))
        spent = Spent()
        answer, *others = answers
        base = others[0] if others else None
        candidate = await self._judged(row, answer, base, spent)
        baseline = None
        if base is not None:
            baseline = await self._judged(row, base, None, spent)
        return Record(
            id=row.id,
            repeat=repeat,
            query=row.query,
            expected=row.expected,
            context=row.context,
            tags=row.tags,
            candidate=candidate,
            baseline=baseline,
            tokens=spent.tokens,
            cost=spent.cost,
        )

    async def _judged(
        self, row: Row, answer: Answer | UnansweredError, base: Answer | UnansweredError | None, spent: Spent
    ) -> Answered:
        if isinstance(answer, UnansweredError):
            return Answered(error=str(answer))
        spent.add(answer.input_tokens + answer.output_tokens, answer.cost)
        sample = Sample(row, answer, base if isinstance(base, Answer) else None)
        verdicts = {}
        # One after the other: as many judges are asked at a time as rows are worked on.
        for name, evaluator in self._evaluators.items():
            # Compares the two answers: there is nothing to say of the baseline's alone, or without one.
            if self._types[name] is EvaluatorType.PAIRWISE and base is None:
                continue
            verdicts[name] = await _verdict(evaluator, sample, spent)
        return Answered(
            text=answer.text,
            seconds=round(answer.seconds, 4),
            first_token=round(answer.first_token, 4),
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=answer.cost,
            tool_calls=[dict(call) for call in answer.tool_calls],
            refused_by=answer.refused_by,
            verdicts=verdicts,
        )


async def _ask(release: Asked, row: Row) -> Answer | UnansweredError:
    try:
        return await release.ask(row)
    except UnansweredError as error:
        return error


async def _verdict(evaluator: Evaluator, sample: Sample, spent: Spent) -> Verdict:
    try:
        judgement = await evaluator.judge(sample)
        spent.add(judgement.tokens, judgement.cost)
        if not math.isfinite(judgement.score):
            raise EvaluatorError(f"the score {judgement.score} is no number")
    except EvaluatorError as error:
        spent.add(error.tokens, error.cost)
        return Verdict(error=_text(str(error)) or type(error).__name__)
    return Verdict(score=judgement.score, passed=judgement.passed, reason=_text(judgement.reason))


def _text(text: str) -> str:
    # Half a surrogate pair, out of somebody's JSON, can be written nowhere.
    return text[:_REASON].encode("utf-8", "replace").decode()
