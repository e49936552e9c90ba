"""A pod's exposition, as the runtime's own client library writes it, becomes counters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from genaiops.analysis.counters import CountersError, measure, read_counters
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import Arm

ERROR_RATE, LATENCY = Metric(name="error-rate"), Metric(name="latency")
VIOLATIONS = Metric(name="guardrail-violation-rate")
ALL = [ERROR_RATE, LATENCY, VIOLATIONS]


class Runtime:
    """The part of the runtime that counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Requests.",
            ["error_type"],
            buckets=[0.01 * 2**n for n in range(14)],
            registry=self.registry,
        )
        self.answers = Counter("genaiops_answers", "Answers.", ["violated"], registry=self.registry)

    def served(self, seconds: float, error_type: str = "", times: int = 1) -> None:
        for _ in range(times):
            self.duration.labels(error_type).observe(seconds)

    def answered(self, *, violated: bool, times: int = 1) -> None:
        self.answers.labels(str(violated).lower()).inc(times)

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def arm(hits: int, samples: int) -> Arm:
    return Arm(hits=hits, samples=samples)


def test_errors_are_the_servers_and_not_the_callers() -> None:
    runtime = Runtime()
    runtime.served(1, times=90)
    runtime.served(60, "timeout", times=3)
    runtime.served(0.1, "provider_error", times=2)
    runtime.served(0.1, "internal_error")
    runtime.served(0.1, "client_error", times=40)

    counters = read_counters(runtime.text(), [ERROR_RATE])

    assert counters.metrics == {"error-rate": arm(6, 96)}


def test_a_request_is_slow_above_the_threshold_whether_answered_or_timed_out() -> None:
    runtime = Runtime()
    runtime.served(10.24, times=5)
    runtime.served(10.25, times=2)
    runtime.served(60, "timeout")
    runtime.served(60, "client_error")

    assert read_counters(runtime.text(), [LATENCY]).metrics == {"latency@10.24": arm(4, 9)}


def test_a_threshold_between_two_bounds_is_the_upper_one() -> None:
    runtime = Runtime()
    runtime.served(2.5)
    runtime.served(2.57)
    two_seconds = Metric(name="latency", threshold="2")

    assert read_counters(runtime.text(), [two_seconds]).metrics == {"latency@2.56": arm(1, 2)}
    assert measure(two_seconds) == measure(Metric(name="latency", threshold="2.56"))


def test_a_threshold_beyond_the_histogram_is_refused() -> None:
    with pytest.raises(CountersError, match=r"threshold 100 s .* use at most 81\.92"):
        read_counters("", [Metric(name="latency", threshold="100")])


def test_violations_are_shares_of_answers_not_of_requests() -> None:
    runtime = Runtime()
    runtime.served(1, times=10)
    runtime.answered(violated=True, times=3)
    runtime.answered(violated=False, times=5)

    assert read_counters(runtime.text(), [VIOLATIONS]).metrics == {"guardrail-violation-rate": arm(3, 8)}


def test_a_runtime_that_has_served_nobody_counts_zero() -> None:
    for text in ("", Runtime().text()):
        assert set(map(str, read_counters(text, ALL).metrics.values())) == {str(arm(0, 0))}


def test_the_start_of_the_process_tells_one_process_from_the_next() -> None:
    runtime = Runtime()
    assert read_counters(runtime.text(), ALL).process_started is None

    ProcessCollector(registry=runtime.registry)
    started = read_counters(runtime.text(), ALL).process_started
    assert started is not None
    assert started == read_counters(runtime.text(), ALL).process_started
    assert started > 1_000_000_000_000


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('genaiops_answers_total{violated="true"} NaN', r'genaiops_answers_total{violated="true"} is nan'),
        ('genaiops_answers_total{violated="true"} -1', r'genaiops_answers_total{violated="true"} is -1'),
        ('genaiops_answers_total{violated="true"} +Inf', r'genaiops_answers_total{violated="true"} is inf'),
        ('genaiops_answers_total{violated="true"} 1.5', r'genaiops_answers_total{violated="true"} is 1.5'),
        ('genaiops_answers_total{violated="maybe"} 1', r'the label violated is "maybe"'),
        ("genaiops_answers_total{violated", "not in the Prometheus text format"),
        ("process_start_time_seconds NaN", "process_start_time_seconds is nan"),
        ('gen_ai_server_request_duration_seconds_bucket{le="soon"} 1', "the label le is not a number"),
        ("gen_ai_server_request_duration_seconds_count 3", r'bucket le="\+Inf" has None, _count has 3'),
    ],
)
def test_nonsense_is_refused_and_named(line: str, says: str) -> None:
    with pytest.raises(CountersError, match=says):
        read_counters(line, ALL)


