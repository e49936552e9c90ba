"""What an answer took is held against the most that the suite allows."""

import pytest

from genaiops.evaluation.judgement import EvaluatorError

from .given import PRICE, judged, sample


@pytest.mark.parametrize(
    ("type_", "most", "score", "passes"),
    [
        ("Latency", "0.5", 0.5, True),
        ("Latency", "0.4", 0.5, False),
        ("Tokens", "120", 120, True),
        ("Tokens", "119", 120, False),
        ("Cost", "0.002", 0.002, True),
        ("Cost", "0.0019", 0.002, False),
    ],
)
async def test_less_is_better(type_: str, most: str, score: float, passes: bool) -> None:
    answered = sample("Hello", input_tokens=100, output_tokens=20, cost=PRICE)

    found = await judged(type_, answered, threshold=most)

    assert (found.score, found.passed) == (score, passes)


async def test_what_has_no_price_costs_nobody_knows_what() -> None:
    with pytest.raises(EvaluatorError, match="no `pricing`: add it to the Model"):
        await judged("Cost", sample("Hello"), threshold="1")
