"""Evidence gathered block by block: under the null it never grows on average, whatever the blocks; else it does."""

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.analysis.betting import BEYOND, NOTHING_GATHERED, gathered, log_evidence
from genaiops.analysis.evidence import measured
from genaiops.analysis.judge import judge_all, summary
from genaiops.analysis.readings import Readings
from genaiops.api.analysis import Analysis
from genaiops.api.llmapp_status import AnalysisStatus, Arm, PodCounters, Verdict

T0 = datetime(2026, 1, 1, tzinfo=UTC)
shares = st.floats(0, 1)


def arm(hits: int, samples: int) -> Arm:
    return Arm(hits=hits, samples=samples)


def chance(hits: int, samples: int, share: float) -> float:
    return math.comb(samples, hits) * share**hits * (1 - share) ** (samples - hits)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 8), st.integers(0, 8), shares, shares, st.sampled_from([0.0, 0.02, 0.05, 0.5]), st.data())
def test_one_block_is_worth_1_at_most_on_average_under_any_pair_within_the_limit(
    n_c: int, n_s: int, p_s: float, part: float, limit: float, data: st.DataObject
) -> None:
    seen_samples = data.draw(st.integers(0, 500))
    seen = arm(data.draw(st.integers(0, seen_samples)), seen_samples)
    p_c = part * min(1.0, p_s + limit)

    average = [0.0] * len(BEYOND)
    for h_c in range(n_c + 1):
        for h_s in range(n_s + 1):
            logs = gathered([0.0] * len(BEYOND), seen, arm(h_c, n_c), arm(h_s, n_s), limit)
            likely = chance(h_c, n_c, p_c) * chance(h_s, n_s, p_s)
            average = [total + likely * math.exp(log) for total, log in zip(average, logs, strict=True)]

    assert max(average) <= 1 + 1e-9


def test_evidence_of_several_alternatives_is_their_weighted_average() -> None:
    assert log_evidence(NOTHING_GATHERED) == pytest.approx(0)
    assert math.exp(log_evidence([math.log(2), *[-800.0] * 3])) == pytest.approx(2)
    assert log_evidence([log + 2000.0 for log in NOTHING_GATHERED]) == pytest.approx(2000)


def requests_until_failed(candidate: float, stable: float, seed: int, most: int = 3000) -> int | None:
    """Requests to a candidate with 5 % of the traffic, looked at every ten of them, until it has failed."""
    rng = random.Random(seed)
    analysis = Analysis.model_validate({"minSamples": 1, "metrics": [{"name": "error-rate"}]})
    counts = {"candidate": [0, 0], "stable": [0, 0]}
    window: AnalysisStatus | None = None
    for look in range(most // 10 + 1):
        pods = {
            role: (role, PodCounters(metrics={"error-rate": arm(hits, samples)}))
            for role, (hits, samples) in counts.items()
        }
        window = measured(analysis, window, Readings(pods), T0 + timedelta(seconds=10 * look))
        # Through JSON, as the API server stores it.
        window = AnalysisStatus.model_validate(window.to_manifest())
        if summary(judge_all(analysis, window, part=1 / 3)) is Verdict.FAILED:
            return counts["candidate"][1]
        for role, share, more in (("candidate", candidate, 10), ("stable", stable, 190)):
            counts[role][0] += sum(rng.random() < share for _ in range(more))
            counts[role][1] += more
    return None


def test_a_candidate_beyond_the_limit_fails_in_fewer_requests_than_its_bounds_need() -> None:
    # The bounds alone need 446 on average.
    needed = [requests_until_failed(candidate=0.35, stable=0.2, seed=seed) for seed in range(12)]
    assert None not in needed
    assert sum(filter(None, needed)) / len(needed) < 400


def test_a_candidate_at_the_limit_does_not_fail() -> None:
    failed = [requests_until_failed(candidate=0.15, stable=0.1, seed=seed, most=1000) for seed in range(12)]
    assert failed.count(None) >= 11


def test_a_window_that_is_told_says_how_strong_the_evidence_is() -> None:
    analysis = Analysis.model_validate({"minSamples": 1, "metrics": [{"name": "error-rate"}]})
    empty = {role: (role, PodCounters(metrics={"error-rate": arm(0, 0)})) for role in ("candidate", "stable")}
    window = measured(analysis, None, Readings(empty), T0)
    counted = {
        "candidate": ("candidate", PodCounters(metrics={"error-rate": arm(17, 90)})),
        "stable": ("stable", PodCounters(metrics={"error-rate": arm(40, 1800)})),
    }
    window = measured(analysis, window, Readings(counted), T0 + timedelta(seconds=10))
    (verdict,) = judge_all(analysis, window, part=1 / 3)

    assert verdict.verdict is Verdict.FAILED
    assert verdict.lower is not None
    assert verdict.lower < Decimal("0.05")
    assert "limit +5.0 exceeded by" in verdict.message
    assert verdict.message.endswith("evidence, 67 to 1 suffices")


def test_another_limit_begins_with_no_evidence() -> None:
    strict = Analysis.model_validate({"metrics": [{"name": "error-rate", "maxIncrease": "0.01"}]})
    loose = Analysis.model_validate({"metrics": [{"name": "error-rate", "maxIncrease": "0.2"}]})
    window = measured(strict, None, Readings({"c": ("candidate", PodCounters(metrics={"error-rate": arm(0, 0)}))}), T0)
    bad = Readings({"c": ("candidate", PodCounters(metrics={"error-rate": arm(50, 50)}))})
    window = measured(strict, window, bad, T0 + timedelta(seconds=10))
    assert list(window.evidence) == ["error-rate>stable+0.01"]

    window = measured(loose, window, bad, T0 + timedelta(seconds=20))

    assert list(window.evidence) == ["error-rate>stable+0.2"]
    assert log_evidence([float(log) for log in window.evidence["error-rate>stable+0.2"]]) == pytest.approx(0, abs=1e-5)


def test_an_upgrade_amid_a_rollout_loses_no_evidence_and_invents_none() -> None:
    # given a window of an operator that gathered in another way, with evidence of 100 to 1
    analysis = Analysis.model_validate({"minSamples": 1, "metrics": [{"name": "error-rate"}]})
    nobody, counted = (
        Readings(
            {
                "candidate": ("candidate", PodCounters(metrics={"error-rate": candidate})),
                "stable": ("stable", PodCounters(metrics={"error-rate": stable})),
            }
        )
        for candidate, stable in ((arm(0, 0), arm(0, 0)), (arm(5, 60), arm(20, 1140)))
    )
    window = measured(analysis, measured(analysis, None, nobody, T0), counted, T0 + timedelta(seconds=10))
    older = {"error-rate>0.05": [Decimal(str(math.log(600))), *[Decimal(-30)] * 5]}
    window = window.model_copy(update={"evidence": older})
    (before,) = judge_all(analysis, window, part=1)
    assert "by 100 to 1 evidence, 22 to 1 suffices" in before.message

    # when the new one reads the pods, and nobody has asked since
    window = measured(analysis, window, counted, T0 + timedelta(seconds=20))

    # then it is the same evidence, in its own terms
    assert list(window.evidence) == ["error-rate>stable+0.05"]
    (after,) = judge_all(analysis, window, part=1)
    assert after.message == before.message
