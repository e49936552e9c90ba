"""Evidence that a candidate's share exceeds stable's by more than a limit, gathered block by block.

A confidence sequence of sequential.py holds for every limit at once and knows nothing of order. Who asks about one
limit only, and bets on the next block with what the blocks before it have shown, learns of a bad candidate in about two
thirds of the requests. What is gathered is an e-process: under every pair of shares with p_c - p_s <= limit its
expectation never exceeds 1, so it ever reaches 1/alpha with probability at most alpha (Ville), however often one looks.

One block: n_c and n_s requests with h_c and h_s hits, since the last look. An alternative (a_c, a_s) with
a_c - a_s > limit is chosen before the block is seen. Of the null, (q_c, q_s) is the pair nearest to it,

    min  n_c KL(a_c || q_c) + n_s KL(a_s || q_s)    among pairs with q_c - q_s <= limit,

and the block multiplies the evidence by the likelihood ratio of the two (Turner, Ly, Grünwald 2024, "Generic
E-variables for exact sequential k-sample tests that allow for optional stopping", J. Statist. Plann. Inference 230; for
differences of risk Turner and Grünwald 2023, Statist. Probab. Lett. 198). Its expectation under a pair p of the null is

    (1 + g_c (p_c - q_c))^n_c (1 + g_s (p_s - q_s))^n_s <= exp(n_c g_c (p_c - q_c) + n_s g_s (p_s - q_s)) <= 1

with g = (a - q) / (q (1 - q)): the null is convex, and at its pair nearest to the alternative no direction into it goes
along n g, the negative gradient of the distance.

Alternatives: stable's share as estimated from the blocks before, and the candidate's above the limit by one of four
amounts, on the scale on which a share's estimate scatters alike wherever it is, arcsin(sqrt(share)) (Anscombe 1948,
Biometrika 35): a point more is much beside 0.1 % and little beside 20 %. Their evidence is averaged, weighted, which is
evidence again and costs at most log 10. The shares may change from block to block, as long as the candidate's stays
within the limit of stable's: what the time of day does to both harms nothing.
"""

import math
from collections.abc import Sequence

from genaiops.api.llmapp_status import Arm

BEYOND = (0.05, 0.1, 0.2, 0.4)
"""How far the alternatives are above the limit, in radians of arcsin(sqrt(share))."""
GUESS = (0.25, 5.0)
"""Hits and misses that stable is taken to have had before it was looked at."""
MOST = 0.98
"""No alternative is surer than that: one miss must not end a bet for good."""
NOTHING_GATHERED = tuple(math.log(weight) for weight in (0.4, 0.3, 0.2, 0.1))
"""Logs of the weights with which the alternatives' evidence is averaged. Small effects take the most requests."""


def gathered(before: Sequence[float], seen: Arm, candidate: Arm, stable: Arm, limit: float) -> list[float]:
    """Log of the weighted evidence for each alternative of `BEYOND`, with one more block.

    `before`: what was gathered so far, at first `NOTHING_GATHERED`. `seen` is what stable had shown before the block;
    `candidate` and `stable` are what the block has; 0 <= limit < 1.
    """
    a_s = min((seen.hits + GUESS[0]) / (seen.samples + sum(GUESS)), MOST - 0.001 - limit)
    if not candidate.samples or a_s <= 0:
        return list(before)
    worst = math.asin(math.sqrt(a_s + limit))
    return [
        log + _log_ratio(min(math.sin(min(worst + beyond, math.pi / 2)) ** 2, MOST), a_s, candidate, stable, limit)
        for log, beyond in zip(before, BEYOND, strict=True)
    ]


def log_evidence(logs: Sequence[float]) -> float:
    """Log of the evidence, all alternatives together."""
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs))


def going_on_from(log: float) -> list[float]:
    """What evidence that was gathered in another way begins with: a product of the two is evidence of both."""
    return [log + weight for weight in NOTHING_GATHERED]


def _log_ratio(a_c: float, a_s: float, candidate: Arm, stable: Arm, limit: float) -> float:
    q_s = _nearest(a_c, a_s, candidate.samples, stable.samples, limit)
    return _log_likelihood_ratio(candidate, a_c, q_s + limit) + _log_likelihood_ratio(stable, a_s, q_s)


def _nearest(a_c: float, a_s: float, n_c: int, n_s: int, limit: float) -> float:
    """The q_s of the nearest pair: it lies on the limit, between stable's share and where the candidate's would be."""
    low, high = a_s, a_c - limit
    for _ in range(40):
        q_s = (low + high) / 2
        q_c = q_s + limit
        slope = n_c * ((1 - a_c) / (1 - q_c) - a_c / q_c) + n_s * ((1 - a_s) / (1 - q_s) - a_s / q_s)
        low, high = (q_s, high) if slope < 0 else (low, q_s)
    return (low + high) / 2


def _log_likelihood_ratio(arm: Arm, a: float, q: float) -> float:
    return arm.hits * math.log(a / q) + (arm.samples - arm.hits) * math.log((1 - a) / (1 - q))
