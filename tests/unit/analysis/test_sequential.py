"""The bounds hold at all sample sizes at once, are as narrow as they are said to be, and agree with plain formulas."""

import math
import random
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.analysis.sequential import (
    Share,
    lower_difference,
    lower_ratio,
    lower_share,
    upper_difference,
    upper_ratio,
    upper_share,
)

alphas = st.sampled_from([0.2, 0.05, 0.01, 0.05 / 9, 1e-6])
inner_shares = st.floats(0.001, 0.999)


@st.composite
def arms(draw: st.DrawFn, most: int = 10_000) -> Share:
    samples = draw(st.integers(0, most) | st.integers(0, 30))
    return Share.of(draw(st.integers(0, samples)), samples)


def one_more_hit(arm: Share) -> Share:
    return Share(arm.hits + 1, arm.misses - 1)


# --- validity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3, 0.97])
@pytest.mark.parametrize("samples", [1, 7, 200])
def test_evidence_against_the_true_share_is_1_on_average(share: float, samples: int) -> None:
    for evidence in (Share.log_e, Share.log_hedged_e):
        average = 0.0
        for hits in range(samples + 1):
            ways = math.log(math.comb(samples, hits))
            chance = ways + hits * math.log(share) + (samples - hits) * math.log(1 - share)
            average += math.exp(chance + evidence(Share.of(hits, samples), share))
        assert average == pytest.approx(1)


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_one_more_request_never_changes_the_evidence_on_average(share: float) -> None:
    for hits, misses in [(0, 0), (0, 9), (4, 3), (50, 1)]:
        now = math.exp(Share(hits, misses).log_e(share))
        hit, miss = (math.exp(Share(*arm).log_e(share)) for arm in [(hits + 1, misses), (hits, misses + 1)])
        assert share * hit + (1 - share) * miss == pytest.approx(now)


def hits_of(share: float, rng: random.Random) -> Iterator[int]:
    hits = 0
    while True:
        hits += rng.random() < share
        yield hits


def false_alarms(above: Callable[[int, int, int], bool], runs: int, samples: int, c: float, s: float) -> float:
    """Share of runs in which one who looks after every request of each arm ever sees c - s above its true value."""
    rng = random.Random(20260101)
    alarms = 0
    for _ in range(runs):
        arms = zip(range(1, samples + 1), hits_of(c, rng), hits_of(s, rng), strict=False)
        # No lower bound is above what was observed, so only there is it worth working out.
        alarms += any(above(hc, hs, n) for n, hc, hs in arms if hc - hs > (c - s) * n)
    return alarms / runs


def test_who_peeks_after_every_request_aborts_a_good_candidate_no_more_often_than_alpha() -> None:
    alpha, c, s = 0.1, 0.15, 0.1

    def sequential(hc: int, hs: int, n: int) -> bool:
        return lower_difference(Share.of(hc, n), Share.of(hs, n), alpha) > c - s

    def fixed_size(hc: int, hs: int, n: int) -> bool:
        deviation = math.sqrt((hc * (n - hc) + hs * (n - hs)) / n**3)
        return (hc - hs) / n - statistics.NormalDist().inv_cdf(1 - alpha) * deviation > c - s

    assert false_alarms(sequential, runs=150, samples=120, c=c, s=s) <= alpha
    # The same with a textbook interval, right at one sample size: what peeking does to it shows that it could fail.
    assert false_alarms(fixed_size, runs=150, samples=120, c=c, s=s) > 3 * alpha


# --- what they are bounds of -------------------------------------------------------------------------------


@given(arms(), arms(), alphas)
def test_bounds_are_ordered_around_what_was_observed(c: Share, s: Share, alpha: float) -> None:
    assert 0 <= lower_share(c, alpha) <= c.observed <= upper_share(c, alpha) <= 1
    observed = c.observed - s.observed
    assert -1 <= lower_difference(c, s, alpha) <= observed <= upper_difference(c, s, alpha) <= 1


@given(arms(), arms(), alphas, alphas)
def test_who_wants_to_be_surer_gets_wider_bounds(c: Share, s: Share, one: float, other: float) -> None:
    surer, less_sure = sorted((one, other))
    assert lower_share(c, surer) <= lower_share(c, less_sure)
    assert upper_share(c, surer) >= upper_share(c, less_sure)
    assert lower_difference(c, s, surer) <= lower_difference(c, s, less_sure)
    assert upper_difference(c, s, surer) >= upper_difference(c, s, less_sure)


@given(arms().filter(lambda arm: arm.misses), arms().filter(lambda arm: arm.misses), alphas)
def test_another_hit_of_the_candidate_raises_its_bounds_and_one_of_stable_lowers_them(
    c: Share, s: Share, alpha: float
) -> None:
    for bound in (lower_share, upper_share):
        assert bound(one_more_hit(c), alpha) >= bound(c, alpha) - 1e-10
    for difference in (lower_difference, upper_difference):
        # Evidence that an arm's prior has cost it is lent to the other: up to a point where that one has few requests.
        now = difference(c, s, alpha)
        assert difference(one_more_hit(c), s, alpha) >= now - 0.02
        assert difference(c, one_more_hit(s), alpha) <= now + 0.02


