"""How soon a bad release is found, and how many users meet it: this analysis beside Argo Rollouts' and Flagger's rules.

    python tests/bench/bench_analysis.py [--quick] [--runs 1000] [--rate 1200]

Prints Markdown; docs/analysis.md has it and says how to read it. All rules get the same traffic and the same plan of
weights, and take back a release that is just as good as it has to be in at most 5 % of rollouts.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genaiops.analysis.betting import BEYOND, GUESS, MOST, NOTHING_GATHERED, gathered, log_evidence
from genaiops.analysis.sequential import Share, lower_difference, upper_difference
from genaiops.api.llmapp_status import Arm

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WEIGHTS = np.array([0.05, 0.25, 0.5, 1.0])
STAGES = 3
PARTS = np.array([0.5, 0.25, 0.25])
"""Of alpha, spent on each weight."""
ON_EVIDENCE = 0.9
"""Of each, spent on the evidence; the rest is for the bounds."""
MINUTES_PER_WEIGHT = 10
HORIZON = 60
"""Minutes that are looked at. What was promoted by then goes on with all the traffic."""
ALPHA = 0.05
EVERY = 1 / 6
"""Minutes between two looks of ours: the default interval of 10 s."""


class Ending(NamedTuple):
    """How rollouts ended, an element each."""

    aborted: Flags
    promoted: Flags
    minutes: Floats
    """Until it was aborted; where it was not, the horizon."""
    exposed: Ints
    """Requests to the candidate until then: the users who met it."""


# --- this analysis, for many rollouts at once ---------------------------------------------------------------


@cache
def _log_gamma(shift: float) -> Floats:
    """log Γ(n + shift) for n from 0 up."""
    return math.lgamma(shift) + np.concatenate([[0.0], np.cumsum(np.log(np.arange(1 << 18) + shift))])


def _log_mixture(hits: Ints, misses: Ints) -> Floats:
    parts = []
    for weight, a, b in ((0.9, 0.5, 5.0), (0.1, 0.5, 0.5)):
        prior = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        parts.append(
            math.log(weight) - prior + _log_gamma(a)[hits] + _log_gamma(b)[misses] - _log_gamma(a + b)[hits + misses]
        )
    return np.asarray(np.logaddexp(*parts))


def least_evidence(counts: Ints, limit: float) -> Floats:
    """log E of the most plausible pair of shares whose difference is `limit` (sequential.py).

    `counts`: rows of candidate's hits and misses, stable's hits and misses. A bound of the difference is beyond the
    limit just where this is at least log(1/alpha).
    """
    h_c, m_c, h_s, m_s = counts
    mix_c, mix_s = _log_mixture(h_c, m_c), _log_mixture(h_s, m_s)
    low, high = np.full(h_c.shape, 1e-12), np.full(h_c.shape, 1 - limit - 1e-12)
    for _ in range(30):
        p_s = (low + high) / 2
        p_c = p_s + limit
        e_s = mix_s - h_s * np.log(p_s) - m_s * np.log1p(-p_s)
        slope = m_c / (1 - p_c) - h_c / p_c + (m_s / (1 - p_s) - h_s / p_s) / (1 + np.exp(np.clip(-e_s, -700, 700)))
        low, high = np.where(slope < 0, p_s, low), np.where(slope < 0, high, p_s)
    hedged = np.logaddexp(0, mix_s - h_s * np.log(p_s) - m_s * np.log1p(-p_s)) - math.log(2)
    return np.asarray(mix_c - h_c * np.log(p_c) - m_c * np.log1p(-p_c) + hedged)


def block_evidence(seen: Ints, block: Ints, limit: float) -> Floats:
    """What one block adds to the log evidence of each alternative (betting.py): a row each.

    `seen`: stable's hits and misses before it. `block`: rows as in `least_evidence`.
    """
    h_c, m_c, h_s, m_s = block
    a_s = np.minimum((seen[0] + GUESS[0]) / (seen[0] + seen[1] + sum(GUESS)), MOST - 0.001 - limit)
    angles = np.arcsin(np.sqrt(a_s + limit)) + np.array(BEYOND)[:, None]
    a_c = np.minimum(np.sin(np.minimum(angles, math.pi / 2)) ** 2, MOST)
    low, high = np.broadcast_to(a_s, a_c.shape), a_c - limit
    for _ in range(25):
        q_s = (low + high) / 2
        q_c = q_s + limit
        slope = (h_c + m_c) * ((1 - a_c) / (1 - q_c) - a_c / q_c) + (h_s + m_s) * ((1 - a_s) / (1 - q_s) - a_s / q_s)
        low, high = np.where(slope < 0, q_s, low), np.where(slope < 0, high, q_s)
    q_s = (low + high) / 2
    q_c = q_s + limit
    of_candidate = h_c * np.log(a_c / q_c) + m_c * np.log((1 - a_c) / (1 - q_c))
    return np.asarray(of_candidate + h_s * np.log(a_s / q_s) + m_s * np.log((1 - a_s) / (1 - q_s)))


def check_against_the_operator() -> None:
    """Raise where the formulas above are not those that the operator judges with."""
    rng = random.Random(1)
    for _ in range(100):
        n_c, n_s, limit = rng.randint(1, 500), rng.randint(1, 5000), rng.choice([0.0, 0.02, 0.05])
        h_c, h_s, alpha = rng.randint(0, n_c), rng.randint(0, n_s // 3), rng.choice([0.05, 0.001])
        counts = np.array([[h_c], [n_c - h_c], [h_s], [n_s - h_s]])
        c, s = Share.of(h_c, n_c), Share.of(h_s, n_s)
        beyond = lower_difference(c, s, alpha) > limit or upper_difference(c, s, alpha) < limit
        assert beyond == bool(least_evidence(counts, limit)[0] >= math.log(1 / alpha)), (counts, limit, alpha)
        seen = Arm(hits=h_s, samples=n_s)
        ours = gathered(NOTHING_GATHERED, seen, Arm(hits=h_c, samples=n_c), seen, limit)
        theirs = block_evidence(counts[2:], counts, limit)[:, 0] + NOTHING_GATHERED
        assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-3), (ours, theirs)
        assert math.isclose(log_evidence(ours), np.logaddexp.reduce(theirs), abs_tol=1e-2)


def genaiops(stable: float, candidate: float, limit: float, rate: int, runs: int, seed: int) -> Ending:
    """Weights 5, 25, 50 for ten minutes each, and until the verdict there is Successful; minSamples 1."""
    rng = np.random.default_rng(seed)
    stage, at_weight = np.zeros(runs, dtype=int), np.zeros(runs)
    nothing = np.array(NOTHING_GATHERED)[:, None]
    counts, logs = np.zeros((4, runs), dtype=np.int64), np.repeat(nothing, runs, axis=1)
    aborted, promoted = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    minutes, exposed = np.full(runs, float(HORIZON)), np.zeros(runs, dtype=np.int64)
    for look in range(1, round(HORIZON / EVERY) + 1):
        live = np.flatnonzero(~aborted)
        if not len(live):
            break
        weight = WEIGHTS[stage[live]]
        n_c, n_s = rng.poisson(rate * EVERY * weight), rng.poisson(rate * EVERY * (1 - weight))
        exposed[live] += n_c
        h_c, h_s = rng.binomial(n_c, candidate), rng.binomial(n_s, stable)
        at_weight[live] += EVERY
        proving = ~promoted[live]
        judged = live[proving]
        if not len(judged):
            continue
        block = np.stack([h_c, n_c - h_c, h_s, n_s - h_s])[:, proving]
        logs[:, judged] += block_evidence(counts[2:, judged], block, limit)
        counts[:, judged] += block
        mine = counts[:, judged]
        shares = mine[0] / np.maximum(1, mine[0] + mine[1]), mine[2] / np.maximum(1, mine[2] + mine[3])
        beyond, bounds = shares[0] - shares[1] > limit, least_evidence(mine, limit)
        spent = ALPHA * PARTS[stage[judged]]
        bets = np.logaddexp.reduce(logs[:, judged], axis=0)
        by_bets, by_bounds = -np.log(ON_EVIDENCE * spent), -np.log((1 - ON_EVIDENCE) * spent)
        failed = (bets >= by_bets) | (beyond & (bounds >= by_bounds))
        passed = ~failed & ~beyond & (bounds >= math.log(1 / ALPHA)) & (at_weight[judged] >= MINUTES_PER_WEIGHT - 1e-9)
        aborted[judged[failed]] = True
        minutes[judged[failed]] = look * EVERY
        going = judged[passed]
        stage[going] += 1
        promoted[going] = stage[going] == STAGES
        at_weight[going], counts[:, going], logs[:, going] = 0, 0, nothing
    return Ending(aborted, promoted, minutes, exposed)


# --- the others ---------------------------------------------------------------------------------------------


class Check(NamedTuple):
    """A rule of thresholds: at each look, is the share of bad requests since the last one above the threshold?"""

    every: float
    """Minutes."""
    forgiven: int
    """Failed checks that do not abort: Argo's failureLimit, Flagger's threshold less one."""
    halts: bool
    """Whether a failed check keeps the weight where it is (Flagger), or not (Argo Rollouts)."""

    def __str__(self) -> str:
        every = f"{self.every * 60:.0f} s"
        return f"threshold {self.forgiven + 1}, {every}" if self.halts else f"failureLimit {self.forgiven}, {every}"


ARGO = [Check(every, forgiven, halts=False) for every in (EVERY, 1) for forgiven in (0, 1, 3, 5)]
FLAGGER = [Check(every, forgiven, halts=True) for every in (EVERY, 1) for forgiven in (0, 1, 4, 9)]


def checked(check: Check, threshold: float, share: float, rate: int, runs: int, seed: int) -> Ending:
    """Rollouts under such a rule of a candidate with this share of bad requests: 5, 25, 50 for ten minutes each."""
    rng = np.random.default_rng(seed)
    per_weight = round(MINUTES_PER_WEIGHT / check.every)
    position, failed = np.zeros(runs, dtype=int), np.zeros(runs, dtype=int)
    aborted, minutes = np.zeros(runs, dtype=bool), np.full(runs, float(HORIZON))
    exposed = np.zeros(runs, dtype=np.int64)
    for look in range(1, round(HORIZON / check.every) + 1):
        live = np.flatnonzero(~aborted)
        if not len(live):
            break
        stage = np.minimum(position[live] // per_weight, STAGES)
        requests = rng.poisson(rate * check.every * WEIGHTS[stage])
        exposed[live] += requests
        if (stage == STAGES).all():
            # All are promoted or aborted: nothing is looked at any more.
            exposed[live] += rng.poisson(rate * (HORIZON - look * check.every), len(live))
            break
        bad = (rng.binomial(requests, share) > threshold * requests) & (stage < STAGES)
        failed[live] += bad
        over = live[failed[live] > check.forgiven]
        aborted[over], minutes[over] = True, look * check.every
        position[live] += ~bad if check.halts else 1
    return Ending(aborted, ~aborted & (position >= per_weight * STAGES), minutes, exposed)


@cache
def calibrated(check: Check, share: float, rate: int, runs: int) -> float:
    """The lowest threshold at which a candidate with this share is taken back in at most 5 % of rollouts."""
    low, high = share, 1.0
    for _ in range(12):
        threshold = (low + high) / 2
        often = checked(check, threshold, share, rate, runs, seed=1).aborted.mean() > ALPHA
        low, high = (threshold, high) if often else (low, threshold)
    return high


# --- side by side -------------------------------------------------------------------------------------------

EFFECTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Shares by which a bad candidate is beyond the limit."""


