"""People's decisions on an app, as its reconcile sees them and answers on them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from genaiops.api.action import ActionPhase, ReleaseActionSpec, ReleaseActionStatus
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.controller.store import Key, Raw, Store, references_of
from genaiops.controller.webhook.changes import changed_by
from genaiops.controller.webhook.stamp import NO_SEAL, Place, Seal, action_problem
from genaiops.release.lookup import parse_errors
from genaiops.rollout.snapshot import Asked

_MESSAGE_LIMIT: Final = 1024


def asked_of(owned: Iterable[Raw], app_uid: str, seal: Seal) -> tuple[Asked, ...]:
    """The decisions that can be read, oldest first, each with whether it is known who made it."""
    if seal.key is None and seal is not NO_SEAL:
        # Nobody can tell yet: refused now, they would be refused for good.
        return ()
    specs = ((raw, _spec_of(raw)) for raw in _actions(owned))
    return tuple(_asked(raw, spec, app_uid, seal) for raw, spec in specs if not isinstance(spec, str))


def uids_of(about: Iterable[Raw]) -> frozenset[str]:
    """Of all decisions on the app, also of those that can't be read, or whose owner somebody changed."""
    return frozenset(raw["metadata"]["uid"] for raw in _actions(about))


def people_behind(app: Raw, store: Store, seal: Seal) -> dict[str, datetime]:
    """Who changed the app or what it refers to, however indirectly, and when last."""
    meta = app["metadata"]
    behind: dict[Key, Raw] = {Key("LLMApp", meta["namespace"], meta["name"]): app}
    found: dict[str, datetime] = {}
    pending = list(behind)
    while pending:
        key = pending.pop()
        for name, at in changed_by(seal, key.kind, behind[key]).items():
            found[name] = max(at, found.get(name, at))
        # A Prompt may include others: who moves a label there changes the app, too.
        new = [ref for ref in references_of(key, behind[key]) if ref not in behind]
        behind |= {ref: store.get(*ref) or {} for ref in new}
        pending += new
    return found


def answers(owned: Iterable[Raw], status: LLMAppStatus, now: datetime) -> list[tuple[Raw, ReleaseActionStatus]]:
    """What each decision's status has to say where it does not say so yet; the undecided ones are left alone."""
    decided = {item.uid: item for item in status.decisions}
    told = []
    for raw in _actions(owned):
        item = decided.get(raw["metadata"]["uid"])
        if item is not None:
            wanted = ReleaseActionStatus(phase=item.phase, message=item.message, finished_at=item.at)
        elif problem := _unreadable(raw):
            wanted = ReleaseActionStatus(
                phase=ActionPhase.REFUSED, message=problem[:_MESSAGE_LIMIT], finished_at=_finished_at(raw) or now
            )
        else:
            continue
        if (raw.get("status") or {}) != wanted.to_manifest():
            told.append((raw, wanted))
    return told


def cleared(owned: Iterable[Raw], status: LLMAppStatus, limit: int) -> list[Raw]:
    """Answered decisions beyond the newest `limit` of them."""
    decided = {item.uid for item in status.decisions}
    answered = [raw for raw in _actions(owned) if raw["metadata"]["uid"] in decided or _unreadable(raw)]
    return answered[:-limit]


def _actions(owned: Iterable[Raw]) -> Iterator[Raw]:
    return (raw for raw in owned if raw["kind"] == "ReleaseAction")


def _spec_of(raw: Raw) -> ReleaseActionSpec | str:
    """What was decided, or why that can't be read."""
    try:
        return ReleaseActionSpec.model_validate(raw.get("spec"))
    except ValidationError as error:
        return parse_errors(error)


def _asked(raw: Raw, spec: ReleaseActionSpec, app_uid: str, seal: Seal) -> Asked:
    meta = raw["metadata"]
    created = datetime.fromisoformat(meta["creationTimestamp"])
    if seal is NO_SEAL:
        return Asked(meta["name"], meta["uid"], created, spec, anonymous=True)
    place = Place(meta["namespace"], meta["name"], app_uid)
    return Asked(meta["name"], meta["uid"], created, spec, action_problem(seal, place, spec, created))


def _unreadable(raw: Raw) -> str | None:
    found = _spec_of(raw)
    return found if isinstance(found, str) else None


def _finished_at(raw: Raw) -> datetime | None:
    try:
        return ReleaseActionStatus.model_validate(raw.get("status") or {}).finished_at
    except ValidationError:
        return None