def evidence(hits: int, misses: int, p: float) -> float:
    """E(p), by the book."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    likelihood = hits * math.log(p) + misses * math.log(1 - p)
    few_hits = log_beta(hits + 0.5, misses + 5) - log_beta(0.5, 5) - likelihood
    any_hits = log_beta(hits + 0.5, misses + 0.5) - log_beta(0.5, 0.5) - likelihood
    return 0.9 * math.exp(min(700, few_hits)) + 0.1 * math.exp(min(700, any_hits))


@given(arms(500), arms(500), alphas, inner_shares, st.floats(0, 1))
def test_no_pair_of_shares_beyond_the_bounds_is_plausible(
    c: Share, s: Share, alpha: float, p_s: float, beyond: float
) -> None:
    least, most = lower_difference(c, s, alpha), upper_difference(c, s, alpha)
    for p_c in (p_s + least - beyond * 0.1, p_s + most + beyond * 0.1):
        if 0 < p_c < 1:
            pair = evidence(c.hits, c.misses, p_c) * (1 + evidence(s.hits, s.misses, p_s)) / 2
            assert pair >= (1 - 1e-6) / alpha


@settings(max_examples=30)
@given(arms(200), arms(200), alphas)
def test_bounds_are_no_wider_than_the_plausible_pairs(c: Share, s: Share, alpha: float) -> None:
    least, most = lower_difference(c, s, alpha), upper_difference(c, s, alpha)
    grid = [step / 2000 for step in range(1, 2000)] + [1e-9, 1 - 1e-9]
    for difference, at_the_edge in ((least + 0.004, least < -0.99), (most - 0.004, most > 0.99)):
        pairs = [
            evidence(c.hits, c.misses, p_s + difference) * (1 + evidence(s.hits, s.misses, p_s)) / 2
            for p_s in grid
            if 0 < p_s + difference < 1
        ]
        assert at_the_edge or most - least < 0.008 or min(pairs) < 1 / alpha


def test_an_arm_without_requests_may_have_any_share() -> None:
    nothing, some = Share.of(0, 0), Share.of(3, 10)
    assert (lower_share(nothing, 0.05), upper_share(nothing, 0.05)) == (0, 1)
    assert lower_difference(some, nothing, 0.05) == pytest.approx(lower_share(some, 0.05) - 1)
    assert upper_difference(some, nothing, 0.05) == pytest.approx(upper_share(some, 0.05))


def test_with_alpha_0_nothing_is_ever_said() -> None:
    c, s = Share.of(90, 100), Share.of(1, 1000)
    assert (lower_share(c, 0), upper_share(c, 0)) == (0, 1)
    assert (lower_difference(c, s, 0), upper_difference(c, s, 0)) == (-1, 1)


@pytest.mark.parametrize(("hits", "samples"), [(-1, 5), (6, 5), (0, -1)])
def test_impossible_arms_are_refused(hits: int, samples: int) -> None:
    with pytest.raises(ValueError, match="hits go from 0 to the number of samples"):
        Share.of(hits, samples)


@given(arms(500), arms(500), alphas, inner_shares, st.floats(1, 3))
def test_no_pair_of_shares_with_a_ratio_beyond_the_bounds_is_plausible(
    c: Share, s: Share, alpha: float, p_s: float, beyond: float
) -> None:
    least, most = lower_ratio(c, s, alpha), upper_ratio(c, s, alpha)
    assert 0 <= least <= most
    for ratio in (least / beyond, most * beyond):
        if 0 < (p_c := p_s * ratio) < 1:
            pair = evidence(c.hits, c.misses, p_c) * (1 + evidence(s.hits, s.misses, p_s)) / 2
            assert pair >= (1 - 1e-6) / alpha


def test_ratios_tell_what_is_plausible() -> None:
    c, s = Share.of(300, 1000), Share.of(1000, 10_000)
    assert 2.2 < lower_ratio(c, s, 0.05) < 2.7 < 3.3 < upper_ratio(c, s, 0.05) < 4
    none = Share.of(0, 1000)
    assert (lower_ratio(none, none, 0.05), upper_ratio(none, none, 0.05)) == (0, math.inf)


# --- how good they are -------------------------------------------------------------------------------------


def test_ten_million_requests_are_no_trouble_and_tell_a_tenth_of_a_point() -> None:
    c, s = Share.of(210_000, 10_000_000), Share.of(200_000, 10_000_000)
    least, most = lower_difference(c, s, 0.05), upper_difference(c, s, 0.05)
    # Five to six standard deviations of 0.0063 points to either side, as log(1/alpha) + log(n)/2 has it.
    assert 0.0005 < least < 0.00075
    assert 0.00125 < most < 0.0015


def test_a_bound_takes_less_than_a_millisecond() -> None:
    c, s = Share.of(2_000, 100_000), Share.of(40_000, 2_000_000)
    took = []
    for _ in range(20):
        began = perf_counter()
        lower_difference(c, s, 0.05)
        took.append(perf_counter() - began)
    assert min(took) < 0.001
