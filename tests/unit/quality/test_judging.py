"""Sampled answers are judged once, a failure is no score, and one that breaks stops nobody."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client import generate_latest
from sqlalchemy.exc import OperationalError

from genaiops.analysis.counters import measure, read_counters
from genaiops.api.analysis import Metric
from genaiops.api.evaluator import Evaluator as Spec
from genaiops.api.llmapp_status import Arm
from genaiops.evaluation.build import evaluators_of
from genaiops.evaluation.judgement import Evaluator, EvaluatorError, Judgement, Sample
from genaiops.evaluation.places import Places
from genaiops.quality import metrics as figures
from genaiops.quality.judging import AT_A_TIME, Judging, as_sample
from genaiops.quality.metrics import Metrics
from genaiops.quality.store import Kind, Store
from genaiops.quality.summary import summary

from .given import V1, V2, a_sample

pytestmark = pytest.mark.timeout(240)


def by_type(*specs: dict[str, object]) -> Mapping[str, Evaluator]:
    """Evaluators that ask nobody."""

    def nobody(name: str) -> object:
        raise AssertionError(f"{name} is asked")

    return evaluators_of([Spec.model_validate(spec) for spec in specs], nobody, Places())  # type: ignore[arg-type]


class Judge:
    """Says what a test wants; notes how many it has under way."""

    def __init__(self, *said: Judgement | Exception) -> None:
        self._said = list(said)
        self.under_way = 0
        self.most = 0

    async def judge(self, sample: Sample) -> Judgement:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, Exception):
            raise said
        return said

    async def close(self) -> None:
        """Nothing to close."""


async def judged(store: Store, evaluators: Mapping[str, Evaluator]) -> Metrics:
    """All that waits is judged."""
    metrics = Metrics(evaluators)
    running = asyncio.create_task(Judging(store, evaluators, metrics, after_failure=0.01).run())
    while await store.backlog():
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    running.cancel()
    # It gives its connection back first: cancelled amid a statement and left alone, it made the end of
    # one test in seven wait for ever.
    await asyncio.gather(running, return_exceptions=True)
    return metrics


def counted(metrics: Metrics, evaluator: str, release: str) -> Arm:
    """As the operator's analysis reads it."""
    metric = Metric.model_validate({"name": "defect-rate", "evaluator": evaluator})
    read = read_counters(generate_latest(metrics.registry).decode(), [metric], release, own=False)
    assert read.process_started
    return read.metrics[measure(metric)]


async def test_the_analysis_sees_what_did_not_pass_by_release(store: Store) -> None:
    for release, answers in ((V1, ["42", "none", "7"]), (V2, ["none"])):
        for text in answers:
            await store.add(a_sample(release, answer=text))

    metrics = await judged(
        store,
        by_type(
            {"name": "digits", "type": "Regex", "pattern": "[0-9]"},
            {"name": "quick", "type": "Latency", "threshold": "2"},
        ),
    )

    assert counted(metrics, "digits", V1) == Arm(samples=3, hits=1)
    assert counted(metrics, "digits", V2) == Arm(samples=1, hits=1)
    assert counted(metrics, "quick", V1) == Arm(samples=3, hits=0)


async def test_a_judge_that_fails_gives_no_score_and_one_that_breaks_stops_nobody(store: Store) -> None:
    for _ in range(3):
        await store.add(a_sample())
    passes = Judgement(5.0, True)
    evaluators = {
        "flaky": Judge(EvaluatorError("down"), RuntimeError("a bug"), passes),
        "steady": Judge(passes),
    }

    metrics = await judged(store, evaluators)

    (told,) = summary(*await store.counts(None))
    flaky, steady = told["evaluators"]
    assert (flaky["judged"], flaky["errors"], flaky["score"]) == (1, 2, 5.0)
    assert (steady["judged"], steady["errors"]) == (3, 0)
    assert counted(metrics, "flaky", V1) == Arm(samples=1, hits=0)
    assert metrics.registry.get_sample_value("genaiops_judge_errors_total", {"release": V1, "evaluator": "flaky"}) == 2


async def test_what_was_flagged_and_not_drawn_is_kept_and_counts_in_no_rate(store: Store) -> None:
    await store.add(a_sample(answer="42"))
    await store.add(a_sample(answer="none", drawn=False, guardrails=["promises"]))

    metrics = await judged(store, by_type({"name": "digits", "type": "Regex", "pattern": "[0-9]"}))

    assert counted(metrics, "digits", V1) == Arm(samples=1, hits=0)
    assert len(await store.curated(Kind.FLAGGED, None, 10)) == 1


async def test_few_are_judged_at_a_time(store: Store) -> None:
    for _ in range(3 * AT_A_TIME):
        await store.add(a_sample())
    judge = Judge(Judgement(1.0, True))
    await judged(store, {"one": judge})
    assert 1 < judge.most <= AT_A_TIME


async def test_what_the_database_could_not_take_is_judged_again_and_counted_once(store: Store) -> None:
    await store.add(a_sample())
    written, broken = store.judge, [OperationalError("", {}, Exception("gone"))]

    async def unreliable(sample: str, judgements: object) -> bool:
        if broken:
            raise broken.pop()
        return await written(sample, judgements)  # type: ignore[arg-type]

    store.judge = unreliable  # type: ignore[method-assign]
    metrics = await judged(store, {"one": Judge(Judgement(1.0, True))})
    assert counted(metrics, "one", V1) == Arm(samples=1, hits=0)


def test_the_judge_sees_the_last_question_and_who_refused() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "x" * 20_000},
    ]
    seen = as_sample(a_sample(messages=messages, answer="", refused=True, guardrails=["no-secrets"]))
    assert seen.row.query == "x" * 16_384
    assert (seen.answer.refused_by, seen.answer.input_tokens, seen.answer.seconds) == ("no-secrets", 20, 1.5)


def test_releases_make_no_series_without_end() -> None:
    metrics = Metrics(["one"])
    for number in range(figures.RELEASES + 3):
        metrics.judged(f"support-{number:010x}", "one", 1.0, passed=True)
    metrics.failed("support-0000000003", "one")

    shown = {
        sample.labels["release"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if "release" in sample.labels
    }
    assert shown == {f"support-{number:010x}" for number in range(3, figures.RELEASES + 3)}
