"""The variants of an experiment in one pass: evaluated, approved, brought up, weighted together, judged, taken out.

They go by the rules of a candidate (docs/rollouts.md), but for one: what is wrong with a variant takes out that one,
and the others go on. None of them gets a request before all of them can, so that they are compared over the same time.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from genaiops.api.base import format_duration
from genaiops.api.evaluation import EvaluationSpec
from genaiops.api.llmapp_status import RolloutStatus, VariantPhase, VariantStatus
from genaiops.release.resolve import Target, Variant
from genaiops.rollout.approving import gate_now, is_open, waits_for
from genaiops.rollout.comparison import of_variant
from genaiops.rollout.conditions import clipped
from genaiops.rollout.due import next_question
from genaiops.rollout.evaluating import exams, not_passed, standing, still_open, under_way
from genaiops.rollout.live import judged
from genaiops.rollout.readiness import carrying, missing
from genaiops.rollout.snapshot import Notice, Snapshot

_KEPT: Final = 8
"""Variants that had their time and stay on record while the rollout lasts."""


@dataclass
class Variants:
    """The variants of the rollout's present step, and what came up on the way."""

    seen: Snapshot
    now: datetime
    stable: str
    asked: tuple[Variant, ...] | None
    """Those that the step asks for; None where nobody knows: those that are there go on."""
    notices: list[Notice] = field(default_factory=list)
    wake: list[datetime] = field(default_factory=list)
    evaluate: dict[str, EvaluationSpec] = field(default_factory=dict)
    """Evaluations that they wait for, by name."""
    create: list[Target] = field(default_factory=list)
    """Release objects to make."""
    pods: dict[str, int] = field(default_factory=dict)
    """Pods that their releases are to have."""
    left: list[str] = field(default_factory=list)
    """Releases that are no variants any more."""

    def keep(self, rollout: RolloutStatus) -> RolloutStatus:
        """The rollout with its variants as they stand now."""
        rollout = self._fitted(rollout)
        kept = [self._prepared(one, rollout) if one.phase.active else one for one in rollout.variants]
        waiting = [one for one in kept if one.phase is VariantPhase.WAITING]
        together = all(self._missing(one) is None and one.release in self.pods for one in waiting)
        kept = [self._served(one, together=together) if one.release in self.pods else one for one in kept]
        return rollout.model_copy(update={"variants": kept})

    def end(self, rollout: RolloutStatus, message: str) -> RolloutStatus:
        """The rollout after its experiment: what its variants have shown stays on record."""
        ended = [self._out(one, VariantPhase.OVER, message) if one.phase.active else one for one in rollout.variants]
        self.pods = {}
        return rollout.model_copy(update={"variants": ended})

    # --- which ones -----------------------------------------------------------------------------------------

    def _fitted(self, rollout: RolloutStatus) -> RolloutStatus:
        """With the variants that the step asks for; where these changed under way, the step begins anew."""
        if self.asked is None:
            return rollout
        step = rollout.step
        if any(one.step != step for one in rollout.compared):
            rollout = self.end(rollout, "the rollout went on")
        wanted = {(one.name, one.target.name, one.weight) for one in self.asked}
        gone = [one for one in rollout.compared if _identity(one) not in wanted]
        known = {_identity(one) for one in rollout.variants if one.step == step and one not in gone}
        new = [
            VariantStatus(name=one.name, release=one.target.name, step=step, wanted=one.weight)
            for one in self.asked
            if (one.name, one.target.name, one.weight) not in known
        ]
        if not gone and not new:
            return rollout
        for one in gone:
            self._leave(one, "the experiment does not ask for it any more")
        stay = [one for one in rollout.variants if one not in gone]
        past = [one for one in stay if not one.phase.active][-_KEPT:]
        present = [one for one in stay if one.phase.active]
        anew: dict[str, object] = {}
        if rollout.step_started_at:
            anew = {"step_started_at": None, "analysis": None, "verdicts": []}
            present = [one.model_copy(update={"analysis": None, "verdicts": []}) for one in present]
        return rollout.model_copy(update={**anew, "variants": [*past, *present, *new]})

    def _target(self, one: VariantStatus) -> Target | None:
        return next((asked.target for asked in self.asked or () if asked.target.name == one.release), None)

    # --- one of them ----------------------------------------------------------------------------------------

    def _prepared(self, one: VariantStatus, rollout: RolloutStatus) -> VariantStatus:
        """As far as it goes without weight: made, evaluated, approved, judged. With `pods` once it may have some."""
        target = self._target(one)
        if target:
            self.create.append(target)
        one = self._judged(one, rollout)
        if one.phase.active and not one.evaluated:
            one = self._evaluated(one, target, rollout)
        if one.phase.active and one.evaluated and not one.approved:
            one = self._approved(one, rollout)
        if one.phase.active and one.approved:
            needed = self.seen.capacity.pods_needed(one.wanted, self.seen.spec.replicas)
            self.pods[one.release] = needed
        return one

    def _evaluated(self, one: VariantStatus, target: Target | None, rollout: RolloutStatus) -> VariantStatus:
        if target is None:
            self.evaluate |= under_way(self.seen.runs, (standing.evaluation for standing in one.evaluations))
            return _with(one, message="the spec can't be resolved; it waits until it can")
        asked = exams(self.seen.name, target, self.stable, rollout)
        stands = [standing(exam, self.seen.runs) for exam in asked]
        one = _with(one, evaluations=stands)
        if bad := not_passed(stands):
            return self._out(one, VariantPhase.DROPPED, f"evaluation {bad.phase}: {bad.suite}: {bad.message}")
        self.evaluate |= {exam.name: exam.spec for exam in asked}
        tells = still_open(stands)
        return _with(one, evaluated=tells is None, message=clipped(tells or ""))

    def _approved(self, one: VariantStatus, rollout: RolloutStatus) -> VariantStatus:
        approval = self.seen.policy.approval
        if approval is None or not approval.required:
            return _with(one, approved=True, gate=None)
        if self.asked is None:
            return _with(one, message="the spec can't be resolved; it waits until it can")
        # Who changed something since the rollout began may have changed the variant.
        since = [person for person, at in self.seen.changed_by.items() if at > rollout.started_at]
        requested_by = sorted({*rollout.requested_by, *since})
        gate = gate_now(approval, one.gate, requested_by, self.now)
        if is_open(gate):
            return _with(one, approved=True, gate=None, message="")
        self.wake += [approver.until for approver in gate.approvers]
        how = f"kubectl genaiops approve {self.seen.name} -n {self.seen.namespace} --release {one.release}"
        return _with(one, gate=gate, message=clipped(f"{waits_for(gate)}: {how}"))

    def _judged(self, one: VariantStatus, rollout: RolloutStatus) -> VariantStatus:
        compared = of_variant(one, rollout, self.stable, self.seen.policy)
        if compared is None:
            return one
        readings = self.seen.readings.get(one.release)
        if one.analysis is None and not self._in_effect(one):
            # Nothing counts before the gateway says that it is so.
            readings = None
        number = sum(other.step == one.step for other in rollout.variants)
        found = judged(compared.analysis, one.analysis, readings, self.now, 1 / number)
        if found:
            one = _with(one, analysis=found.window, verdicts=found.verdicts)
        if found and found.breach:
            return self._out(one, VariantPhase.DROPPED, f"{found.breach.reason}: {found.breach.message}")
        if again := replace(compared, window=one.analysis).again(self.now):
            self.wake.append(again)
        return one

    def _served(self, one: VariantStatus, *, together: bool) -> VariantStatus:
        """With the weight that its pods carry, once all of them are ready; taken out where they keep it waiting."""
        owed, replicas = self._missing(one), self.seen.spec.replicas
        if one.phase is VariantPhase.WAITING and together:
            self._notify("VariantServing", f"{one.name} ({one.release}): weight {one.wanted}")
            one = _with(one, phase=VariantPhase.SERVING, weight=one.wanted)
        elif one.phase is VariantPhase.SERVING:
            # Capacity before weight: what lost pods lost weight.
            carried = self.seen.capacity.weight_carried(carrying(self.seen, one.release), replicas, one.weight)
            one = _with(one, weight=one.wanted if owed is None else carried)
        if owed is None and one.phase is VariantPhase.SERVING and not self._in_effect(one):
            owed = f"waiting for {self.seen.gateway.by} to report weight {one.weight} in effect"
        if owed is None:
            others = "" if one.phase is VariantPhase.SERVING else "ready; the other variants are not"
            return _with(one, waiting_since=None, message=others)
        since = one.waiting_since or self.now
        deadline = since + self.seen.policy.progress_deadline
        if self.now >= deadline:
            text = f"no progress for {format_duration(self.seen.policy.progress_deadline)}: {owed}"
            return self._out(one, VariantPhase.DROPPED, text)
        self.wake.append(deadline)
        if self.seen.workload(one.release).ready >= self.pods[one.release]:
            # The gateway does not announce itself.
            self.wake.append(next_question(self.now, since))
        return _with(one, waiting_since=since, message=clipped(owed))

    def _missing(self, one: VariantStatus) -> str | None:
        return missing(self.seen, one.release, self.pods.get(one.release, 1))

    def _in_effect(self, one: VariantStatus) -> bool:
        weights = self.seen.gateway.weights
        return weights is not None and weights.get(one.release, 0) == one.weight

    # --- the end of one -------------------------------------------------------------------------------------

    def _out(self, one: VariantStatus, phase: VariantPhase, message: str) -> VariantStatus:
        self._leave(one, message, dropped=phase is VariantPhase.DROPPED)
        return taken_out(one, phase, message)

    def _leave(self, one: VariantStatus, message: str, *, dropped: bool = False) -> None:
        self.left.append(one.release)
        self.pods.pop(one.release, None)
        self._notify("VariantDropped" if dropped else "VariantOver", f"{one.name} ({one.release}): {message}", dropped)

    def _notify(self, reason: str, message: str, warning: bool = False) -> None:
        self.notices.append(Notice(reason, message, warning))


def taken_out(one: VariantStatus, phase: VariantPhase, message: str) -> VariantStatus:
    """A variant that gets no requests any more; what it has shown stays on record."""
    return _with(one, phase=phase, weight=0, gate=None, waiting_since=None, analysis=None, message=clipped(message))


def waiting(rollout: RolloutStatus) -> str | None:
    """What keeps the experiment from beginning; None where nothing does."""
    owed = [f"variant {one.name}: {one.message}" for one in rollout.compared if one.message and not one.gate]
    owed += [f"variant {one.name} {one.message}" for one in rollout.compared if one.gate]
    return "; ".join(owed) or None


def _identity(one: VariantStatus) -> tuple[str, str, int]:
    return one.name, one.release, one.wanted


def _with(one: VariantStatus, **changes: object) -> VariantStatus:
    return one.model_copy(update=changes)
