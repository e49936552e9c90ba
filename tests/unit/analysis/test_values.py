"""Metrics that give one value a measurement: what several of them say, and what is kept."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from genaiops.analysis.judge import judge_all, recorded, summary, unmeasurable
from genaiops.analysis.readings import Readings
from genaiops.analysis.window import advance, start
from genaiops.api.analysis import Analysis
from genaiops.api.llmapp_status import AnalysisStatus, Arm, Measurement, PodCounters, Verdict

T0 = datetime(2026, 1, 1, tzinfo=UTC)
GOOD, BAD, NO_DATA, ERROR = Verdict.SUCCESSFUL, Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERROR


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


def analysis(**metric: object) -> Analysis:
    own = {"name": "p95", "max": 3, "prometheus": {"address": "http://p:9090", "query": "x"}, **metric}
    return Analysis.model_validate({"metrics": [own]})


def after(*said: Verdict, pods_fail: bool = False) -> AnalysisStatus:
    """A window with these measurements."""
    window = start(T0, Readings({}))
    for second, verdict in enumerate(said, 1):
        value = {GOOD: Decimal("1.5"), BAD: Decimal(4)}.get(verdict)
        measurement = Measurement(at=at(second), verdict=verdict, value=value, message="no answer" * (verdict is ERROR))
        failures = ("pod x: timed out",) if pods_fail else ()
        window = advance(window, Readings({}, failures, {"p95": measurement}), at(second))
    return window


def verdict(judging: Analysis, window: AnalysisStatus) -> Verdict:
    return summary(judge_all(judging, window, part=1 / 3))


def test_as_many_good_values_as_asked_for_pass() -> None:
    assert verdict(analysis(count=2), after()) is Verdict.INCONCLUSIVE
    assert verdict(analysis(count=2), after(GOOD)) is Verdict.INCONCLUSIVE
    assert verdict(analysis(count=2), after(GOOD, NO_DATA, GOOD)) is Verdict.SUCCESSFUL


def test_one_value_more_beyond_the_limit_than_is_forgiven_fails_also_after_a_pass() -> None:
    assert verdict(analysis(), after(BAD)) is Verdict.FAILED
    assert verdict(analysis(failureLimit=1), after(BAD, GOOD)) is Verdict.SUCCESSFUL
    assert verdict(analysis(failureLimit=1), after(BAD, GOOD, GOOD, BAD)) is Verdict.FAILED


def test_an_error_is_never_unhealthy_by_itself_and_is_bounded() -> None:
    judging = analysis(maxConsecutiveErrors=3)
    assert verdict(judging, after(GOOD, ERROR, ERROR)) is Verdict.ERROR
    assert unmeasurable(judging, after(GOOD, ERROR, ERROR)) is None
    assert unmeasurable(judging, after(ERROR, ERROR, NO_DATA, ERROR)) is None
    assert unmeasurable(judging, after(GOOD, ERROR, ERROR, ERROR)) == (
        "3 measurements of p95 in a row failed, the last: no answer"
    )
    assert unmeasurable(analysis(dryRun=True), after(*[ERROR] * 9)) is None
    assert verdict(judging, after(GOOD, ERROR, GOOD)) is Verdict.SUCCESSFUL


def test_pods_that_cannot_be_read_don_t_concern_values() -> None:
    window = after(*[GOOD] * 9, pods_fail=True)
    assert window.consecutive_errors == 9
    assert verdict(analysis(), window) is Verdict.SUCCESSFUL
    assert unmeasurable(analysis(), window) is None


def test_what_a_person_reads() -> None:
    (told,) = judge_all(analysis(failureLimit=1, count=3), after(GOOD, BAD), part=1 / 3)
    assert told.message == "p95 4: limit max 3; 1 of 2 measurements beyond it, 1 forgiven, 3 within it to pass"
    assert (told.candidate, told.verdict) == (Arm(samples=2, hits=1), Verdict.INCONCLUSIVE)
    (failing,) = judge_all(analysis(), after(ERROR), part=1 / 3)
    assert failing.message == "p95: not measured, 1 times in a row: no answer"


def test_a_measurement_that_comes_twice_counts_once() -> None:
    measurement = Measurement(at=at(1), verdict=BAD, value=Decimal(4))
    window = start(T0, Readings({}))
    for second in (1, 2, 3):
        window = advance(window, Readings({}, (), {"p95": measurement}), at(second))
    assert window.metrics["p95"].failed == 1
    assert len(window.metrics["p95"].measurements) == 1


@given(st.lists(st.sampled_from([GOOD, BAD, NO_DATA, ERROR]), max_size=40))
def test_ten_measurements_are_kept_and_all_are_counted(said: list[Verdict]) -> None:
    measured = after(*said).metrics.get("p95")
    if measured is None:
        assert not said
        return
    assert [one.verdict for one in measured.measurements] == said[-10:]
    assert (measured.passed, measured.failed) == (said.count(GOOD), said.count(BAD))


def test_shares_are_kept_with_what_they_said_too() -> None:
    judging = Analysis.model_validate({"metrics": [{"name": "error-rate"}], "minSamples": 10})

    def read(hits: int, samples: int) -> Readings:
        def counted(hits: int, samples: int) -> PodCounters:
            return PodCounters(metrics={"error-rate": Arm(samples=samples, hits=hits)})

        return Readings({"c": ("candidate", counted(hits, samples)), "s": ("stable", counted(0, 10 * samples))})

    window = start(T0, read(0, 0))
    for second in range(1, 15):
        window = advance(window, read(second, 100 * second), at(second))
        verdicts = judge_all(judging, window, part=1 / 3)
        window = recorded(judging, window, verdicts)
        assert recorded(judging, window, verdicts) == window
    kept = window.metrics["error-rate"].measurements
    assert [one.at for one in kept] == [at(second) for second in range(5, 15)]
    last = kept[-1]
    assert (last.value, last.stable, last.samples, last.verdict) == (Decimal("0.01"), 0, 1400, Verdict.SUCCESSFUL)
    assert last.lower is not None
    assert last.upper is not None
    assert last.lower < Decimal("0.01") < last.upper


def test_requests_that_hang_count_as_slow_and_only_as_often_as_they_hang() -> None:
    judging = Analysis.model_validate({"metrics": [{"name": "latency"}], "minSamples": 10})

    def read(waiting: int, done: int, slow: int) -> Readings:
        counted = PodCounters(
            metrics={"latency@10.24": Arm(samples=done, hits=slow)}, waiting={"latency@10.24": waiting}
        )
        stable = PodCounters(metrics={"latency@10.24": Arm(samples=50 * done + 1000, hits=0)})
        return Readings({"c": ("candidate", counted), "s": ("stable", stable)})

    window = advance(start(T0, read(0, 0, 0)), read(40, 10, 0), at(20))
    (hanging,) = judge_all(judging, window, part=1 / 3)
    assert (hanging.candidate, hanging.verdict) == (Arm(samples=50, hits=40), Verdict.FAILED)

    window = advance(window, read(0, 50, 40), at(30))
    (ended,) = judge_all(judging, window, part=1 / 3)
    assert ended.candidate == Arm(samples=50, hits=40)
