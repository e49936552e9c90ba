"""From counts to verdicts: what fails, what passes, what waits, and what a person reads."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from genaiops.analysis.judge import judge, judge_all, summary
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.llmapp_status import AnalysisStatus, Arm, MetricVerdict, Verdict

T0 = datetime(2026, 1, 1, tzinfo=UTC)
VIOLATIONS = Metric(name="guardrail-violation-rate")
SUCCESSFUL, FAILED, INCONCLUSIVE, ERROR = (
    Verdict.SUCCESSFUL,
    Verdict.FAILED,
    Verdict.INCONCLUSIVE,
    Verdict.ERROR,
)


def arm(hits: int, samples: int) -> Arm:
    return Arm(hits=hits, samples=samples)


def judged(metric: Metric, candidate: Arm, stable: Arm, min_samples: int = 30, tests: int = 1) -> MetricVerdict:
    return judge(metric, candidate, stable, alpha=Decimal("0.05"), min_samples=min_samples, tests=tests)


def window(**arms: tuple[Arm, Arm]) -> AnalysisStatus:
    """Totals of a window: by metric (with _ for -), candidate's and stable's."""
    totals = {
        role: {name.replace("_", "-"): pair[index] for name, pair in arms.items()}
        for index, role in enumerate(("candidate", "stable"))
    }
    return AnalysisStatus(started_at=T0, baseline_at=T0, totals=totals)


# --- one metric --------------------------------------------------------------------------------------------


def test_a_prompt_that_leaks_fails() -> None:
    verdict = judged(VIOLATIONS, arm(20, 48), arm(0, 310))

    assert verdict.verdict is FAILED
    assert verdict.message == (
        "guardrail-violation-rate 41.7% (20 of 48) against 0.0% (0 of 310) on stable: "
        "+18.8 to +67.2 points at 95%, limit +5.0"
    )
    assert verdict.lower == Decimal("0.188232")
    assert verdict.upper == Decimal("0.672206")


def test_a_prompt_that_does_not_leak_passes_once_there_is_enough_to_say_so() -> None:
    assert judged(VIOLATIONS, arm(0, 90), arm(0, 1700)).verdict is INCONCLUSIVE
    assert judged(VIOLATIONS, arm(0, 110), arm(0, 2100)).verdict is SUCCESSFUL


def test_a_candidate_as_bad_as_stable_is_no_worse() -> None:
    assert judged(VIOLATIONS, arm(400, 2000), arm(4000, 20_000)).verdict is SUCCESSFUL


def test_nothing_is_said_before_the_minimum_of_samples_not_even_the_obvious() -> None:
    assert judged(VIOLATIONS, arm(12, 12), arm(0, 240), min_samples=12).verdict is FAILED

    waiting = judged(VIOLATIONS, arm(12, 12), arm(0, 240))

    assert waiting.verdict is INCONCLUSIVE
    assert waiting.message.endswith("; 18 more requests to the candidate before any verdict")


def test_without_requests_to_stable_an_increase_cannot_be_judged() -> None:
    for candidate in (arm(0, 500), arm(500, 500)):
        verdict = judged(VIOLATIONS, candidate, arm(0, 0))
        assert verdict.verdict is INCONCLUSIVE
        assert (verdict.lower, verdict.upper) == (None, None)
        assert "against unknown (0 requests) on stable: no request to stable to compare with" in verdict.message


def test_an_absolute_limit_needs_no_stable() -> None:
    metric = Metric(name="error-rate", max="0.1")

    assert judged(metric, arm(0, 100), arm(0, 0)).verdict is SUCCESSFUL
    failed = judged(metric, arm(40, 100), arm(400, 1000))
    assert failed.verdict is FAILED
    assert "itself 24.0 to 57.7% at 95%, limit 10.0%" in failed.message
    assert (failed.lower, failed.upper) == (None, None)


def test_of_two_limits_either_fails_and_both_have_to_hold() -> None:
    metric = Metric(name="error-rate", max="0.3", max_increase="0.05")
    much_worse, too_bad, fine = (arm(80, 400), arm(0, 4000)), (arm(160, 400), arm(1600, 4000)), (arm(0, 400),) * 2

    assert [judged(metric, *arms).verdict for arms in (much_worse, too_bad, fine)] == [FAILED, FAILED, SUCCESSFUL]
    assert judged(metric, arm(40, 400), arm(1000, 4000)).verdict is SUCCESSFUL
    assert judged(metric, arm(110, 400), arm(1100, 4000)).verdict is INCONCLUSIVE


def test_where_stable_has_no_requests_the_other_limit_still_fails() -> None:
    metric = Metric(name="error-rate", max="0.1", max_increase="0.05")
    assert judged(metric, arm(50, 100), arm(0, 0)).verdict is FAILED
    assert judged(metric, arm(0, 100), arm(0, 0)).verdict is INCONCLUSIVE


def test_a_limit_of_zero_is_broken_by_one_hit_and_never_proven() -> None:
    never = Metric(name="guardrail-violation-rate", max="0")
    assert judged(never, arm(1, 1000), arm(0, 0)).verdict is FAILED
    assert judged(never, arm(0, 100_000), arm(0, 0)).verdict is INCONCLUSIVE


def test_a_small_limit_is_shown_with_the_places_it_needs() -> None:
    verdict = judged(Metric(name="error-rate", max_increase="0.0025"), arm(1, 20_000), arm(10, 200_000))
    assert "points at 95%, limit +0.250" in verdict.message


def test_latency_tells_the_bound_it_was_counted_with() -> None:
    verdict = judged(Metric(name="latency", threshold="2"), arm(3, 60), arm(1, 600))
    assert verdict.message.startswith("latency above 2.56 s 5.0% (3 of 60) against 0.2% (1 of 600) on stable: ")


# --- all metrics -------------------------------------------------------------------------------------------


def test_each_metric_of_the_spec_is_judged_on_its_own_counts() -> None:
    analysis = Analysis()
    status = window(
        **{
            "error_rate": (arm(0, 400), arm(0, 4000)),
            "latency@10.24": (arm(100, 400), arm(0, 4000)),
            "guardrail_violation_rate": (arm(1, 9), arm(0, 4000)),
        }
    )

    verdicts = judge_all(analysis, status, part=1 / 3)

    assert [(v.name, v.verdict) for v in verdicts] == [
        ("error-rate", SUCCESSFUL),
        ("latency", FAILED),
        ("guardrail-violation-rate", INCONCLUSIVE),
    ]


def test_the_chance_of_a_false_abort_is_shared_by_all_limits_at_all_weights_and_that_of_a_false_pass_is_not() -> None:
    candidate, stable = arm(9, 48), arm(0, 900)
    alone = Analysis(metrics=[VIOLATIONS])
    among = Analysis(metrics=[VIOLATIONS, Metric(name="error-rate", max="0.1", max_increase="0.05")])
    status = window(guardrail_violation_rate=(candidate, stable))

    (one,) = judge_all(alone, status, part=1)
    first_of_nine, _ = judge_all(among, status, part=1 / 3)

    assert one == judged(VIOLATIONS, candidate, stable)
    assert first_of_nine == judged(VIOLATIONS, candidate, stable, tests=9)
    assert (one.verdict, first_of_nine.verdict) == (FAILED, INCONCLUSIVE)
    assert one.upper == first_of_nine.upper


def test_a_metric_on_trial_takes_no_part() -> None:
    on_trial = Metric(name="error-rate", dry_run=True)
    status = window(error_rate=(arm(50, 100), arm(0, 900)), guardrail_violation_rate=(arm(0, 400), arm(0, 900)))

    shown, decides = judge_all(Analysis(metrics=[on_trial, VIOLATIONS]), status, part=1)

    assert (shown.verdict, shown.dry_run, decides.verdict) == (FAILED, True, SUCCESSFUL)
    assert decides == judged(VIOLATIONS, arm(0, 400), arm(0, 900))
    assert summary([shown, decides]) is SUCCESSFUL
    assert summary(judge_all(Analysis(metrics=[on_trial]), status, part=1)) is SUCCESSFUL


def test_while_measurements_fail_nothing_passes_on_what_was_seen_before() -> None:
    good = window(error_rate=(arm(0, 400), arm(0, 900)))
    analysis = Analysis(metrics=[Metric(name="error-rate")])
    assert summary(judge_all(analysis, good, part=1 / 3)) is SUCCESSFUL

    blind = good.model_copy(update={"consecutive_errors": 2, "last_error": "pod demo-1: connection refused"})
    (verdict,) = judge_all(analysis, blind, part=1 / 3)

    assert verdict.verdict is ERROR
    assert verdict.message == "error-rate: not measured, 2 times in a row: pod demo-1: connection refused"
    assert verdict.candidate == arm(0, 400)


@pytest.mark.parametrize(
    ("said", "together"),
    [
        ([], SUCCESSFUL),
        ([SUCCESSFUL, SUCCESSFUL], SUCCESSFUL),
        ([SUCCESSFUL, INCONCLUSIVE], INCONCLUSIVE),
        ([ERROR, SUCCESSFUL, INCONCLUSIVE], ERROR),
        ([ERROR, INCONCLUSIVE, FAILED], FAILED),
    ],
)
def test_the_worst_verdict_speaks_for_all(said: list[Verdict], together: Verdict) -> None:
    verdicts = [MetricVerdict(name="m", verdict=one, candidate=arm(0, 0), stable=arm(0, 0)) for one in said]
    assert summary(verdicts) is together


# --- a rollout's traffic -----------------------------------------------------------------------------------


def samples_to_verdict(candidate: float, stable: float, weight: float, seed: int) -> tuple[Verdict, int]:
    """The verdict of the default analysis at one of three weights, and the candidate's requests until then."""
    rng = random.Random(seed)
    analysis, counts = Analysis(metrics=[VIOLATIONS]), {"candidate": [0, 0], "stable": [0, 0]}
    while counts["candidate"][1] < 2000:
        for _ in range(20):
            role, share = ("candidate", candidate) if rng.random() < weight else ("stable", stable)
            counts[role][0] += rng.random() < share
            counts[role][1] += 1
        status = window(guardrail_violation_rate=(arm(*counts["candidate"]), arm(*counts["stable"])))
        verdict = summary(judge_all(analysis, status, part=1 / 3))
        if verdict is not INCONCLUSIVE:
            return verdict, counts["candidate"][1]
    return INCONCLUSIVE, 2000


def test_a_leak_in_a_third_of_the_answers_is_found_within_a_hundred_of_them() -> None:
    for seed in range(15):
        verdict, samples = samples_to_verdict(0.33, 0.0, weight=0.25, seed=seed)
        assert verdict is FAILED
        assert samples <= 100


def test_a_change_that_changes_nothing_passes_within_a_few_hundred_requests() -> None:
    for seed in range(15):
        verdict, samples = samples_to_verdict(0.0, 0.0, weight=0.25, seed=seed)
        assert verdict is SUCCESSFUL
        assert samples <= 120
