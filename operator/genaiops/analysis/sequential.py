"""Always-valid inference on shares of requests: bounds on one share and on the difference of two.

A confidence interval is right at one sample size that was fixed beforehand. A rollout is judged at every measurement
and stopped as soon as the evidence suffices, so it needs a confidence *sequence*, right at all sample sizes at once,

    P(for every n: lower_n <= truth) >= 1 - alpha,    and the same for upper,

however often one looks and whenever one stops. The construction:

1. One arm: n requests, h of them hits. If the share of hits is p, the mixture likelihood ratio

       E(p) = [ integral of q^h (1-q)^(n-h) d prior(q) ] / [ p^h (1-p)^(n-h) ]

   is a nonnegative martingale in n that begins at 1 (Robbins 1970, "Statistical methods related to the law of the
   iterated logarithm", Ann. Math. Statist. 41), so it ever reaches 1/alpha with probability at most alpha (Ville). The
   p with E(p) < 1/alpha are an interval, the confidence sequence of the share (Howard, Ramdas, McAuliffe, Sekhon 2021,
   "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49).

2. Two arms, candidate c and stable s. For a pair of shares,

       E(p_c, p_s) = E_c(p_c) * (1 + E_s(p_s)) / 2

   is such a martingale, too: a request of one arm moves only that arm's factor, and an average of martingales is one
   (Vovk and Wang 2021, "E-values: calibration, combination and applications", Ann. Statist. 49). The pairs with
   E < 1/alpha are a confidence sequence of the pair; the extremes of p_c - p_s among them bound the difference. In
   words of Wasserman, Ramdas, Balakrishnan 2020, "Universal inference", PNAS 117: a difference is rejected when its
   least rejected pair is. Exact alternatives for two-by-two tables, there in blocks of fixed size: Turner and Grünwald
   2023, "Exact anytime-valid confidence intervals for contingency tables and beyond", Statist. Probab. Lett. 198.

   Why the average with 1: of stable one need not prove anything, only know where it is. The plain product pays about
   log(n_s)/2 for not knowing p_s; the average pays at most log 2. At a weight of 5 % that saves a third of the
   candidate's samples.

Any prior is valid; it decides only how soon bounds are narrow. Nine parts of this one, Beta(1/2, 5), expect few hits,
as shares of bad requests are; one part, Jeffreys' Beta(1/2, 1/2), is for the rest. Against Jeffreys' alone that saves
a quarter of the samples where there are few hits. What is assumed: within a window each request of an arm is a hit
with one probability, whatever the others are.

Only totals enter, not the order or batches they came in: an operator that restarts goes on exactly. Bounds are rounded
outwards, by less than 1e-10, and stable in floating point to 10^7 requests and more. About 0.1 ms a bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

_Prior = tuple[tuple[float, float, float], ...]
"""Beta distributions to be mixed: weight, a, b."""
_PRIOR: _Prior = ((0.9, 0.5, 5.0), (0.1, 0.5, 0.5))


@dataclass(frozen=True)
class Share:
    """What an arm tells of its share of hits."""

    hits: int
    misses: int
    prior: _Prior = _PRIOR

    @classmethod
    def of(cls, hits: int, samples: int) -> "Share":
        """The share of `hits` among `samples`. Raises ValueError unless 0 <= hits <= samples."""
        if not 0 <= hits <= samples:
            raise ValueError(f"{hits} hits among {samples} samples: hits go from 0 to the number of samples")
        return cls(hits, samples - hits)

    @property
    def observed(self) -> float:
        """The likeliest share; 0 where nothing is known."""
        return self.hits / max(1, self.hits + self.misses)

    def complement(self) -> "Share":
        """The same arm seen from its misses: an upper bound of one is a lower bound of the other."""
        return Share(self.misses, self.hits, tuple((weight, b, a) for weight, a, b in self.prior))

    @cached_property
    def log_mixture(self) -> float:
        """Log of the likelihood, averaged over the prior."""
        parts = [
            math.log(weight) + _log_beta(self.hits + a, self.misses + b) - _log_beta(a, b)
            for weight, a, b in self.prior
        ]
        most = max(parts)
        return most + math.log(sum(math.exp(part - most) for part in parts))

    def log_e(self, p: float) -> float:
        """log E(p): the evidence against p. Falls up to the observed share, rises from there."""
        likelihood = (self.hits * _log(p) if self.hits else 0.0) + (self.misses * _log(1 - p) if self.misses else 0.0)
        return self.log_mixture - likelihood

    def log_e_slope(self, p: float) -> float:
        return (self.misses / (1 - p) if self.misses else 0.0) - (self.hits / p if self.hits else 0.0)

    def where_slope_is(self, slope: float) -> float:
        """The p up to the observed share where `log_e_slope(p)` has this value, at most 0."""
        if not self.hits:
            return 0.0
        # misses / (1-p) - hits / p = slope is quadratic in p. This form of its root subtracts no like numbers.
        linear = self.hits + self.misses - slope
        return 2 * self.hits / (linear + math.sqrt(max(0.0, linear * linear + 4 * slope * self.hits)))

    def log_hedged_e(self, p: float) -> float:
        """log of (1 + E(p)) / 2."""
        e = self.log_e(p)
        return max(e, 0.0) + math.log1p(math.exp(-abs(e))) - math.log(2)

    def log_hedged_e_slope(self, p: float) -> float:
        return self.log_e_slope(p) / (1 + math.exp(-self.log_e(p)))


def lower_share(arm: Share, alpha: float) -> float:
    """The lower bound of an arm's share, from 0 to 1. It is ever above the truth with probability at most `alpha`."""
    limit = -_log(alpha)
    return _last_inside(lambda p: arm.log_e(p) < limit, arm.observed, 0.0)


