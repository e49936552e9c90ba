"""One rollout, as far as it goes now: weights, pauses, verdicts, the deadline.

The numbers in comments are the rules of docs/rollouts.md.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from genaiops.analysis.judge import judge_all, summary
from genaiops.analysis.window import advance, start
from genaiops.api.analysis import OnInconclusive, OnNoData
from genaiops.api.base import format_duration
from genaiops.api.llmapp import PROMOTE_ANNOTATION, promotion
from genaiops.api.llmapp_status import Result, RolloutStatus, Verdict
from genaiops.api.rollout import RolloutSpec, Step
from genaiops.rollout.comparison import of_rollout
from genaiops.rollout.conditions import clipped
from genaiops.rollout.due import next_question
from genaiops.rollout.snapshot import Notice, Snapshot
from genaiops.rollout.steps import effective_steps, pods_needed, stages, weight_at, weight_carried


class Ended(NamedTuple):
    """How a rollout ended, and why."""

    result: Result
    reason: str
    message: str


@dataclass
class Advance:
    """A rollout under way in one pass: where it stands, and what came up on the way."""

    seen: Snapshot
    now: datetime
    stable: str | None
    rollout: RolloutStatus
    ended: Ended | None = None
    notices: list[Notice] = field(default_factory=list)
    wake: list[datetime] = field(default_factory=list)

    @property
    def policy(self) -> RolloutSpec:
        return self.seen.resolution.rollout

    @property
    def steps(self) -> tuple[Step, ...]:
        if self.seen.resolution.target is None and self.stable is not None:
            # Without a spec that can be resolved nobody knows what is wanted, nor that these are its steps.
            return (Step(set_weight=self.rollout.weight),) * (self.rollout.steps + 1)
        # 8: a first release has nothing to be compared with, so there are no steps.
        return effective_steps(self.policy.steps, skip=self.stable is None or self.rollout.fast)

    def update(self, **changes: object) -> None:
        self.rollout = self.rollout.model_copy(update=changes)

    def run(self) -> None:
        """As far as it goes now: to the first thing that is missing, or to the end of the rollout."""
        last = len(self.steps) - 1
        self.fit_step(last)
        self.update(steps=last, paused=None)
        self.analyse()
        while not self.ended and self.set_weight() and self.step_is_over() and self.may_leave_step():
            if self.rollout.step == last:
                self.promote()
                return
            self.update(step=self.rollout.step + 1, step_started_at=None)
        if not self.ended:
            self.measure_again()

    def fit_step(self, last: int) -> None:
        """Keep to the steps when a person made them fewer: only a passed analysis leads to the last one."""
        rollout = self.rollout
        at_last = rollout.step == rollout.steps
        step = min(rollout.step, last if at_last else max(0, last - 1))
        if step != rollout.step:
            self.update(step=step, step_started_at=None, analysis=None, verdicts=[])

    def promote(self) -> None:
        if self.rollout.fast:
            self.ended = Ended(
                Result.FAST_ROLLED_BACK, "WithinRollbackWindow", "went back to an earlier release without steps"
            )
        elif self.stable is None:
            self.ended = Ended(Result.PROMOTED, "FirstRelease", "first release is serving")
        else:
            self.ended = Ended(Result.PROMOTED, "StepsPassed", "all steps passed")

    def abort(self, reason: str, message: str) -> None:
        self.ended = Ended(Result.ABORTED, reason, f"{message} (at weight {self.rollout.weight})")

    def set_weight(self) -> bool:
        """Give the candidate the weight of its step as far as its pods carry it; True once that is in effect."""
        rollout = self.rollout
        wanted = weight_at(self.steps, rollout.step)
        missing = self.missing_for(wanted)
        # 3: capacity before weight. More only when pods and gateway are ready for all of it, less at once.
        ready = self.seen.workload(rollout.release).ready
        # A gateway that can't be asked is no reason to take weight away; one that sees no pod is.
        ready = min(ready, self.seen.gateway.endpoints.get(rollout.release, ready))
        held = weight_carried(ready, self.seen.spec.replicas, min(rollout.weight, wanted))
        weight = wanted if missing is None or self.stable is None else held
        if weight != rollout.weight and self.stable is not None:
            self.notify("WeightSet", f"{rollout.release}: weight {rollout.weight} → {weight}", warning=bool(missing))
        self.update(weight=weight)
        if missing is None and not self.in_effect(weight):
            # 2: nothing counts before the gateway says that it is so.
            missing = f"waiting for the gateway to report weight {weight} in effect"
            if self.seen.gateway.problem:
                missing = f"{missing}: {self.seen.gateway.problem}"
        return not self.wait_for(missing)

    def missing_for(self, weight: int) -> str | None:
        rollout = self.rollout
        workload, gateway = self.seen.workload(rollout.release), self.seen.gateway
        needed = self.pods_for(weight)
        if workload.ready < needed:
            text = f"{workload.ready} of {needed} pods of {rollout.release} are ready"
            return f"{text}: {workload.problem}" if workload.problem else text
        if gateway.endpoints.get(rollout.release, 0) < needed:
            seen = gateway.endpoints.get(rollout.release, 0)
            text = f"the gateway sees {seen} of {needed} healthy endpoints of {rollout.release}"
            return f"{text}: {gateway.problem}" if gateway.problem else text
        return None

    def pods_for(self, weight: int) -> int:
        return pods_needed(100 if self.stable is None else weight, self.seen.spec.replicas)

    def in_effect(self, weight: int) -> bool:
        weights = self.seen.gateway.weights
        if weights is None:
            return False
        return weights.get(self.rollout.release, 0) == (100 if self.stable is None else weight)

    def wait_for(self, missing: str | None) -> bool:
        """Keep the progress deadline; True while something is missing."""
        rollout = self.rollout
        if missing is None:
            self.update(waiting=None, waiting_since=None)
            return False
        since = rollout.waiting_since or self.now
        self.update(waiting=clipped(missing), waiting_since=since)
        deadline = since + self.policy.progress_deadline
        if self.now >= deadline and self.stable is not None:
            self.abort(
                "ProgressDeadlineExceeded",
                f"no progress for {format_duration(self.policy.progress_deadline)}: {missing}",
            )
        elif self.now < deadline:
            self.wake.append(deadline)
        if not self.ended and self.seen.workload(rollout.release).ready >= self.pods_for(rollout.weight):
            self.wake.append(next_question(self.now, since))
        return True

    def step_is_over(self) -> bool:
        rollout = self.rollout
        step = self.steps[rollout.step]
        if rollout.step_started_at is None:
            self.update(step_started_at=self.now)
            if step.set_weight is not None:
                # A window ends when the next weight is in effect: until then the candidate serves, and is judged.
                self.update(analysis=None, verdicts=[])
        if step.pause is None:
            return True
        if self.person_promotes():
            return True
        if step.pause.duration is None:
            self.hold(f"paused until a person promotes: {self.how_to_promote()}")
            return False
        over = (rollout.step_started_at or self.now) + step.pause.duration
        if self.now < over:
            self.hold(f"paused for {format_duration(step.pause.duration)}")
            self.wake.append(over)
            return False
        return True

    def may_leave_step(self) -> bool:
        """What stands between this step and more weight: the analysis, and a spec that says what is wanted."""
        rollout = self.rollout
        if rollout.step + 1 < len(self.steps) and self.steps[rollout.step + 1].set_weight is None:
            return True
        if self.seen.resolution.target is None:
            self.hold("the spec can't be resolved; the candidate keeps its weight until it can")
            return False
        if not self.judged():
            return True
        if summary(rollout.verdicts) is Verdict.SUCCESSFUL and rollout.verdicts:
            return True
        if self.person_promotes():
            self.notify("Overruled", f"{rollout.release}: a person let it go on without a verdict", warning=True)
            return True
        return self.without_verdict()

    def without_verdict(self) -> bool:
        """True where the policy lets a rollout go on unjudged."""
        rollout, analysis = self.rollout, self.policy.analysis
        if rollout.analysis is None:
            return False
        over = rollout.analysis.started_at + analysis.max_duration
        if self.now < over:
            self.wake.append(over)
            return False
        no_data = not any(verdict.candidate.samples for verdict in rollout.verdicts)
        decision = analysis.on_no_data if no_data else analysis.on_inconclusive
        what = "no request reached the candidate" if no_data else "no verdict"
        tells = "; ".join(verdict.message for verdict in rollout.verdicts if not verdict.dry_run)
        if decision in (OnNoData.ABORT, OnInconclusive.ABORT):
            reason = "NoData" if no_data else "Inconclusive"
            self.abort(reason, f"{what} within {format_duration(analysis.max_duration)}: {tells}")
            return False
        if decision is OnNoData.CONTINUE:
            return True
        self.hold(
            f"{what} within {format_duration(analysis.max_duration)}, still measuring; "
            f"to go on anyway: {self.how_to_promote()}",
            tells,
        )
        return False

    def compared(self) -> bool:
        """Whether there are signals to compare at the present weight: both releases have traffic."""
        return self.stable is not None and 0 < self.rollout.weight < 100

    def judged(self) -> bool:
        """Whether the analysis decides at the present weight."""
        return self.compared() and self.decides

    @property
    def decides(self) -> bool:
        return any(not metric.dry_run for metric in self.policy.analysis.metrics)

    def analyse(self) -> None:
        rollout, readings = self.rollout, self.seen.readings
        policy, status = self.policy.analysis, rollout.analysis
        if not self.compared() and status is None:
            return
        if readings and status:
            status = advance(status, readings.pods, readings.failures, self.now)
        elif readings and rollout.step_started_at and self.in_effect(rollout.weight):
            # 2: the window opens with the first reading after the weight was confirmed.
            status = start(self.now, readings.pods, readings.failures)
        if status is None:
            return
        verdicts = judge_all(policy, status, stages(self.policy.steps))
        self.update(analysis=status, verdicts=verdicts)
        if not self.decides:
            return
        breaches = [v.message for v in verdicts if v.verdict is Verdict.FAILED and not v.dry_run]
        if breaches:
            self.abort("AnalysisFailed", "; ".join(breaches))
        elif status.consecutive_errors >= policy.max_consecutive_errors:
            self.abort(
                "AnalysisError",
                f"{status.consecutive_errors} measurements in a row failed, the last: {status.last_error}",
            )

    def measure_again(self) -> None:
        compared = of_rollout(self.rollout, self.stable, self.policy) if self.stable else None
        if compared and (due := compared.next_reading):
            soon = self.now + min(self.policy.analysis.interval, timedelta(milliseconds=500))
            self.wake.append(due if due > self.now else soon)

    def person_promotes(self) -> bool:
        return self.seen.annotations.get(PROMOTE_ANNOTATION) == self.promotion

    @property
    def promotion(self) -> str:
        return promotion(self.rollout.release, self.rollout.step, self.rollout.started_at)

    def how_to_promote(self) -> str:
        return (
            f"kubectl annotate --overwrite llmapp {self.seen.name} -n {self.seen.namespace} "
            f"{PROMOTE_ANNOTATION}={self.promotion}"
        )

    def hold(self, why: str, tells: str = "") -> None:
        """Stay at this step. `tells` are the numbers so far: they change without being news."""
        text = f"{why} ({tells})" if tells else why
        before = self.seen.status.rollout.paused if self.seen.status.rollout else None
        if before is None or not before.startswith(clipped(why)):
            self.notify("RolloutPaused", f"{self.rollout.release}: {text}")
        self.update(paused=clipped(text))

    def notify(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.notices.append(Notice(reason, message, warning))

    def candidate_pods(self) -> int:
        release, weight = self.rollout.release, weight_at(self.steps, self.rollout.step)
        weights = self.seen.gateway.weights
        if weights is None or weights.get(release, 0) > weight:
            # Less weight needs fewer pods, once the gateway says that it is less.
            return max(self.pods_for(weight), self.seen.workload(release).replicas)
        return self.pods_for(weight)
