"""Which releases are compared now, and on what: the same answer for whoever reads their pods and whoever judges."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from genaiops.api.analysis import Analysis
from genaiops.api.llmapp_status import (
    AnalysisStatus,
    LLMAppStatus,
    RolloutStatus,
    VariantPhase,
    VariantStatus,
    Watch,
)
from genaiops.api.rollout import RolloutSpec, Step
from genaiops.rollout.steps import effective_steps

_A_MOMENT: Final = timedelta(milliseconds=500)


@dataclass(frozen=True)
class Comparison:
    """A candidate and the release that it has to be as good as."""

    candidate: str
    stable: str
    analysis: Analysis
    window: AnalysisStatus | None
    """The measurements so far."""
    since: datetime | None
    """When what is measured took effect; None while it has not."""

    @property
    def next_reading(self) -> datetime | None:
        """When to measure next: at once when there is something to compare, then an interval after the last time."""
        if not self.analysis.metrics:
            return None
        if self.window is None:
            return self.since
        return (self.window.measured_at or self.window.started_at) + self.analysis.interval

    def is_due(self, now: datetime) -> bool:
        """Whether to measure now."""
        return self.next_reading is not None and now >= self.next_reading

    def again(self, now: datetime) -> datetime | None:
        """When to look again in order to measure: a moment later where that came due in this very pass."""
        return now + _A_MOMENT if self.is_due(now) else self.next_reading


def comparisons(status: LLMAppStatus, policy: RolloutSpec) -> tuple[Comparison, ...]:
    """What is compared now: the candidate with stable, and each variant of an experiment."""
    rollout, stable = status.rollout, status.stable_release
    if rollout and stable:
        all_of_them = (
            of_rollout(rollout, stable, policy),
            *(of_variant(variant, rollout, stable, policy) for variant in rollout.compared),
        )
        return tuple(filter(None, all_of_them))
    return (of_watch(status.watch, policy),) if status.watch else ()


def of_rollout(rollout: RolloutStatus, stable: str, policy: RolloutSpec) -> Comparison | None:
    """Candidate and stable, while the candidate gets requests, or will be compared with what stable does now."""
    steps = effective_steps(policy.steps, skip=rollout.fast)
    step = steps[min(rollout.step, len(steps) - 1)]
    # What gets everything at once can only be compared with what stable did before.
    at_once = policy.watch_after_promotion and not any(step.set_weight for step in policy.steps)
    unseen = rollout.weight == 0 and not (step.analysis or step.shadow or step.experiment or at_once)
    if unseen or rollout.weight == 100:
        return None
    since = rollout.step_started_at or (rollout.started_at if at_once else None)
    return Comparison(rollout.release, stable, analysis_of(step, policy.analysis), rollout.analysis, since)


def of_variant(variant: VariantStatus, rollout: RolloutStatus, stable: str, policy: RolloutSpec) -> Comparison | None:
    """A variant and stable, from when the experiment took effect."""
    if variant.phase is not VariantPhase.SERVING or rollout.step_started_at is None:
        return None
    return Comparison(variant.release, stable, policy.analysis, variant.analysis, rollout.step_started_at)


def of_watch(watch: Watch, policy: RolloutSpec) -> Comparison:
    """The promoted release and the one before it, by what that one did while it last had traffic."""
    return Comparison(watch.release, watch.previous, policy.analysis, watch.analysis, watch.started_at)


def analysis_of(step: Step, background: Analysis) -> Analysis:
    """The analysis that holds at a step: the background's, with the step's own metrics beside."""
    if step.analysis is None:
        return background
    changes = {"metrics": [*background.metrics, *step.analysis.metrics]}
    for name in ("min_samples", "max_duration"):
        if (value := getattr(step.analysis, name)) is not None:
            changes[name] = value
    return background.model_copy(update=changes)