def upper_share(arm: Share, alpha: float) -> float:
    """The upper bound of an arm's share, from 0 to 1. It is ever below the truth with probability at most `alpha`."""
    return 1 - lower_share(arm.complement(), alpha)


def lower_difference(candidate: Share, stable: Share, alpha: float) -> float:
    """The lower bound of candidate's share minus stable's, from -1 to 1.

    It is ever above the truth with probability at most `alpha`. The same for the upper bound, and for the two together.
    """
    limit = -_log(alpha)

    # log E(p_c, p_s) is convex, and so are the pairs below the limit. Where p_c - p_s is least among them, evidence
    # rises as fast with p_s as it does against p_c: to each p_s above the observed share belongs one p_c.
    def partner(p_s: float) -> float:
        return candidate.where_slope_is(-stable.log_hedged_e_slope(p_s))

    def inside(p_s: float) -> bool:
        return candidate.log_e(partner(p_s)) + stable.log_hedged_e(p_s) < limit

    if stable.misses and inside(stable.observed):
        p_s = _last_inside(inside, stable.observed, 1.0)
        return partner(p_s) - p_s if p_s < 1 else -1.0
    # In the corners of the square p_s has no room, or it is not worth moving, and only p_c gives way.
    p_s = stable.observed if stable.misses else 1.0
    rest = limit - stable.log_hedged_e(p_s)
    return _last_inside(lambda p_c: candidate.log_e(p_c) < rest, candidate.observed, 0.0) - p_s


def upper_difference(candidate: Share, stable: Share, alpha: float) -> float:
    """The upper bound of candidate's share minus stable's, from -1 to 1: see `lower_difference`."""
    return -lower_difference(candidate.complement(), stable.complement(), alpha)


def lower_ratio(candidate: Share, stable: Share, alpha: float) -> float:
    """The lower bound of candidate's share divided by stable's, from 0 to infinity.

    The least ratio among the pairs of `lower_difference`, and with the same guarantee. Where both shares may be 0, any
    ratio is possible: the bounds are 0 and infinity.
    """
    return _ratio_bound(candidate, stable, alpha, 0.0)


def upper_ratio(candidate: Share, stable: Share, alpha: float) -> float:
    """The upper bound of candidate's share divided by stable's: see `lower_ratio`."""
    return _ratio_bound(candidate, stable, alpha, 1.0)


def _ratio_bound(candidate: Share, stable: Share, alpha: float, far: float) -> float:
    # A ratio is a ray from (0, 0): p_c = t * u, p_s = (1 - t) * u. Along it the evidence is convex.
    limit = -_log(alpha)

    def inside(t: float) -> bool:
        near, most = 0.0, 1 / max(t, 1 - t)
        for _ in range(60):
            u = (near + most) / 2
            p_c, p_s = t * u, (1 - t) * u
            if candidate.log_e(p_c) + stable.log_hedged_e(p_s) < limit:
                return True
            if t * candidate.log_e_slope(p_c) + (1 - t) * stable.log_hedged_e_slope(p_s) < 0:
                near = u
            else:
                most = u
        return False

    together = candidate.observed + stable.observed
    t = _last_inside(inside, candidate.observed / together if together else far, far)
    return t / (1 - t) if t < 1 else math.inf


def _last_inside(inside: Callable[[float], bool], near: float, far: float) -> float:
    """Where `inside`, true at `near`, ends on the way to `far`; rounded towards `far`."""
    for _ in range(34):
        middle = (near + far) / 2
        if middle in (near, far):
            break
        if inside(middle):
            near = middle
        else:
            far = middle
    return far


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
