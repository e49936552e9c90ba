"""Measurements under way beside the reconciles: begun once, taken once, lost never, and in nobody's way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from genaiops.analysis.readings import Readings
from genaiops.analysis.window import advance, start
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.llmapp_status import AnalysisStatus, Measurement, Verdict
from genaiops.controller.measuring import Measuring
from genaiops.controller.providers.question import Question
from genaiops.controller.store import Key
from genaiops.rollout.comparison import Comparison

T0 = datetime(2026, 1, 1, tzinfo=UTC)
APP = {"metadata": {"name": "support", "namespace": "shop", "uid": "u"}}
PROMETHEUS = {"prometheus": {"address": "http://p:9090", "query": "x"}}


class Provider:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.cancelled = 0
        self.answers: asyncio.Queue[Verdict] = asyncio.Queue()

    async def measure(self, metric: Metric, question: Question) -> Measurement:
        self.asked.append(question)
        try:
            verdict = await self.answers.get()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Measurement(at=T0 + timedelta(seconds=len(self.asked)), verdict=verdict)


class Story:
    """One app's window, read again and again."""

    def __init__(self, *metrics: dict[str, Any]) -> None:
        self.provider = Provider()
        self.measuring = Measuring(self.provider)
        self.analysis = Analysis.model_validate({"metrics": list(metrics)})
        self.window = start(T0, Readings({}))
        self.second = 0

    async def read(self, *, written: bool = True, candidate: str = "support-2") -> list[Verdict]:
        """One reading; the status is written, or refused."""
        self.second += 10
        now = T0 + timedelta(seconds=self.second)
        compared = Comparison(candidate, "support-1", self.analysis, self.window, T0)
        taken = self.measuring.take(APP, [compared], now)[candidate]
        if written:
            self.window = AnalysisStatus.model_validate(
                advance(self.window, Readings({}, (), taken), now).to_manifest()
            )
        await asyncio.sleep(0)
        return [measurement.verdict for measurement in taken.values()]

    async def answered(self, *verdicts: Verdict) -> None:
        for verdict in verdicts:
            self.provider.answers.put_nowait(verdict)
        for _ in range(5):
            await asyncio.sleep(0)


def own(**fields: Any) -> dict[str, Any]:
    return {"name": "p95", "max": 3, **PROMETHEUS, **fields}


async def test_a_measurement_is_begun_at_one_reading_and_taken_at_the_next() -> None:
    story = Story(own())
    assert await story.read() == []
    await story.answered(Verdict.SUCCESSFUL)
    assert await story.read() == [Verdict.SUCCESSFUL]
    assert story.window.metrics["p95"].passed == 1
    (first, second) = story.provider.asked
    assert (first.release, first.stable, first.window) == ("support-2", "support-1", timedelta(seconds=10))
    assert second.window == timedelta(seconds=20)


async def test_a_slow_provider_is_asked_once_and_nobody_waits_for_it() -> None:
    story = Story(own())
    for _ in range(5):
        assert await story.read() == []
    assert len(story.provider.asked) == 1


async def test_a_status_that_was_not_written_loses_no_result() -> None:
    story = Story(own())
    await story.read()
    await story.answered(Verdict.FAILED, Verdict.SUCCESSFUL)
    assert await story.read(written=False) == [Verdict.FAILED]
    await story.answered()
    assert await story.read(written=False) == [Verdict.FAILED]
    assert await story.read() == [Verdict.FAILED]
    assert await story.read() == [Verdict.SUCCESSFUL]
    assert (story.window.metrics["p95"].failed, story.window.metrics["p95"].passed) == (1, 1)


async def test_another_candidate_begins_anew() -> None:
    story = Story(own())
    await story.read()
    await story.read(candidate="support-3")
    await story.answered()
    assert story.provider.cancelled == 1
    assert [question.release for question in story.provider.asked] == ["support-2", "support-3"]


async def test_a_rollout_that_is_over_measures_nothing_any_more() -> None:
    story = Story(own())
    await story.read()
    story.measuring.forget(Key("LLMApp", "shop", "support"))
    await story.answered()
    assert story.provider.cancelled == 1


async def test_nothing_is_measured_before_its_delay_is_over() -> None:
    story = Story(own(initialDelay="25s"))
    await story.read()
    await story.read()
    assert story.provider.asked == []
    await story.read()
    assert len(story.provider.asked) == 1


async def test_a_job_is_not_run_again_once_it_has_told_enough_and_a_query_is() -> None:
    story = Story({"name": "evals", "job": {"image": "evals:1"}}, own())
    for _ in range(6):
        await story.answered(Verdict.SUCCESSFUL, Verdict.SUCCESSFUL)
        await story.read()
    identities = [question.identity for question in story.provider.asked]
    assert len([identity for identity in identities if "/evals/" in identity]) == 1
    assert len([identity for identity in identities if "/p95/" in identity]) > 3


async def test_a_measurement_not_taken_up_has_the_same_identity_after_a_restart() -> None:
    story = Story(own())
    await story.read()
    story.measuring = Measuring(story.provider)
    await story.read()
    first, again = story.provider.asked
    assert first.identity == again.identity
