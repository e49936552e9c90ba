"""Measurements of the team's own metrics, under way beside the reconciles: no provider holds up a verdict or an app.

Each metric of a window has one measurement under way at the most. Its result waits here until the app's status has it,
so that a refused write loses nothing; a killed operator loses what was not decided on, and measures again.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from genaiops.analysis.counters import measure
from genaiops.analysis.values import NOTHING_MEASURED, is_over
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import AnalysisStatus, Measured, Measurement
from genaiops.controller.providers.question import Question
from genaiops.controller.store import Key, Raw
from genaiops.rollout.comparison import Comparison


class Provider(Protocol):
    """Who measures."""

    async def measure(self, metric: Metric, question: Question) -> Measurement:
        """One measurement; raises nothing."""
        ...


class _Id(NamedTuple):
    """A metric of one window: with another candidate or weight, another one."""

    candidate: str
    opened: datetime
    metric: str


@dataclass
class _UnderWay:
    task: asyncio.Task[Measurement] | None = None
    result: Measurement | None = None


class Measuring:
    """All measurements under way, by app."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._apps: dict[Key, dict[_Id, _UnderWay]] = {}

    def take(self, app: Raw, compared: Sequence[Comparison], now: datetime) -> Mapping[str, Mapping[str, Measurement]]:
        """By the release that is compared: results that its window has not got yet, by `measure`. Begins what is to be
        measured next. `compared` are all comparisons of the app: of no others anything is measured any more."""
        key = Key("LLMApp", app["metadata"]["namespace"], app["metadata"]["name"])
        metrics = {
            _Id(one.candidate, one.window.started_at, measure(metric)): (one, one.window, metric)
            for one in compared
            if one.window
            for metric in one.analysis.metrics
            if metric.provided and now >= one.window.started_at + metric.initial_delay
        }
        before = self._apps.pop(key, {})
        _cancel(under_way for name, under_way in before.items() if name not in metrics)
        results: dict[str, dict[str, Measurement]] = {one.candidate: {} for one in compared}
        if not metrics:
            return results
        here = self._apps[key] = {name: before.get(name, _UnderWay()) for name in metrics}
        for name, under_way in here.items():
            one, window, metric = metrics[name]
            measured = window.metrics.get(name.metric, NOTHING_MEASURED)
            self._step(under_way, metric, measured, _question(app, one, window, measured, name, now))
            if under_way.result:
                results[name.candidate][name.metric] = under_way.result
        return results

    def forget(self, app: Key) -> None:
        """Nothing of this app is to be measured any more."""
        _cancel(self._apps.pop(app, {}).values())

    def _step(self, under_way: _UnderWay, metric: Metric, measured: Measured, question: Question) -> None:
        if under_way.result and _has(measured, under_way.result):
            under_way.result = None
        if under_way.result is None and under_way.task and under_way.task.done():
            under_way.result, under_way.task = under_way.task.result(), None
        # A job is run for its verdict, one after the other; a query goes on watching after it.
        done = metric.job is not None and (under_way.result is not None or is_over(metric, measured))
        if under_way.task is None and not done:
            under_way.task = asyncio.create_task(self._provider.measure(metric, question), name=question.identity)


def _has(measured: Measured, result: Measurement) -> bool:
    return bool(measured.measurements) and measured.measurements[-1].at >= result.at


def _question(
    app: Raw, compared: Comparison, window: AnalysisStatus, measured: Measured, name: _Id, now: datetime
) -> Question:
    last = measured.measurements[-1].at if measured.measurements else window.started_at
    meta = app["metadata"]
    return Question(
        app=meta["name"],
        namespace=meta["namespace"],
        release=compared.candidate,
        stable=compared.stable,
        window=now - window.started_at,
        app_uid=meta["uid"],
        identity=f"{meta['uid']}/{name.candidate}/{name.metric}/{window.started_at.isoformat()}/{last.isoformat()}",
    )


def _cancel(all_under_way: Iterable[_UnderWay]) -> None:
    for under_way in all_under_way:
        if under_way.task:
            under_way.task.cancel()
