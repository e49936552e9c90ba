"""Stamps by which the operator knows again what its own webhook wrote: HMAC-SHA256 (RFC 2104) with a key of its own.

The webhook configurations keep people from writing a requester of their own. The stamp holds also while there are none:
before the webhook was switched on, while it is off, or where an object comes from a backup.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from genaiops.api.action import ReleaseActionSpec

KEY_BYTES: Final = 32
CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""The most by which the clocks of operator and API server may differ."""
_TIME: Final = "%Y%m%dT%H%M%SZ"

NOT_WRITTEN_HERE: Final = "its requester was not written by this operator's webhook"


@dataclass(frozen=True)
class Seal:
    """The key that makes and knows stamps, or why there is none."""

    key: bytes | None
    problem: str = ""
    """Why there is no key."""

    def sign(self, purpose: str, content: Any) -> str:
        """64 hexadecimal digits over what JSON makes of the content. Raises ValueError where there is no key."""
        if self.key is None:
            raise ValueError(self.problem)
        text = json.dumps([purpose, content], sort_keys=True, separators=(",", ":"))
        return hmac.digest(self.key, text.encode(), "sha256").hex()

    def made(self, stamp: str, purpose: str, content: Any) -> bool:
        """Whether this stamp was made for this content."""
        return self.key is not None and hmac.compare_digest(self.sign(purpose, content).encode(), stamp.encode())


NO_SEAL: Final = Seal(None, "the operator runs without its webhook")


@dataclass(frozen=True)
class Place:
    """Where a ReleaseAction stands: a stamp holds for one name, and for one life of one app."""

    namespace: str
    name: str
    app_uid: str


def stamp_action(seal: Seal, place: Place, spec: ReleaseActionSpec, at: datetime) -> str:
    """The stamp of an action whose requester is set but for the stamp itself."""
    time = at.astimezone(UTC).strftime(_TIME)
    return f"{time}.{seal.sign('ReleaseAction', _content(place, spec, time))}"


def action_problem(seal: Seal, place: Place, spec: ReleaseActionSpec, created: datetime) -> str | None:
    """Why nobody knows who asked for it; None where the stamp tells."""
    if seal.key is None:
        return seal.problem
    time, _, digest = (spec.requester.stamp if spec.requester else "").partition(".")
    if not seal.made(digest, "ReleaseAction", _content(place, spec, time)):
        return NOT_WRITTEN_HERE
    stamped = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
    # The same content under the same name, made again later: an approval that ran out does not come back.
    if abs(created - stamped) > CLOCKS_DIFFER:
        return f"its requester was written at {stamped:%Y-%m-%dT%H:%M:%SZ}, and it was created at {created.isoformat()}"
    return None


def _content(place: Place, spec: ReleaseActionSpec, time: str) -> Any:
    # Without defaults: a field that a later operator adds breaks no stamp that is there.
    content = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    requester = {**content.pop("requester", {}), "stamp": time}
    return [place.namespace, place.name, place.app_uid, content, requester]
