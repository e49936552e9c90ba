"""The collector's metrics, which the operator's analysis reads: how live answers were judged, by release.

Labels are bounded: evaluators are those of the app, and of releases only the newest are shown.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

RELEASES: Final = 16
"""Releases with series at a time. Of more, those that were judged least lately go: they count from 0 if they come back,
as after a start of the process."""
SCORE_BUCKETS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Scores from 0 to 1, and from 1 to 5."""


class Metrics:
    """All metrics of the process, in a registry of their own."""

    def __init__(self, evaluators: Iterable[str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._evaluators = tuple(evaluators)
        self._releases: OrderedDict[str, None] = OrderedDict()
        self._judged = Counter(
            "genaiops_sampled_answers",
            "Sampled answers that an evaluator judged, by whether they did not pass.",
            ["release", "evaluator", "defect"],
            registry=registry,
        )
        self._errors = Counter(
            "genaiops_judge_errors",
            "Sampled answers that an evaluator could not judge.",
            ["release", "evaluator"],
            registry=registry,
        )
        self._scores = Histogram(
            "genaiops_judge_score",
            "Scores of sampled answers, on each evaluator's own scale.",
            ["release", "evaluator"],
            buckets=SCORE_BUCKETS,
            registry=registry,
        )
        self.received = Counter(
            "genaiops_received_samples",
            "Samples that came, by what became of them.",
            ["result"],
            registry=registry,
        )
        self.feedback = Counter("genaiops_received_feedback", "Feedback that came and was kept.", registry=registry)
        self.backlog = Gauge("genaiops_judge_queue", "Samples that wait to be judged.", registry=registry)
        for result in ("kept", "capped", "invalid"):
            self.received.labels(result)

    def judged(self, release: str, evaluator: str, score: float, *, passed: bool) -> None:
        """Count a judgement."""
        self._show(release)
        self._judged.labels(release, evaluator, "false" if passed else "true").inc()
        self._scores.labels(release, evaluator).observe(score)

    def failed(self, release: str, evaluator: str) -> None:
        """Count an answer that could not be judged."""
        self._show(release)
        self._errors.labels(release, evaluator).inc()

    def _show(self, release: str) -> None:
        if release not in self._releases:
            # From the first event on all series of a release are there, so that a reader can tell zero from missing.
            for evaluator in self._evaluators:
                for defect in ("true", "false"):
                    self._judged.labels(release, evaluator, defect)
                self._errors.labels(release, evaluator)
                self._scores.labels(release, evaluator)
        self._releases[release] = None
        self._releases.move_to_end(release)
        if len(self._releases) > RELEASES:
            gone, _ = self._releases.popitem(last=False)
            for evaluator in self._evaluators:
                for defect in ("true", "false"):
                    self._judged.remove(gone, evaluator, defect)
                self._errors.remove(gone, evaluator)
                self._scores.remove(gone, evaluator)
