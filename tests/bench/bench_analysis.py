"""How soon and how rightly rollouts end: this analysis beside rules of fixed thresholds, on the same simulated traffic.

    python tests/bench/bench_analysis.py [--runs 100] [--rate 120]

Prints a Markdown table; docs/analysis.md has one and says how to read it. One minute on one core.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from genaiops.analysis.judge import judge_all, summary
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.llmapp_status import AnalysisStatus, Arm, Verdict

LIMIT = 0.05
ANALYSIS = Analysis(metrics=[Metric(name="guardrail-violation-rate")])

SCENARIOS = [
    ("no worse", 0.00, 0.00),
    ("no worse", 0.02, 0.02),
    ("no worse", 0.04, 0.04),
    ("no worse", 0.10, 0.10),
    ("worse, within the limit", 0.00, 0.03),
    ("exactly at the limit", 0.02, 0.07),
    ("bad", 0.00, 0.10),
    ("bad", 0.02, 0.12),
    ("very bad", 0.00, 0.33),
    ("broken", 0.00, 1.00),
]


@dataclass
class Traffic:
    """Requests as they come, a fixed number a minute, split at random by weight."""

    stable: float
    """Share of hits, as are all rates here."""
    candidate: float
    rate: int
    """Requests a minute, both arms together."""
    rng: random.Random
    seen: int = 0
    """Requests to the candidate so far."""

    def during(self, minutes: float, weight: int) -> tuple[Arm, Arm]:
        """What candidate and stable counted."""
        total = round(self.rate * minutes)
        requests = sum(self.rng.random() * 100 < weight for _ in range(total))
        self.seen += requests
        return self._arm(requests, self.candidate), self._arm(total - requests, self.stable)

    def _arm(self, requests: int, share: float) -> Arm:
        return Arm(samples=requests, hits=sum(self.rng.random() < share for _ in range(requests)))


Ending = tuple[str, float]
"""``promoted``, ``aborted`` or ``paused``, and after how many minutes."""
Rule = Callable[[Traffic], Ending]


def genaiops(traffic: Traffic) -> Ending:
    """The defaults: weights 5, 25, 50, a look every 10 s, to pass needs a verdict, pause after 30 min without."""
    minutes, interval, weights = 0.0, ANALYSIS.interval.total_seconds() / 60, (5, 25, 50)
    for weight in weights:
        totals = {"candidate": Arm(samples=0, hits=0), "stable": Arm(samples=0, hits=0)}
        for _ in range(round(ANALYSIS.max_duration.total_seconds() / 60 / interval)):
            minutes += interval
            for role, more in zip(totals, traffic.during(interval, weight), strict=True):
                was = totals[role]
                totals[role] = Arm(samples=was.samples + more.samples, hits=was.hits + more.hits)
            status = AnalysisStatus(
                started_at=datetime(2026, 1, 1, tzinfo=UTC),
                totals={role: {"guardrail-violation-rate": arm} for role, arm in totals.items()},
            )
            verdict = summary(judge_all(ANALYSIS, status, len(weights)))
            if verdict is Verdict.FAILED:
                return "aborted", minutes
            if verdict is Verdict.SUCCESSFUL:
                break
        else:
            return "paused", minutes
    return "promoted", minutes


def argo_rollouts(failure_limit: int) -> Rule:
    """The first example of its documentation: weight 20, 40, … every 10 min, each 5 min's success rate at least 0.95.

    More than `failureLimit` measurements below abort: 0 is its default, 3 is in the example.
    """

    def rule(traffic: Traffic) -> Ending:
        failed = 0
        for step in range(8):
            candidate, _ = traffic.during(5, 20 + 20 * (step // 2))
            failed += candidate.samples > 0 and candidate.hits / candidate.samples > LIMIT
            if failed > failure_limit:
                return "aborted", 5.0 * (step + 1)
        return "promoted", 40.0

    return rule


def flagger(threshold: int) -> Rule:
    """The example of its documentation: a check a minute, each that passes adds 5 to the weight, up to 50.

    `threshold` checks that fail abort: 1 is its default, 10 is in the example. The example wants 99 % successes; here
    it is the limit of the others. A minute without requests is a failed check.
    """

    def rule(traffic: Traffic) -> Ending:
        weight, failed = 5, 0
        for minute in count(1):
            candidate, _ = traffic.during(1, weight)
            if not candidate.samples or candidate.hits / candidate.samples > LIMIT:
                failed += 1
                if failed >= threshold:
                    return "aborted", minute
            elif weight == 50:
                return "promoted", minute
            else:
                weight += 5
        raise AssertionError("count() does not end")

    return rule


RULES: dict[str, Rule] = {
    "genaiops": genaiops,
    "Argo Rollouts, failureLimit 0": argo_rollouts(0),
    "Argo Rollouts, failureLimit 3": argo_rollouts(3),
    "Flagger, threshold 1": flagger(1),
    "Flagger, threshold 10": flagger(10),
}


def rows(runs: int, rate: int) -> Iterator[str]:
    """The lines of the table."""
    yield "| candidate | stable → candidate | rule | aborted | promoted | paused | until abort | until promotion |"
    yield "|-|-|-|-|-|-|-|-|"
    for what, stable, candidate in SCENARIOS:
        for name, rule in RULES.items():
            ended: dict[str, list[tuple[int, float]]] = {"aborted": [], "promoted": [], "paused": []}
            for run in range(runs):
                traffic = Traffic(stable, candidate, rate, random.Random(run))
                result, minutes = rule(traffic)
                ended[result].append((traffic.seen, minutes))
            shares = " | ".join(f"{len(ended[result]) / runs:.0%}" for result in ended)
            yield (
                f"| {what} | {stable:.0%} → {candidate:.0%} | {name} | {shares} "
                f"| {_median(ended['aborted'])} | {_median(ended['promoted'])} |"
            )


def _median(endings: list[tuple[int, float]]) -> str:
    if not endings:
        return ""
    requests, minutes = (statistics.median(values) for values in zip(*endings, strict=True))
    return f"{requests:.0f} requests, {minutes:.1f} min"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="rollouts per line")
    parser.add_argument("--rate", type=int, default=120, help="requests a minute to the app")
    args = parser.parse_args()
    for row in rows(args.runs, args.rate):
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
