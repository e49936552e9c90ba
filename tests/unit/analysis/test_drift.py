"""Two runs of a suite: does a release do worse than it did?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.analysis.drift import worse
from genaiops.api.llmapp_status import Share
from genaiops.intervals import newcombe


# Newcombe (1998), table II: intervals of method 10 for selected contrasts.
@pytest.mark.parametrize(
    ("contrast", "interval"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0000)),
    ],
)
def test_the_interval_is_the_one_of_the_paper(
    contrast: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    found = newcombe(*contrast)

    assert (found.lower, found.upper) == pytest.approx(interval, abs=6e-5)


counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_the_interval_holds_the_difference_and_turns_with_it(one: tuple[int, int], other: tuple[int, int]) -> None:
    found, turned = newcombe(*one, *other), newcombe(*other, *one)

    assert -1 <= found.lower <= one[0] / one[1] - other[0] / other[1] <= found.upper <= 1
    assert (turned.lower, turned.upper) == pytest.approx((-found.upper, -found.lower))


def share(passed: int, judged: int = 100) -> Share:
    return Share(evaluator="polite", judged=judged, passed=passed)


def test_a_fall_that_the_numbers_show_is_told() -> None:
    found = worse(share(95), share(70), allowed=0.05)

    assert str(found) == "polite: 70 of 100 answers pass, 95 of 100 did (-35 to -15 points)"


@pytest.mark.parametrize(("before", "now"), [(95, 90), (95, 97), (9, 6), (0, 0)])
def test_what_may_be_chance_is_no_drift(before: int, now: int) -> None:
    judged = 10 if before < 10 else 100

    assert worse(share(before, judged), share(now, judged), allowed=0.05) is None


def test_nothing_judged_is_nothing_known() -> None:
    assert worse(share(95), share(0, 0), allowed=0.05) is None
