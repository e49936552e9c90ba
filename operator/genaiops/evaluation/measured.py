"""Evaluators of what an answer took: less is better, and the threshold is the most that passes."""

from collections.abc import Callable

from genaiops.evaluation.judgement import Answer, EvaluatorError, Judgement, Sample


class Measured:
    """One figure of an answer."""

    def __init__(self, figure: Callable[[Answer], float], threshold: float) -> None:
        self._figure = figure
        self._threshold = threshold

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        figure = self._figure(sample.answer)
        return Judgement(figure, figure <= self._threshold)

    async def close(self) -> None:
        """As in Evaluator."""


def seconds(answer: Answer) -> float:
    """From the request to the end of the answer."""
    return answer.seconds


def tokens(answer: Answer) -> float:
    """Of question and answer."""
    return answer.input_tokens + answer.output_tokens


def cost(answer: Answer) -> float:
    """In the currency of the Model. Raises EvaluatorError where it has no prices."""
    if answer.cost is None:
        raise EvaluatorError("the release's Model has no `pricing`: add it to the Model, or leave this evaluator out")
    return float(answer.cost)
