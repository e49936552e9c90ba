"""One rollout, as far as it goes now: approvals, weights, pauses, verdicts, the deadline.

The numbers in comments are the rules of docs/rollouts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from genaiops.analysis.judge import summary
from genaiops.analysis.window import STABLE
from genaiops.api.analysis import Analysis, OnInconclusive, OnNoData
from genaiops.api.base import format_duration
from genaiops.api.evaluation import EvaluationPhase, EvaluationSpec
from genaiops.api.llmapp_status import Arm, MetricVerdict, Result, RolloutStatus, VariantPhase, Verdict
from genaiops.api.rollout import Approval, Experiment, Step
from genaiops.release.resolve import Target
from genaiops.rollout.approving import gate_now, is_open, waits_for
from genaiops.rollout.comparison import Comparison, analysis_of, of_rollout
from genaiops.rollout.conditions import clipped
from genaiops.rollout.course import WENT_BACK
from genaiops.rollout.deadline import counts_from
from genaiops.rollout.due import next_question
from genaiops.rollout.evaluating import exams, not_passed, standing, still_open, under_way
from genaiops.rollout.live import decides, judged
from genaiops.rollout.readiness import carrying, missing
from genaiops.rollout.snapshot import Notice, Snapshot
from genaiops.rollout.steps import effective_steps, part_of_alpha, scale_at, testers_at, weight_at
from genaiops.rollout.variants import Variants, waiting


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

    def __post_init__(self) -> None:
        window = self.rollout.analysis
        self.baseline: dict[str, Arm] = window.totals.get(STABLE, {}) if window else {}
        """What stable answered while this pass began: what the candidate is compared with once it has everything."""
        self.may_run = False
        """Whether the candidate may have pods at all."""
        self.pods = 0
        """Pods that it is to have."""
        self.evaluate: dict[str, EvaluationSpec] = {}
        """Evaluations that it waits for, by name."""
        self.create: list[Target] = []
        """Release objects to make, beside its own."""
        self.variant_pods: dict[str, int] = {}
        """Pods that the variants of its experiment are to have, by release."""
        self.left: list[str] = []
        """Releases that are no variants any more."""

    @property
    def compared(self) -> Comparison | None:
        return of_rollout(self.rollout, self.stable, self.seen.policy) if self.stable else None

    @property
    def steps(self) -> tuple[Step, ...]:
        if self.seen.resolution.target is None and self.stable is not None:
            # Without a spec that can be resolved nobody knows what is wanted, nor that these are its steps.
            return (Step(set_weight=self.rollout.weight),) * (self.rollout.steps + 1)
        # 8: a first release has nothing to be compared with, so there are no steps.
        return effective_steps(self.seen.policy.steps, skip=self.stable is None or self.rollout.fast)

    @property
    def step(self) -> Step:
        return self.steps[self.rollout.step]

    @property
    def analysis(self) -> Analysis:
        return analysis_of(self.step, self.seen.policy.analysis)

    def update(self, **changes: object) -> None:
        self.rollout = self.rollout.model_copy(update=changes)

    def run(self) -> None:
        """As far as it goes now: to the first thing that is missing, or to the end of the rollout."""
        self.move_on()
        self.pods = self.candidate_pods()

    def move_on(self) -> None:
        last = len(self.steps) - 1
        self.fit_step(last)
        self.update(steps=last, paused=None)
        self.may_run = self.is_evaluated() and self.is_approved()
        if not self.may_run:
            return
        self.fit_weight()
        self.analyse()
        while not self.ended and self.passes_step():
            if self.rollout.step == last:
                self.promote()
                return
            self.update(step=self.next_step(), step_started_at=None, promoted=False)
        if not self.ended:
            self.measure_again()

    def passes_step(self) -> bool:
        """Whether nothing stands between this step and the next one."""
        weighted = self.set_weight()
        # Also where the candidate waits for something: they serve, and are judged.
        together = self.keep_variants()
        return weighted and together and self.may_move() and self.step_is_over() and self.may_leave_step()

    def fit_step(self, last: int) -> None:
        """Keep to the steps when a person made them fewer: only a passed analysis leads to the last one."""
        rollout = self.rollout
        at_last = rollout.step == rollout.steps
        step = min(rollout.step, last if at_last else max(0, last - 1))
        if step != rollout.step:
            self.update(step=step, step_started_at=None, analysis=None, verdicts=[])

    def fit_weight(self) -> None:
        """A step whose weight a person changes begins anew: what was shown at the old one says nothing of the new."""
        rollout, known = self.rollout, self.seen.resolution.target is not None
        if known and rollout.gate and not self.step.approval:
            self.update(gate=None)
        if known and rollout.step_started_at and rollout.wanted not in (None, weight_at(self.steps, rollout.step)):
            self.update(step_started_at=None, analysis=None, verdicts=[])

    def next_step(self) -> int:
        following = range(self.rollout.step + 1, len(self.steps))
        if self.rollout.full:
            return next((index for index in following if self.steps[index].approval), following[-1])
        return following[0]

    def promote(self) -> None:
        rollout = self.rollout
        if rollout.fast:
            self.ended = Ended(
                Result.FAST_ROLLED_BACK, "WithinRollbackWindow", "went back to an earlier release without steps"
            )
        elif self.stable is None:
            self.ended = Ended(Result.PROMOTED, "FirstRelease", "first release is serving")
        elif rollout.undo:
            self.ended = Ended(Result.PROMOTED, WENT_BACK, "went back to an earlier release by its steps")
        elif rollout.full:
            self.ended = Ended(Result.FAST_PROMOTED, "PromotedByPerson", "a person had it skip its steps")
        else:
            self.ended = Ended(Result.PROMOTED, "StepsPassed", "all steps passed")

    def abort(self, reason: str, message: str) -> None:
        self.ended = Ended(Result.ABORTED, reason, f"{message} (at weight {self.rollout.weight})")

    # --- evaluation -----------------------------------------------------------------------------------------

    def is_evaluated(self) -> bool:
        """1: whether the candidate has passed every suite of the app."""
        rollout = self.rollout
        if rollout.evaluated or rollout.approved or rollout.fast or rollout.undo:
            return True
        if self.seen.resolution.target is None:
            # What runs goes on: the spec may ask for the same candidate again.
            self.evaluate = under_way(self.seen.runs, (one.evaluation for one in rollout.evaluations))
            self.hold("the spec can't be resolved; the candidate waits until it can")
            return False
        asked = exams(self.seen.name, self.seen.resolution.target, self.stable, rollout)
        stands = [standing(exam, self.seen.runs) for exam in asked]
        self.evaluate = {exam.name: exam.spec for exam in asked}
        self.update(evaluations=stands)
        if bad := not_passed(stands):
            reason = "EvaluationFailed" if bad.phase is EvaluationPhase.FAILED else "EvaluationError"
            self.abort(reason, f"{bad.suite}: {bad.message}")
            return False
        if tells := still_open(stands):
            self.update(waiting=clipped(tells), paused=None)
            return False
        if stands:
            told = "; ".join(f"{one.suite}: {one.message}" for one in stands)
            self.notify("EvaluationPassed", f"{rollout.release}: {told}")
        self.update(evaluated=True, waiting=None)
        return True

    # --- people ---------------------------------------------------------------------------------------------

    def is_approved(self) -> bool:
        """1: whether the candidate may get its first pod."""
        rollout, approval = self.rollout, self.seen.policy.approval
        if rollout.approved or rollout.fast or rollout.undo:
            return True
        if self.seen.resolution.target is None:
            self.hold("the spec can't be resolved; the candidate waits until it can")
            return False
        if approval and approval.required and not self.passes(approval):
            return False
        self.update(approved=True)
        return True

    def passes(self, approval: Approval) -> bool:
        """Whether enough people have approved; until then the rollout waits for them at a gate."""
        gate = gate_now(approval, self.rollout.gate, self.rollout.requested_by, self.now)
        if is_open(gate):
            self.update(gate=None)
            return True
        self.update(gate=gate)
        self.wake += [approver.until for approver in gate.approvers]
        self.hold(f"{waits_for(gate)}: {self.how_to('approve')}")
        return False

    def may_move(self) -> bool:
        """The step begins where its weight is in effect, and a person who holds the rollout keeps it there."""
        rollout, wanted = self.rollout, weight_at(self.steps, self.rollout.step)
        if rollout.step_started_at is None and rollout.weight == wanted:
            # This is progress: the deadline counts anew.
            self.update(step_started_at=self.now, wanted=wanted, waiting_since=None, ready_since=None)
            weighted = self.step.set_weight is not None and wanted < 100
            if any((weighted, self.step.analysis, self.step.shadow, self.step.experiment)):
                # A window ends when the next weight is in effect: until then the candidate serves, and is judged. What
                # stable last did stays on record for the watch.
                self.update(analysis=None, verdicts=[])
        if rollout.held:
            why = f": {rollout.held.reason}" if rollout.held.reason else ""
            self.hold(f"held by {rollout.held.username or 'a person'}{why}; to let it go on: {self.how_to('resume')}")
            return False
        return True

    def how_to(self, command: str) -> str:
        return f"kubectl genaiops {command} {self.seen.name} -n {self.seen.namespace}"

    def hold(self, why: str, tells: str = "") -> None:
        """Stay at this step. `tells` are the numbers so far: they change without being news."""
        text = f"{why} ({tells})" if tells else why
        before = self.seen.status.rollout.paused if self.seen.status.rollout else None
        if before is None or not before.startswith(clipped(why)):
            self.notify("RolloutPaused", f"{self.rollout.release}: {text}")
        self.update(paused=clipped(text), waiting=None)

    def notify(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.notices.append(Notice(reason, message, warning))

    # --- weight ---------------------------------------------------------------------------------------------

    def set_weight(self) -> bool:
        """Give the candidate the weight of its step as far as its pods carry it; True once that is in effect."""
        rollout = self.rollout
        wanted = weight_at(self.steps, rollout.step)
        if rollout.held:
            wanted = min(wanted, rollout.weight)
        owed = missing(self.seen, rollout.release, self.pods_for(wanted))
        # 3: capacity before weight. More only when pods and gateway are ready for all of it, less at once.
        ready = carrying(self.seen, rollout.release)
        replicas = self.seen.spec.replicas
        held = self.seen.capacity.weight_carried(ready, replicas, min(rollout.weight, wanted))
        weight = wanted if owed is None or self.stable is None else held
        if weight != rollout.weight and self.stable is not None:
            remark = self.seen.capacity.remark(weight, replicas)
            change = f"weight {rollout.weight} → {weight}" + (f" ({remark})" if remark else "")
            self.notify("WeightSet", f"{rollout.release}: {change}", warning=bool(owed))
        self.update(weight=weight)
        if owed is None and not self.in_effect(weight):
            # 2: nothing counts before the gateway says that it is so.
            owed = f"waiting for {self.seen.gateway.by} to report weight {weight} in effect"
            if self.seen.gateway.problem:
                owed = f"{owed}: {self.seen.gateway.problem}"
        return not self.wait_for(owed)

    def pods_for(self, weight: int) -> int:
        replicas = self.seen.spec.replicas
        scaled = scale_at(self.steps, self.rollout.step, replicas)
        return max(scaled, self.seen.capacity.pods_needed(100 if self.stable is None else weight, replicas))

    @property
    def copies(self) -> int:
        """Percent of requests to copy: each costs tokens, so none while a person holds the rollout."""
        return self.step.shadow.percent if self.step.shadow and not self.rollout.held else 0

    def in_effect(self, weight: int) -> bool:
        """Whether what splits the traffic says that it does what this step asks for."""
        gateway = self.seen.gateway
        if gateway.weights is None:
            return False
        if gateway.testers != testers_at(self.steps, self.rollout.step):
            return False
        if gateway.shadow != self.copies:
            return False
        return gateway.weights.get(self.rollout.release, 0) == (100 if self.stable is None else weight)

    def wait_for(self, missing: str | None) -> bool:
        """Keep the progress deadline; True while something is missing."""
        rollout = self.rollout
        if missing is None:
            ready_since = rollout.ready_since or (self.now if rollout.waiting_since else None)
            self.update(waiting=None, ready_since=ready_since)
            return False
        since = counts_from(rollout, self.now)
        self.update(waiting=clipped(missing), waiting_since=since, ready_since=None)
        deadline = since + self.seen.policy.progress_deadline
        if self.now >= deadline and self.stable is not None and not rollout.rescue:
            self.abort(
                "ProgressDeadlineExceeded",
                f"no progress for {format_duration(self.seen.policy.progress_deadline)}: {missing}",
            )
        elif self.now < deadline:
            self.wake.append(deadline)
        if not self.ended and self.seen.workload(rollout.release).ready >= self.pods_for(rollout.weight):
            self.wake.append(next_question(self.now, since))
        return True

    def candidate_pods(self) -> int:
        release, weight = self.rollout.release, weight_at(self.steps, self.rollout.step)
        weights = self.seen.gateway.weights
        if not self.may_run:
            # One that is tried again may still have requests of the last time.
            running = self.seen.workload(release).replicas
            if running and (weights is None or weights.get(release, 0)):
                self.wake.append(next_question(self.now, self.rollout.started_at))
                return running
            return 0
        if self.seen.resolution.target is None or weights is None or weights.get(release, 0) > weight:
            # Less weight needs fewer pods, once the gateway says that it is less, and it is known to be wanted: a pod
            # that goes takes with it what it has counted since it was read last.
            return max(self.pods_for(weight), self.seen.workload(release).replicas)
        return self.pods_for(weight)

    # --- steps ----------------------------------------------------------------------------------------------

    def step_is_over(self) -> bool:
        step, rollout = self.step, self.rollout
        if step.approval:
            return self.passes(step.approval)
        if rollout.full or rollout.promoted:
            return True
        if step.pause:
            return self.time_is_over("paused", step.pause.duration)
        if step.shadow:
            return self.enough_copies() or self.time_is_over("copies of live requests go to it", step.shadow.duration)
        if step.experiment:
            return self.reports(step.experiment)
        return self.has_passed() if step.analysis else True

    def time_is_over(self, doing: str, duration: timedelta | None) -> bool:
        if duration is None:
            self.hold(f"paused until a person promotes: {self.how_to('promote')}")
            return False
        over = (self.rollout.step_started_at or self.now) + duration
        if self.now < over:
            self.hold(f"{doing} for {format_duration(duration)}")
            self.wake.append(over)
        return self.now >= over

    # --- experiments ----------------------------------------------------------------------------------------

    def keep_variants(self) -> bool:
        """The other releases of an experiment, as they stand now; False while the experiment can't begin for them."""
        if self.ended or self.stable is None:
            return True
        experiment, step = self.step.experiment, self.rollout.step
        asked = self.seen.resolution.variants.get(step, ()) if experiment else ()
        known = self.seen.resolution.target is not None
        kept = Variants(self.seen, self.now, self.stable, asked if known else None)
        self.update_by(kept, kept.keep(self.rollout))
        missing = waiting(self.rollout)
        if missing is None or self.rollout.step_started_at:
            return True
        if any(one.gate for one in self.rollout.compared):
            self.hold(missing)
        elif self.rollout.waiting is None:
            self.update(waiting=clipped(missing), paused=None)
        return False

    def update_by(self, kept: Variants, rollout: RolloutStatus) -> None:
        self.rollout = rollout
        self.notices += kept.notices
        self.wake += kept.wake
        self.evaluate |= kept.evaluate
        self.create += kept.create
        self.variant_pods = kept.pods
        self.left += kept.left

    def reports(self, experiment: Experiment) -> bool:
        """False: an experiment ends with its report, and a person decides what follows from it."""
        began, rollout = self.rollout.step_started_at or self.now, self.rollout
        until = began + experiment.duration if experiment.duration else None
        ended = any(one.step == rollout.step and one.phase is VariantPhase.OVER for one in rollout.variants)
        enough = experiment.samples is not None and self.least_samples() >= experiment.samples
        if ended or enough or (until and self.now >= until):
            kept = Variants(self.seen, self.now, str(self.stable), None)
            self.update_by(kept, kept.end(rollout, "the experiment is over"))
            self.hold(f"the experiment is over; to go on with the candidate: {self.how_to('promote')}", self.tells())
            return False
        if until:
            self.wake.append(until)
        ends = [format_duration(experiment.duration)] if experiment.duration else []
        whom = "each release" if rollout.compared else "the candidate"
        ends += [f"{experiment.samples} requests to {whom}"] if experiment.samples else []
        self.hold(f"experiment for {' or '.join(ends)}", self.tells())
        return False

    def tells(self) -> str:
        """What every release of the experiment has shown so far."""
        said = [verdict.message for verdict in self.rollout.verdicts]
        for one in self.rollout.variants:
            if one.step == self.rollout.step:
                why = [one.message] if one.phase is VariantPhase.DROPPED else []
                said.append(f"{one.name}: {', '.join([*why, *(verdict.message for verdict in one.verdicts)])}")
        return "; ".join(said)

    def samples(self) -> int:
        """Requests of the candidate that were counted in the present window."""
        return _samples(self.rollout.verdicts)

    def least_samples(self) -> int:
        """Requests of the release that has the fewest; a candidate that gets none is not compared."""
        variants = [_samples(one.verdicts) for one in self.rollout.compared]
        served = self.rollout.weight or testers_at(self.steps, self.rollout.step) or not variants
        return min([*variants, self.samples()] if served else variants)

    def enough_copies(self) -> bool:
        """Copies cost tokens: they end at their number, or once they have said what they can."""
        rollout, shadow = self.rollout, self.step.shadow
        proved = bool(rollout.verdicts) and summary(rollout.verdicts) is Verdict.SUCCESSFUL
        return proved or (shadow is not None and self.samples() >= shadow.max_requests)

    def may_leave_step(self) -> bool:
        """What stands between this step and more weight: the analysis, and a spec that says what is wanted."""
        rollout = self.rollout
        if rollout.step + 1 < len(self.steps) and self.steps[rollout.step + 1].set_weight is None and not rollout.full:
            return True
        if self.seen.resolution.target is None:
            self.hold("the spec can't be resolved; the candidate keeps its weight until it can")
            return False
        if rollout.full or not self.judged():
            return True
        return self.has_passed()

    def has_passed(self) -> bool:
        """Whether the verdicts, a person, or the policy let the rollout go on."""
        rollout, verdicts = self.rollout, self.rollout.verdicts
        if self.step.analysis and not self.judged():
            # Without requests to both releases nothing but the step's own metrics can succeed.
            verdicts = verdicts[-len(self.step.analysis.metrics) :]
        if verdicts and summary(verdicts) is Verdict.SUCCESSFUL:
            return True
        if rollout.promoted:
            self.notify("Overruled", f"{rollout.release}: a person let it go on without a verdict", warning=True)
            return True
        return self.without_verdict()

    def without_verdict(self) -> bool:
        """True where the policy lets a rollout go on unjudged."""
        rollout, analysis = self.rollout, self.analysis
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
            f"to go on anyway: {self.how_to('promote')}",
            tells,
        )
        return False

    # --- signals --------------------------------------------------------------------------------------------

    def judged(self) -> bool:
        """Whether the analysis decides at the present weight: both releases have traffic."""
        return self.stable is not None and 0 < self.rollout.weight < 100 and decides(self.analysis)

    def analyse(self) -> None:
        rollout = self.rollout
        readings = self.seen.readings.get(rollout.release)
        if rollout.analysis is None and not self.may_open_window():
            readings = None
        found = judged(
            self.analysis, rollout.analysis, readings, self.now, part_of_alpha(self.seen.policy, rollout.step)
        )
        if found is None:
            return
        self.update(analysis=found.window, verdicts=found.verdicts)
        if found.breach:
            self.abort(*found.breach)

    def may_open_window(self) -> bool:
        """2: the window opens with the first reading after what is measured took effect."""
        compared = self.compared
        return compared is not None and compared.since is not None and self.in_effect(self.rollout.weight)

    def measure_again(self) -> None:
        compared = self.compared
        if compared and (again := compared.again(self.now)):
            self.wake.append(again)


def _samples(verdicts: Sequence[MetricVerdict]) -> int:
    return max((verdict.candidate.samples for verdict in verdicts), default=0)
