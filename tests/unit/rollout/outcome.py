"""Where a story stands, in the words in which it says what it expects."""

from typing import Any, TypedDict

from genaiops.api.base import Condition
from genaiops.api.release import ReleaseSpec
from genaiops.rollout.snapshot import Notice
from rollout.world import World


class Expected(TypedDict, total=False):
    """What a story can say of where it stands."""

    phase: str
    reason: str
    """Of condition Ready."""
    says: str | tuple[str, ...]
    """Texts in the message of condition Ready."""
    conditions: dict[str, str]
    """Status by type, for those that are named."""
    stable: str | None
    candidate: str | None
    aborted: str | None
    retiring: list[str]
    weight: int
    """What the gateway is told to give the candidate."""
    step: int
    pods: dict[str, int]
    """What is asked for, by release."""
    history: list[tuple[str, str]]
    """Release and result, oldest first."""
    releases: list[str]
    testers: int
    """Matches of requests that go to the candidate whatever its weight."""
    shadow: int
    """Percent of requests that are copied to the candidate."""
    variants: dict[str, tuple[str, int]]
    """Phase and weight of the variants of experiments, by their names."""
    watched: str | None
    """The release to which a breach goes back."""
    decisions: list[tuple[str, str]]
    """Action and what became of it, oldest first."""
    event: tuple[str, str]
    """Reason of an event since the story's last `when`, and a text in its message."""


def difference_in(outcome: "Outcome", what: str, expected: Any) -> str | None:
    """How the outcome differs from what is expected of it; None where it does not."""
    if what == "says":
        texts = (expected,) if isinstance(expected, str) else expected
        missing = [text for text in texts if text not in outcome.message]
        return f"{missing} not in the message {outcome.message!r}" if missing else None
    if what == "event":
        reason, text = expected
        found = any(event.reason == reason and text in event.message for event in outcome.events)
        return None if found else f"no event {expected}: {outcome.events}"
    actual = getattr(outcome, what)
    if what == "conditions":
        actual = {kind: status for kind, status in actual.items() if kind in expected}
    return None if actual == expected else f"{what}: expected {expected!r}, is {actual!r}"


def version_of(release: ReleaseSpec) -> str:
    """What a story calls a release."""
    return release.source.prompt_version


class Outcome:
    """Where a story stands; its properties are the fields of `Expected`."""

    def __init__(self, world: World, notices_before: int) -> None:
        self._world = world
        self._status = world.status
        self.events: list[Notice] = world.notices[notices_before:]

    @property
    def phase(self) -> str:
        return str(self._status.phase)

    @property
    def reason(self) -> str:
        return self._ready.reason

    @property
    def message(self) -> str:
        """Of condition Ready."""
        return self._ready.message

    @property
    def conditions(self) -> dict[str, str]:
        return {condition.type: condition.status for condition in self._status.conditions}

    @property
    def stable(self) -> str | None:
        return self._called(self._status.stable_release)

    @property
    def candidate(self) -> str | None:
        return self._called(self._status.candidate_release)

    @property
    def aborted(self) -> str | None:
        return self._called(self._status.aborted_release)

    @property
    def retiring(self) -> list[str | None]:
        return [self._called(release) for release in self._status.retiring]

    @property
    def variants(self) -> dict[str, tuple[str, int]]:
        rollout, told = self._status.rollout, self._world.gateway.told.variants
        return {one.name: (one.phase.value, told.get(one.release, 0)) for one in rollout.variants} if rollout else {}

    @property
    def weight(self) -> int:
        return self._world.gateway.told.weight

    @property
    def step(self) -> int | None:
        return self._status.rollout.step if self._status.rollout else None

    @property
    def pods(self) -> dict[str | None, int]:
        return {self._called(release): replicas for release, replicas in self._world.deployments.items()}

    @property
    def history(self) -> list[tuple[str | None, str]]:
        return [(self._called(entry.release), str(entry.result)) for entry in self._status.history]

    @property
    def testers(self) -> int:
        return len(self._world.gateway.told.testers)

    @property
    def shadow(self) -> int:
        return self._world.gateway.told.shadow

    @property
    def watched(self) -> str | None:
        return self._called(self._status.watch.previous) if self._status.watch else None

    @property
    def decisions(self) -> list[tuple[str, str]]:
        return [(str(decision.action), str(decision.phase)) for decision in self._status.decisions]

    @property
    def releases(self) -> list[str | None]:
        return [self._called(release) for release in self._world.releases]

    @property
    def _ready(self) -> Condition:
        return next(condition for condition in self._status.conditions if condition.type == "Ready")

    def _called(self, release: str | None) -> str | None:
        known = self._world.releases.get(release or "")
        return version_of(known) if known else release