class Cell(NamedTuple):
    """One bad candidate under all rules."""

    ours: Ending
    argo: dict[Check, Ending]
    flagger: dict[Check, Ending]


def cells(stable: float, limit: float, bad: list[float], rate: int, runs: int) -> list[Cell]:
    """Each bad candidate's share in turn. The others' thresholds are set by one who knows stable's share."""
    worst = stable + limit
    thresholds = {check: calibrated(check, worst, rate, runs) for check in (*ARGO, *FLAGGER)}

    def under(checks: list[Check], share: float) -> dict[Check, Ending]:
        return {check: checked(check, thresholds[check], share, rate, runs, seed=2) for check in checks}

    return [
        Cell(genaiops(stable, share, limit, rate, runs, seed=3), under(ARGO, share), under(FLAGGER, share))
        for share in bad
    ]


def setting_of_choice(found: list[Cell], of: str) -> Check:
    """The setting that does best over all bad candidates: fewest users on geometric average."""
    settings = list(getattr(found[0], of))
    return min(settings, key=lambda one: sum(math.log(getattr(cell, of)[one].exposed.mean()) for cell in found))


def table(
    title: str, stables: list[float], limit: float, effects: list[tuple[str, list[float]]], args: argparse.Namespace
) -> Iterator[str]:
    """The lines of one table: a row per stable share and candidate."""
    yield f"\n{title}\n"
    yield "| stable | candidate | this analysis | Argo Rollouts | Flagger | best setting of either for this row |"
    yield "|-|-|-|-|-|-|"
    wins = {"chosen": 0, "best": 0}
    wrong, rows = 0, 0
    for stable, (_, bad) in zip(stables, effects, strict=True):
        null = genaiops(stable, stable + limit, limit, args.rate, args.runs, seed=4)
        good = genaiops(stable, stable, limit, args.rate, args.runs, seed=5)
        found = cells(stable, limit, bad, args.rate, args.runs)
        argo, flagger = setting_of_choice(found, "argo"), setting_of_choice(found, "flagger")
        yield (
            f"| {stable:.1%} | at the limit | {null.aborted.mean():.1%} aborted; as good as stable: "
            f"{good.promoted.mean():.0%} promoted | {argo} | {flagger} | |"
        )
        for share, cell in zip(bad, found, strict=True):
            others = (cell.argo[argo], cell.flagger[flagger])
            best = min((*cell.argo.values(), *cell.flagger.values()), key=lambda ending: ending.exposed.mean())
            mine = cell.ours.exposed.mean()
            wins["chosen"] += all(mine < other.exposed.mean() for other in others)
            wins["best"] += mine < best.exposed.mean()
            wrong += any(cell.ours.promoted.mean() > other.promoted.mean() for other in others)
            rows += 1
            yield f"| {stable:.1%} | {share:.1%} | {_words(cell.ours)} | {' | '.join(map(_words, (*others, best)))} |"
    yield (
        f"\nFewer users than both in {wins['chosen']} of {rows} rows, than the best setting for the row in "
        f"{wins['best']}; promoted wrongly more often than one of them in {wrong}."
    )


