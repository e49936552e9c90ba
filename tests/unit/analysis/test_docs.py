"""The numbers of requests that docs/analysis.md promises are those the judge needs."""

from decimal import Decimal
from pathlib import Path

import pytest

from genaiops.analysis.judge import judge
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import Arm, Verdict

DOCS = Path(__file__).parents[3] / "docs" / "analysis.md"
STABLE_PER_CANDIDATE = (19, 3, 1)  # at weights 5, 25, 50
TESTS = 3 * 3


def rows(header: str) -> list[list[str]]:
    """The cells of the table under a header line."""
    _, _, after = DOCS.read_text().partition(header + "\n|-|-|-|-|-|\n")
    table = after.partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def verdict_after(samples: int, limit: str, candidate: float, stable: float, ratio: int) -> Verdict:
    metric = Metric(name="error-rate", max_increase=limit)
    arms = (
        Arm(samples=samples, hits=round(candidate * samples)),
        Arm(samples=samples * ratio, hits=round(stable * samples * ratio)),
    )
    return judge(metric, *arms, alpha=Decimal("0.05"), min_samples=1, tests=TESTS).verdict


PASSES = rows("| `maxIncrease` | share of hits | at weight 5 | at weight 25 | at weight 50 |")


def test_the_tables_are_there() -> None:
    assert len(PASSES) >= 4


@pytest.mark.parametrize("row", PASSES, ids=" ".join)
def test_requests_until_successful(row: list[str]) -> None:
    limit, share, *told = row
    for samples, ratio in zip(map(int, told), STABLE_PER_CANDIDATE, strict=True):
        assert verdict_after(samples, limit, float(share), float(share), ratio) is Verdict.SUCCESSFUL
        assert verdict_after(samples - 1, limit, float(share), float(share), ratio) is Verdict.INCONCLUSIVE
