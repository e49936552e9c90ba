"""What a person may decide now: the same answer at admission, from the webhook, and when it is carried out.

Two people may act at once: both pass admission, and whoever is second is told here why theirs makes no sense any more.
"""

from collections.abc import Mapping
from typing import Final

from genaiops.api.action import Action, ReleaseActionSpec
from genaiops.api.llmapp_status import Gate, LLMAppStatus, Result, RolloutStatus, VariantStatus

SERVED: Final = (Result.PROMOTED, Result.FAST_PROMOTED, Result.FAST_ROLLED_BACK)
"""Results of rollouts whose release became stable."""
BREACH: Final = "BreachAfterPromotion"
ABORTED_BY_PERSON: Final = "AbortedByPerson"
DRIFTED: Final = "Drifted"
TAKEN_BACK: Final = (BREACH, ABORTED_BY_PERSON, DRIFTED)
"""Reasons for which a release that was promoted was gone back from."""
_ON_A_CANDIDATE: Final = {
    Action.APPROVE,
    Action.REJECT,
    Action.PROMOTE,
    Action.PAUSE,
    Action.RESUME,
}


def objection(asked: ReleaseActionSpec, username: str, status: LLMAppStatus, names: Mapping[str, str]) -> str | None:
    """Why this decision makes no sense now, with the app's phase; None where it does.

    `names` are the names of the app's releases by their hashes.
    """
    why = _objection(asked, username, status, names)
    return f"{asked.action} makes no sense now: {why} ({asked.app} is {status.phase or 'Pending'})" if why else None


def _objection(asked: ReleaseActionSpec, username: str, status: LLMAppStatus, names: Mapping[str, str]) -> str | None:
    if asked.release not in names:
        known = ", ".join(sorted(names.values())) or "none"
        return f"{asked.app} has no release with the hash {asked.release}; its releases: {known}"
    name, rollout = names[asked.release], status.rollout
    variant = variant_of(rollout, name)
    if variant and asked.action in (Action.APPROVE, Action.REJECT):
        return _no_approval(asked.action, username, variant.gate)
    if variant and asked.action is Action.ABORT:
        return None
    if variant and asked.action is Action.PROMOTE:
        return f"{name} is a variant of an experiment; to make it stable, have the spec ask for it"
    if asked.action in _ON_A_CANDIDATE:
        if rollout is None:
            return f"no rollout is under way, so {name} is no candidate"
        if rollout.release != name:
            return f"{name} is not the candidate, {rollout.release} is"
        if asked.step is not None and rollout.step != asked.step:
            return f"{name} is at step {rollout.step} by now, not at {asked.step}"
    match asked.action:
        case Action.APPROVE | Action.REJECT:
            return _no_approval(asked.action, username, rollout.gate if rollout else None)
        case Action.PROMOTE:
            return _no_promotion(asked.full, status)
        case Action.ABORT:
            watched = status.watch.release if status.watch else None
            if name not in (rollout.release if rollout else None, watched):
                return f"{name} is neither a candidate nor being watched after its promotion"
        case Action.RETRY:
            if name != status.aborted_release:
                return f"{name} is not the release that was taken back; {status.aborted_release or 'none'} is"
        case Action.PAUSE:
            return f"{name} is held by {rollout.held.username} already" if rollout and rollout.held else None
        case Action.RESUME:
            return None if rollout and rollout.held else f"nobody holds {name}"
        case Action.UNDO:
            return _no_undo(asked, name, status, names)
        case Action.RESTART:
            if name not in (status.stable_release, status.candidate_release):
                return f"{name} is neither stable nor a candidate, it has no pods"
    return None


def variant_of(rollout: RolloutStatus | None, release: str) -> VariantStatus | None:
    """The variant of the present experiment that this release is."""
    return next((one for one in rollout.compared if one.release == release), None) if rollout else None


def _no_approval(action: Action, username: str, gate: Gate | None) -> str | None:
    if gate is None:
        return "nothing waits for an approval" + (
            "; to take a candidate back: Abort" if action is Action.REJECT else ""
        )
    if action is Action.REJECT:
        return None
    if not username:
        return "an approval needs to know who gives it, and the operator runs without its webhook"
    if username in gate.excluded:
        return f"{username} asked for this change, so another person has to approve it"
    if username in {approver.username for approver in gate.approvers}:
        return f"{username} has approved already; {gate.needed} different people have to"
    return None


def _no_promotion(full: bool, status: LLMAppStatus) -> str | None:
    rollout = status.rollout
    assert rollout is not None
    if full:
        return f"{rollout.release} skips all steps already" if rollout.full else None
    if rollout.gate:
        return f"{rollout.release} waits for an approval, which a promotion does not replace: Approve"
    if rollout.held:
        return f"{rollout.held.username} holds {rollout.release}: Resume"
    if rollout.promoted:
        return f"somebody let {rollout.release} go past this step already"
    if not rollout.paused:
        return f"{rollout.release} does not wait for a person: {rollout.waiting or 'it is on its way'}"
    return None


def _no_undo(asked: ReleaseActionSpec, name: str, status: LLMAppStatus, names: Mapping[str, str]) -> str | None:
    if status.rollout:
        return f"{status.rollout.release} is being rolled out; to take it back: Abort"
    if name != status.stable_release:
        return f"{name} is not the stable release, {status.stable_release or 'none'} is"
    earlier = served_before(status)
    if asked.to is None:
        return None if any(release in names.values() for release in earlier) else "no release served before this one"
    if names.get(asked.to) not in earlier:
        known = ", ".join(release for release in earlier if release in names.values()) or "none"
        return f"{names.get(asked.to, asked.to)} has not served before; those that have: {known}"
    return None


def served_before(status: LLMAppStatus) -> list[str]:
    """Releases that served users before the present stable one, the latest first, but those that were taken back."""
    served: dict[str, bool] = {}
    for entry in reversed(status.history):
        if entry.result in SERVED or (entry.result is Result.ROLLED_BACK and entry.reason in TAKEN_BACK):
            served.setdefault(entry.release, entry.result in SERVED)
    others = {status.stable_release, status.aborted_release}
    return [release for release, good in served.items() if good and release not in others]
