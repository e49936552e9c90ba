"""Whose counters count for which release: a release's own pods, and what others counted of it."""

from datetime import UTC, datetime
from typing import Any

from genaiops.analysis.readings import Readings
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.llmapp_status import AnalysisStatus, Arm, PodCounters
from genaiops.controller.dataplane import UnreachableError
from genaiops.controller.readings import read_pods
from genaiops.rollout.comparison import Comparison

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STABLE, CANDIDATE = "support-1", "support-2"
RATINGS = Metric(name="negative-feedback-rate")
DEFECTS = Metric(name="defect-rate", evaluator="polite")


def pod(name: str, release: str = "", *, ready: bool = True) -> dict[str, Any]:
    labels = {"genaiops.dev/release": release} if release else {}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name, "uid": name, "labels": labels}, "status": {"conditions": conditions}}


async def there(_: dict[str, Any]) -> bool:
    """No pod is gone."""
    return True


async def gone(_: dict[str, Any]) -> bool:
    """Every pod that is asked for is gone."""
    return False


class Texts:
    """What pods say, by name; None does not answer."""

    def __init__(self, **texts: str | None) -> None:
        self.texts = texts

    async def get(self, pod: dict[str, Any], port: int, path: str) -> str:
        text = self.texts[pod["metadata"]["name"]]
        if text is None:
            raise UnreachableError("it does not answer")
        return text


def compared(*metrics: Metric, window: AnalysisStatus | None = None) -> Comparison:
    return Comparison(CANDIDATE, STABLE, Analysis(metrics=list(metrics)), window, NOW)


def counted(readings: Readings) -> dict[str, tuple[str, dict[str, Arm]]]:
    return {key: (role, counters.metrics) for key, (role, counters) in readings.pods.items()}


async def read(
    client: Texts, runtimes: list[dict[str, Any]], collectors: list[dict[str, Any]], one: Comparison, *rest: Any
) -> Readings:
    """What is read for a single comparison."""
    return (await read_pods(client, runtimes, collectors, [one], *rest))[one.candidate]


async def test_a_rating_of_the_candidate_that_a_pod_of_stable_was_told_is_the_candidate_s() -> None:
    text = 'genaiops_feedback_total{rating="down",release="support-2"} 3.0\n'
    client = Texts(a=text, b="")

    found = await read(client, [pod("a", STABLE), pod("b", CANDIDATE)], [], compared(RATINGS), NOW, there)

    name = "negative-feedback-rate"
    assert counted(found) == {
        "a": ("stable", {name: Arm(samples=0, hits=0)}),
        "a/candidate": ("candidate", {name: Arm(samples=3, hits=3)}),
        "b": ("candidate", {name: Arm(samples=0, hits=0)}),
    }


async def test_the_collector_counts_for_both_releases() -> None:
    series = 'genaiops_sampled_answers_total{{defect="{}",evaluator="polite",release="{}"}} {}.0\n'
    text = (
        series.format("true", CANDIDATE, 4) + series.format("false", CANDIDATE, 1) + series.format("false", STABLE, 9)
    )

    found = await read(Texts(q=text), [], [pod("q")], compared(DEFECTS), NOW, there)

    assert counted(found) == {
        "q/candidate": ("candidate", {"defect-rate:polite": Arm(samples=5, hits=4)}),
        "q/stable": ("stable", {"defect-rate:polite": Arm(samples=9, hits=0)}),
    }


async def test_a_collector_that_is_not_ready_has_judged_nothing_yet() -> None:
    found = await read(Texts(q=None), [], [pod("q", ready=False)], compared(DEFECTS), NOW, there)

    assert found == Readings({})


async def test_a_collector_that_should_answer_and_does_not_is_told() -> None:
    found = await read(Texts(q=None), [], [pod("q")], compared(DEFECTS), NOW, there)

    assert found.failures == ("pod q: it does not answer",)


async def test_a_pod_that_is_gone_before_the_watch_tells_is_no_failure() -> None:
    errors = Metric(name="error-rate")

    found = await read(Texts(a=None, b=""), [pod("a", STABLE), pod("b", STABLE)], [], compared(errors), NOW, gone)

    assert not found.failures
    assert set(found.pods) == {"b"}


async def test_nobody_asks_the_collector_for_what_it_does_not_count() -> None:
    errors = Metric(name="error-rate")

    found = await read(Texts(a=""), [pod("a", STABLE)], [pod("q")], compared(errors), NOW, there)

    assert not found.failures


async def test_what_an_ending_pod_said_last_stands_for_both_releases() -> None:
    name = "negative-feedback-rate"
    said = {key: PodCounters(metrics={name: Arm(samples=n, hits=n)}) for key, n in (("a", 2), ("a/candidate", 3))}
    window = AnalysisStatus(started_at=NOW, pods=said)

    found = await read(Texts(a=None), [pod("a", STABLE, ready=False)], [], compared(RATINGS, window=window), NOW, there)

    assert found.pods == {"a": ("stable", said["a"]), "a/candidate": ("candidate", said["a/candidate"])}
    assert not found.failures
