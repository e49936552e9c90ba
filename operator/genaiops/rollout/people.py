"""What people decided, carried out: each ReleaseAction once, and what became of it on record."""

from genaiops.api.action import Action, ActionPhase
from genaiops.api.llmapp_status import Approver, Decision, Hold, Result, RolloutStatus, VariantPhase, VariantStatus
from genaiops.rollout.conditions import clipped
from genaiops.rollout.course import Course
from genaiops.rollout.decisions import ABORTED_BY_PERSON, objection, served_before, variant_of
from genaiops.rollout.snapshot import Asked
from genaiops.rollout.variants import taken_out

_AT_ONCE = 50
"""Decisions that are carried out in one pass: each is on record in the status, which may not grow without bound."""
_MOST = 64
"""Decisions on one rollout that its history names."""


def hear(course: Course) -> None:
    """Carry out what was decided since the last pass, the oldest first."""
    seen = course.seen
    course.decisions = [decision for decision in course.decisions if decision.uid in seen.action_uids]
    heard = {decision.uid for decision in course.decisions}
    names = {release.hash: name for name, release in seen.releases.items()}
    for asked in [asked for asked in seen.actions if asked.uid not in heard][:_AT_ONCE]:
        if course.now >= asked.at + asked.spec.ttl:
            phase, message = ActionPhase.EXPIRED, "its ttl passed before the operator could look at it; decide anew"
        elif why := asked.problem or objection(asked.spec, asked.username, course.status(), names):
            phase, message = ActionPhase.REFUSED, why
        else:
            phase, message = ActionPhase.APPLIED, _carry_out(course, asked, names)
        course.decisions.append(
            Decision(
                name=asked.name,
                uid=asked.uid,
                action=asked.spec.action,
                username=asked.username,
                phase=phase,
                message=clipped(message),
                at=course.now,
            )
        )
        course.notify(
            f"Action{phase}",
            f"{asked.spec.action} by {_who(asked)}: {message}",
            warning=phase is not ActionPhase.APPLIED,
        )


def _who(asked: Asked) -> str:
    return asked.username or "a person"


def _carry_out(course: Course, asked: Asked, names: dict[str, str]) -> str:
    """Do it; what followed, in a sentence."""
    spec, rollout, name = asked.spec, course.rollout, names[asked.spec.release]
    variant = variant_of(rollout, name)
    because = f": {spec.reason}" if spec.reason else ""
    story = f"{spec.action} by {_who(asked)}{because}"
    if rollout:
        decided = [*rollout.decided_by, clipped(story, 256)][-_MOST:]
        rollout = course.rollout = rollout.model_copy(update={"decided_by": decided})
    match spec.action:
        case Action.REJECT | Action.ABORT if rollout and variant:
            word = "rejected" if spec.action is Action.REJECT else "taken out"
            course.retiring.append(name)
            message = f"{word} by {_who(asked)}{because}"
            course.rollout = _with_variant(rollout, taken_out(variant, VariantPhase.DROPPED, message))
            return f"{name} was taken out of the experiment"
        case Action.APPROVE:
            assert rollout is not None
            before = variant.gate if variant else rollout.gate
            assert before is not None
            approver = Approver(username=asked.username, at=course.now, until=asked.at + spec.ttl)
            gate = before.model_copy(update={"approvers": [*before.approvers, approver]})
            heard = {"gate": gate}
            course.rollout = (
                _with_variant(rollout, variant.model_copy(update=heard))
                if variant
                else rollout.model_copy(update=heard)
            )
            return f"{name} has {len(gate.approvers)} of {gate.needed} approvals"
        case Action.REJECT:
            course.end(Result.ABORTED, "Rejected", f"rejected by {_who(asked)}{because}")
            return f"{name} was taken back"
        case Action.PROMOTE:
            assert rollout is not None
            course.rollout = rollout.model_copy(update={"full": True} if spec.full else {"promoted": True})
            return f"{name} skips its steps" if spec.full else f"{name} may go on past step {rollout.step + 1}"
        case Action.ABORT:
            message = f"taken back by {_who(asked)}{because}"
            if rollout:
                course.end(Result.ABORTED, ABORTED_BY_PERSON, f"{message} (at weight {rollout.weight})")
            else:
                course.go_back(ABORTED_BY_PERSON, message, [story])
            return f"{name} was taken back"
        case Action.RETRY:
            course.aborted = None
            course.begin(name, retry=True)
            return f"{name} is rolled out again"
        case Action.PAUSE:
            assert rollout is not None
            held = Hold(username=asked.username, since=course.now, reason=spec.reason)
            course.rollout = rollout.model_copy(update={"held": held})
            return f"{name} is held at step {rollout.step + 1}, weight {rollout.weight}"
        case Action.RESUME:
            assert rollout is not None
            course.rollout = rollout.model_copy(update={"held": None})
            return f"{name} goes on"
        case Action.UNDO:
            return _undo(course, asked, names, story)
        case Action.RESTART:
            course.restarts[name] = course.now
            return f"the pods of {name} are replaced"


def _with_variant(rollout: RolloutStatus, changed: VariantStatus) -> RolloutStatus:
    """The rollout with this variant as it is now."""
    variants = [changed if one.phase.active and one.release == changed.release else one for one in rollout.variants]
    return rollout.model_copy(update={"variants": variants})


def _undo(course: Course, asked: Asked, names: dict[str, str], story: str) -> str:
    earlier = [release for release in served_before(course.status()) if release in names.values()]
    to = names[asked.spec.to] if asked.spec.to else earlier[0]
    left, target = course.stable, course.seen.resolution.target
    if target is None or target.name == left:
        course.aborted = left
    course.begin(to, undo=True, decided_by=[story])
    return f"going back from {left} to {to}"