def _words(ending: Ending) -> str:
    text = f"{ending.exposed.mean():,.0f} users, {np.median(ending.minutes):.1f} min"
    return text + (f", {ending.promoted.mean():.0%} promoted" if ending.promoted.any() else "")


def slower(factor: float, share: float) -> float:
    """The share above a threshold once every request takes so many times as long; log-normal, sigma 0.6."""
    normal = NormalDist()
    return normal.cdf(math.log(factor) / 0.6 - normal.inv_cdf(1 - share))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="rollouts per cell")
    parser.add_argument("--rate", type=int, default=1200, help="requests a minute to the app")
    parser.add_argument("--quick", action="store_true", help="200 rollouts per cell, and fewer cells")
    args = parser.parse_args()
    if args.quick:
        args.runs = 200
    check_against_the_operator()
    stables = [0.001, 0.05] if args.quick else [0.001, 0.01, 0.05, 0.1, 0.2]
    for limit in (0.05, 0.0):
        title = f"Bad answers, `maxIncrease: {limit:g}`, {args.rate} requests a minute, {args.runs} rollouts a row:"
        effects = [("", [stable + limit + effect for effect in EFFECTS]) for stable in stables]
        for line in table(title, stables, limit, effects, args):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    slow = [0.05] if args.quick else [0.01, 0.05]
    title = "Latency: requests above the threshold where all take 1.25, 1.5, 2, 3 times as long, `maxIncrease: 0.02`:"
    effects = [("", [slower(factor, share) for factor in (1.25, 1.5, 2, 3)]) for share in slow]
    effects = [
        ("", [share for share in bad if share > stable + 0.02]) for stable, (_, bad) in zip(slow, effects, strict=True)
    ]
    for line in table(title, slow, 0.02, effects, args):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
