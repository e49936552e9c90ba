"""Evaluators that ask a model: for a grade from 1 to 5, or which of two answers is better."""

from typing import Final

from genaiops.evaluation import rubrics
from genaiops.evaluation.judge import Judge
from genaiops.evaluation.judgement import EvaluatorError, Judgement, Sample
from genaiops.evaluation.scales import Scale, known, shown
from genaiops.evaluation.voting import Bench, Bill, Grade, Preference, Vote, median

WIN: Final = 1.0
TIE: Final = 0.5
LOSS: Final = 0.0


class Graded:
    """A score from 1 to 5."""

    def __init__(self, judge: Judge, scale: Scale, votes: int, threshold: float) -> None:
        self._bench = Bench(judge, scale.rubric, Grade)
        self._scale = scale
        self._votes = votes
        self._threshold = threshold

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        parts = self._scale.parts(sample)

        async def vote(bill: Bill) -> Vote:
            grade = await self._bench.ask(parts, bill)
            return Vote(float(grade.score), grade.reason)

        found, bill = await median(vote, self._votes)
        return Judgement(found.score, found.score >= self._threshold, found.reason, bill.tokens, bill.cost)

    async def close(self) -> None:
        """As in Evaluator."""


class Pairwise:
    """The answer against the baseline's: 1 is a win, 0.5 a tie, 0 a loss; what is no loss passes.

    Judges prefer places (Zheng et al., "Judging LLM-as-a-Judge", 2023), so each vote asks twice with the answers
    swapped, and only an answer that is preferred in both places wins.
    """

    def __init__(self, judge: Judge, rubric: str | None, votes: int) -> None:
        self._bench = Bench(judge, rubric or rubrics.text("pairwise"), Preference)
        self._votes = votes

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        if sample.baseline is None:
            raise EvaluatorError("there is no baseline to compare with: run the evaluation with one")
        candidate, baseline = shown(sample.answer), shown(sample.baseline)
        if candidate == baseline:
            return Judgement(TIE, True, "both say the same")
        row = known(sample, "needed", "shown", "shown")

        async def vote(bill: Bill) -> Vote:
            ahead = await self._bench.ask({**row, "first-answer": candidate, "second-answer": baseline}, bill)
            behind = await self._bench.ask({**row, "first-answer": baseline, "second-answer": candidate}, bill)
            match ahead.better, behind.better:
                case "first", "second":
                    return Vote(WIN, ahead.reason)
                case "second", "first":
                    return Vote(LOSS, ahead.reason)
                case _:
                    return Vote(TIE, f"no answer was preferred in both places: {ahead.reason}")

        found, bill = await median(vote, self._votes)
        return Judgement(found.score, found.score >= TIE, found.reason, bill.tokens, bill.cost)

    async def close(self) -> None:
        """As in Evaluator."""
