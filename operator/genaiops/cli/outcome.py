"""How what a script waits for has ended."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from genaiops.cli.cluster import Raw

Goal = Literal["promoted", "aborted", "healthy", "paused", "approval"]
GOALS: Final[tuple[str, ...]] = get_args(Goal)
_PROMOTED: Final = ("Promoted", "FastPromoted", "FastRolledBack")


@dataclass(frozen=True)
class Outcome:
    """`reached`, or the other one: what was waited for can't come any more."""

    reached: bool
    message: str


@dataclass
class Waiting:
    """Looks at one app until what it waits for has happened or can't any more.

    It follows the rollout that it sees first: another one that supersedes it is not what was waited for. It decides
    nothing before the operator has seen the present spec.
    """

    goal: Goal
    _followed: tuple[str, str] | None = field(default=None, init=False)
    """Release and start of the rollout."""

    def judge(self, app: Raw | None) -> Outcome | None:
        """The outcome as far as this state of the app tells it; None is for an app that was deleted."""
        if app is None:
            return Outcome(False, "the app was deleted")
        status = app.get("status") or {}
        if status.get("observedGeneration") != app["metadata"].get("generation"):
            return None
        if self.goal == "healthy":
            return self._health(status)
        rollout = status.get("rollout")
        if self._followed is None and rollout:
            self._followed = rollout["release"], rollout["startedAt"]
        if rollout and self._waits(status, rollout):
            return Outcome(True, f"Paused: {rollout['release']}: {rollout.get('paused') or rollout.get('waiting')}")
        result, message = self._followed_end(status) if self._followed else _present_end(status)
        if result is None:
            return None
        ended = "promoted" if result in _PROMOTED else "aborted" if result == "Aborted" else result
        return Outcome(ended == self.goal, f"{result}: {message}")

    def _waits(self, status: Raw, rollout: Raw) -> bool:
        """Whether the rollout has come to where it is to be waited for: nothing of that is its end."""
        if self._followed != (rollout["release"], rollout["startedAt"]):
            return False
        reached = {"paused": status.get("phase") == "Paused", "approval": bool(rollout.get("gate"))}
        return reached.get(self.goal, False)

    def _health(self, status: Raw) -> Outcome | None:
        if status.get("phase") == "Healthy":
            return Outcome(True, f"Healthy: {status.get('stableRelease')} serves")
        result, message = _present_end(status)
        return Outcome(False, f"{result}: {message}") if result else None

    def _followed_end(self, status: Raw) -> tuple[str | None, str]:
        for entry in status.get("history") or ():
            if (entry["release"], entry.get("startedAt")) == self._followed:
                return entry["result"], f"{entry['release']}: {entry.get('message', '')}"
        return None, ""


def _present_end(status: Raw) -> tuple[str | None, str]:
    """How the last rollout ended, where none was seen under way."""
    ready: Raw = next((item for item in status.get("conditions") or () if item["type"] == "Ready"), {})
    aborted = status.get("abortedRelease")
    # Where the spec can't be resolved, what was aborted last is not what it asks for.
    if aborted and ready.get("reason") == "RolloutAborted":
        return "Aborted", str(ready.get("message", ""))
    if status.get("phase") == "Healthy":
        return "Promoted", f"{status.get('stableRelease')} serves what the spec asks for"
    return None, ""
