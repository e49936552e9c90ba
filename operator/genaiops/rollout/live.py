"""What the numbers say of a candidate: measurements folded into its window, verdicts, and whether they are a breach."""

from datetime import datetime
from typing import NamedTuple

from genaiops.analysis.evidence import measured
from genaiops.analysis.judge import judge_all, recorded, unmeasurable
from genaiops.analysis.readings import Readings
from genaiops.api.analysis import Analysis
from genaiops.api.llmapp_status import AnalysisStatus, MetricVerdict, Verdict


class Breach(NamedTuple):
    """Why the candidate has to go."""

    reason: str
    message: str


class Judged(NamedTuple):
    """A window and what it says."""

    window: AnalysisStatus
    verdicts: list[MetricVerdict]
    breach: Breach | None


def judged(
    analysis: Analysis, window: AnalysisStatus | None, readings: Readings | None, now: datetime, part: float
) -> Judged | None:
    """The window with what was read now, where something was; None while there is no window.

    `part`: of alpha, that is spent on this window.
    """
    if readings:
        window = measured(analysis, window, readings, now)
    if window is None:
        return None
    verdicts = judge_all(analysis, window, part)
    return Judged(recorded(analysis, window, verdicts), verdicts, _breach(analysis, window, verdicts))


def decides(analysis: Analysis) -> bool:
    """Whether any metric is more than shown."""
    return any(not metric.dry_run for metric in analysis.metrics)


def _breach(analysis: Analysis, window: AnalysisStatus, verdicts: list[MetricVerdict]) -> Breach | None:
    if not decides(analysis):
        return None
    if failed := [verdict.message for verdict in verdicts if verdict.verdict is Verdict.FAILED and not verdict.dry_run]:
        return Breach("AnalysisFailed", "; ".join(failed))
    if problem := unmeasurable(analysis, window):
        return Breach("AnalysisError", problem)
    return None
