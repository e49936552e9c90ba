"""Shares and differences, and their intervals."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.evaluation.statistics import difference, pass_rate
from genaiops.intervals import Share, Z

Pairs = list[tuple[float, float]]
shares = st.fractions(min_value=0, max_value=1, max_denominator=20).map(float)
pairs_of_shares = st.lists(st.tuples(shares, shares), min_size=1, max_size=60)


def table(both: int, only_first: int, only_second: int, neither: int) -> Pairs:
    """Rows of a 2×2 table."""
    cells = [((1.0, 1.0), both), ((1.0, 0.0), only_first), ((0.0, 1.0), only_second), ((0.0, 0.0), neither)]
    return [pair for pair, count in cells for _ in range(count)]


def rounded(share: Share, digits: int) -> tuple[float, float]:
    return round(share.lower, digits), round(share.upper, digits)


@pytest.mark.parametrize(
    ("passed", "count", "interval"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, score method.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_a_share_has_wilsons_interval(passed: int, count: int, interval: tuple[float, float]) -> None:
    rows = [1.0] * passed + [0.0] * (count - passed)

    assert rounded(pass_rate(rows), 4) == interval


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        # Airway reactivity before and after stem cell transplantation (Fagerland et al. 2014, Statistics in Medicine
        # 33:2850): Tango's interval is -0.517 to -0.026.
        ((1, 1, 7, 12), (-0.517, -0.026)),
        # Where no row differs, the score equation has a closed form: ±z²/(n+z²).
        ((20, 0, 0, 0), (-round(Z**2 / (20 + Z**2), 3), round(Z**2 / (20 + Z**2), 3))),
    ],
)
def test_a_difference_has_tangos_interval(counts: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    assert rounded(difference(table(*counts)), 3) == interval


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_at_its_bounds_the_likelihood_is_as_unlikely_as_it_may_be(more: int, less: int, same: int) -> None:
    """The same interval found another way: the score statistic with the likelihood maximised by brute force."""
    count = more + less + same
    if count == 0:
        return
    share = difference(table(same, more, less, 0))

    for bound in (share.lower, share.upper):
        if abs(bound) < 0.999 and abs(bound - share.value) > 1e-6:
            assert abs(_score(more, less, count, bound)) == pytest.approx(Z, abs=2e-3)


def _score(more: int, less: int, count: int, supposed: float) -> float:
    def likelihood(only_second: float) -> float:
        cells = (
            (more, only_second + supposed),
            (less, only_second),
            (count - more - less, 1 - 2 * only_second - supposed),
        )
        return (
            sum(n * math.log(p) if n else 0.0 for n, p in cells)
            if all(p > 0 or n == 0 for n, p in cells)
            else -math.inf
        )

    low, high = max(0.0, -supposed), (1 - supposed) / 2
    for _ in range(200):  # golden section: the likelihood has one peak
        a, b = high - (high - low) * 0.6180339887, low + (high - low) * 0.6180339887
        low, high = (low, b) if likelihood(a) >= likelihood(b) else (a, high)
    only_second = (low + high) / 2
    variance = (2 * only_second + supposed - supposed**2) / count
    return ((more - less) / count - supposed) / math.sqrt(variance)


@given(pairs_of_shares)
def test_an_interval_holds_its_share_and_no_more_than_there_can_be(pairs: Pairs) -> None:
    change = difference(pairs)
    rate = pass_rate([first for first, _ in pairs])

    assert -1 <= change.lower <= change.value <= change.upper <= 1
    assert 0 <= rate.lower <= rate.value <= rate.upper <= 1


@given(pairs_of_shares)
def test_comparing_the_other_way_round_turns_the_sign(pairs: Pairs) -> None:
    change, other_way = difference(pairs), difference([(second, first) for first, second in pairs])

    assert other_way.value == pytest.approx(-change.value)
    assert other_way.lower == pytest.approx(-change.upper, abs=1e-9)
    assert other_way.upper == pytest.approx(-change.lower, abs=1e-9)


@given(pairs_of_shares)
def test_more_of_the_same_rows_narrow_the_interval(pairs: Pairs) -> None:
    once, often = difference(pairs), difference(pairs * 4)

    assert often.upper - often.lower < once.upper - once.lower


def test_a_row_that_is_asked_often_is_still_one_row() -> None:
    """Ten answers to each of ten questions are no hundred questions."""
    flaky = [0.5] * 10

    assert pass_rate(flaky) == pass_rate([1.0] * 5 + [0.0] * 5)
    assert difference([(0.6, 0.2)] * 10).value == pytest.approx(0.4)