def test_a_series_that_is_there_twice_is_refused() -> None:
    line = 'genaiops_answers_total{violated="true"} 1\n'
    with pytest.raises(CountersError, match="is there twice"):
        read_counters(line + line, ALL)


def test_a_bucket_with_fewer_than_a_smaller_one_is_refused() -> None:
    runtime = Runtime()
    runtime.served(3, times=5)
    broken = runtime.text().replace('le="10.24"} 5', 'le="10.24"} 4')

    with pytest.raises(CountersError, match=r'le="10\.24" has 4, fewer than the 5'):
        read_counters(broken, [ERROR_RATE])


def test_a_histogram_with_other_bounds_is_refused() -> None:
    runtime = Runtime()
    runtime.served(3)
    other = "\n".join(line for line in runtime.text().splitlines() if 'le="10.24"' not in line)

    with pytest.raises(CountersError, match=r'no bucket le="10\.24"'):
        read_counters(other, [LATENCY])


def test_nonsense_elsewhere_is_none_of_our_business() -> None:
    runtime = Runtime()
    runtime.answered(violated=True)
    text = 'something_else{a="b"} NaN\n}}}\n' + runtime.text()

    assert read_counters(text, [VIOLATIONS]).metrics["guardrail-violation-rate"] == arm(1, 1)


@given(st.sampled_from(["genaiops_answers_total", "gen_ai_server_request_duration_seconds_count"]), st.text())
def test_no_text_breaks_the_reader(name: str, rest: str) -> None:
    try:
        read = read_counters(name + rest, ALL)
    except CountersError:
        return
    assert all(0 <= arm.hits <= arm.samples for arm in read.metrics.values())


@pytest.fixture
def ratings() -> str:
    """A pod that was told ratings of its own release, of another one, and by an old runtime of nobody in particular."""
    return """
genaiops_feedback_total{rating="down"} 1.0
genaiops_feedback_total{rating="up",release="support-1"} 5.0
genaiops_feedback_total{rating="down",release="support-2"} 2.0
genaiops_feedback_total{rating="up",release="support-2"} 6.0
genaiops_answers_total{violated="false"} 9.0
"""


def test_a_rating_counts_for_the_release_that_answered_whoever_was_told(ratings: str) -> None:
    rating = Metric(name="negative-feedback-rate")

    own = read_counters(ratings, [rating, VIOLATIONS], "support-1").metrics
    others = read_counters(ratings, [rating, VIOLATIONS], "support-2", own=False).metrics

    assert own == {"negative-feedback-rate": arm(1, 6), "guardrail-violation-rate": arm(0, 9)}
    assert others == {"negative-feedback-rate": arm(2, 8), "guardrail-violation-rate": arm(0, 0)}


def test_defects_are_counted_by_release_and_evaluator() -> None:
    text = """
genaiops_sampled_answers_total{defect="true",evaluator="polite",release="support-1"} 3.0
genaiops_sampled_answers_total{defect="false",evaluator="polite",release="support-1"} 7.0
genaiops_sampled_answers_total{defect="true",evaluator="right",release="support-1"} 4.0
genaiops_sampled_answers_total{defect="true",evaluator="polite",release="support-2"} 5.0
"""
    polite, right = (Metric(name="defect-rate", evaluator=name) for name in ("polite", "right"))

    counted = read_counters(text, [polite, right], "support-1", own=False).metrics

    assert counted == {"defect-rate:polite": arm(3, 10), "defect-rate:right": arm(4, 4)}
