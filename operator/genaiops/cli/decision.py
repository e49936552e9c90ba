"""A person's decision on an app, put together from where the app stands. Pure: nothing is sent here.

It is bound to what the person sees: to the whole hash of one release and, where it goes past a step, to that step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from genaiops.api import API_VERSION
from genaiops.api.action import Action, ReleaseActionSpec
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.cli.cluster import Raw
from genaiops.cli.failure import Failure, Refused
from genaiops.rollout.decisions import objection, served_before

_SHORTEST_HASH = 4
"""Digits of a hash that are not taken for a prompt's version."""


@dataclass(frozen=True)
class Standing:
    """Where an app stands, and its releases by name."""

    app: str
    status: LLMAppStatus
    releases: Mapping[str, Raw]

    @classmethod
    def of(cls, app: Raw, releases: list[Raw]) -> "Standing":
        """Raises Failure where another version of the operator wrote what this one can't read."""
        name = app["metadata"]["name"]
        try:
            # The operator may be newer than this program and write fields that it does not know.
            status = LLMAppStatus.model_validate(app.get("status") or {}, extra="ignore")
        except ValidationError as error:
            why = _in_words(error, "status")
            raise Failure(f"another version of genaiops wrote the status of {name}; use that one ({why})") from error
        mine = {item["metadata"]["name"]: item for item in releases if item["spec"]["app"] == name}
        return cls(name, status, mine)

    def find(self, text: str) -> str:
        """The release that is meant by its name, the beginning of its hash, or its prompt's version.

        Raises Failure where that is none of the app's releases, or more than one.
        """
        if text in self.releases:
            return text
        found = [name for name, release in self.releases.items() if _is_meant(release, text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Failure(f"{text!r} is more than one release of {self.app}: {', '.join(sorted(found))}; name one")
        known = ", ".join(map(self.called, self.releases)) or "none"
        raise Failure(f"{self.app} has no release {text!r}; its releases: {known}")

    def called(self, name: str | None) -> str:
        """A release with its prompt's version."""
        source = self.releases.get(name or "", {}).get("spec", {}).get("source") or {}
        return f"{name} (prompt {source['promptVersion']})" if source.get("promptVersion") else str(name)

    def about(self, action: Action) -> str:
        """The release that such a decision is about, unless another one is named. Raises Refused: there is none."""
        status = self.status
        candidate = status.rollout.release if status.rollout else None
        meant = {
            Action.ABORT: candidate or (status.watch.release if status.watch else None),
            Action.RETRY: status.aborted_release,
            Action.UNDO: status.stable_release,
            Action.RESTART: status.stable_release,
        }.get(action, candidate)
        # Where there is no such release the objection, which needs one, says why.
        about = meant or candidate or status.aborted_release or status.stable_release
        if about is None:
            phase = status.phase or "Pending"
            raise Refused(f"{action} makes no sense now: {self.app} has no release yet ({self.app} is {phase})")
        return about

    def before(self) -> str | None:
        """The release that Undo goes back to where none is named."""
        return next((name for name in served_before(self.status) if name in self.releases), None)

    def hash_of(self, name: str) -> str:
        """A release's whole hash."""
        if name not in self.releases:
            raise Failure(f"there is no Release {name!r}, so nobody can decide on it; try again in a moment")
        return str(self.releases[name]["spec"]["hash"])


def _is_meant(release: Raw, text: str) -> bool:
    spec = release["spec"]
    by_hash = len(text) >= _SHORTEST_HASH and str(spec["hash"]).startswith(text)
    return by_hash or text == spec["source"]["promptVersion"]


def _in_words(error: ValidationError, prefix: str) -> str:
    # Here and not above: it brings templates and detectors along, half the time of a command.
    from genaiops.release.lookup import parse_errors

    return parse_errors(error, prefix)


def decide(
    standing: Standing,
    action: Action,
    release: str | None = None,
    *,
    to: str | None = None,
    full: bool = False,
    reason: str = "",
    ttl: timedelta | None = None,
    username: str = "",
) -> ReleaseActionSpec:
    """The decision, on `release` or the one that it is about; `username` is who approves.

    Raises Failure for a field that the API refuses, and Refused, in the webhook's words, for what makes no sense now.
    """
    rollout = standing.status.rollout
    steps_on = action is Action.APPROVE or (action is Action.PROMOTE and not full)
    fields = {
        "app": standing.app,
        "action": action,
        "release": standing.hash_of(release or standing.about(action)),
        "full": full,
        "to": standing.hash_of(to) if to else None,
        "step": rollout.step if rollout and steps_on else None,
        "reason": reason,
        "ttl": ttl,
    }
    try:
        spec = ReleaseActionSpec.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise Failure(_in_words(error, "spec")) from error
    names = {item["spec"]["hash"]: name for name, item in standing.releases.items()}
    if why := objection(spec, username, standing.status, names):
        raise Refused(why)
    return spec


def manifest(spec: ReleaseActionSpec) -> Raw:
    """The ReleaseAction to create; the API server gives it its name."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ReleaseAction",
        "metadata": {"generateName": f"{spec.app}-{spec.action.lower()}-"},
        "spec": spec.to_manifest(),
    }
