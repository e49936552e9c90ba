"""What a stamp holds for: one content under one name, of one app, made at one time, by one key."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genaiops.api.action import Action, ReleaseActionSpec, Requester
from genaiops.controller.webhook.stamp import NO_SEAL, NOT_WRITTEN_HERE, Place, Seal, action_problem, stamp_action

from .reviews import OTHER_SEAL, SEAL

NOW = datetime(2026, 11, 23, 12, 0, 0, 900, tzinfo=UTC)
PLACE = Place("team", "approve-1", "uid-of-the-app")


def an_approval(**fields: Any) -> ReleaseActionSpec:
    """Jane's approval, not stamped."""
    requester = Requester(username="jane", groups=["people"], stamp="")
    asked = {"app": "support", "action": Action.APPROVE, "release": "a" * 64, "requester": requester}
    return ReleaseActionSpec(**{**asked, **fields})


def by(spec: ReleaseActionSpec, **fields: Any) -> ReleaseActionSpec:
    """The same with something else in its requester."""
    assert spec.requester is not None
    return spec.model_copy(update={"requester": spec.requester.model_copy(update=fields)})


STAMPED = by(an_approval(), stamp=stamp_action(SEAL, PLACE, an_approval(), NOW))


def problem(spec: ReleaseActionSpec, place: Place = PLACE, seal: Seal = SEAL, at: datetime = NOW) -> str | None:
    return action_problem(seal, place, spec, at)


def test_a_stamped_action_is_known_again() -> None:
    assert problem(STAMPED) is None


def test_the_api_servers_clock_may_differ_a_little() -> None:
    for apart in (timedelta(minutes=-2), timedelta(minutes=2)):
        assert problem(STAMPED, at=NOW + apart) is None


@pytest.mark.parametrize(
    "other",
    [
        lambda: problem(STAMPED, replace(PLACE, name="approve-2")),
        lambda: problem(STAMPED, replace(PLACE, namespace="other")),
        lambda: problem(STAMPED, replace(PLACE, app_uid="another life of it")),
        lambda: problem(STAMPED, seal=OTHER_SEAL),
        lambda: problem(STAMPED.model_copy(update={"action": Action.REJECT})),
        lambda: problem(STAMPED.model_copy(update={"release": "b" * 64})),
        lambda: problem(STAMPED.model_copy(update={"reason": "because"})),
        lambda: problem(STAMPED.model_copy(update={"ttl": timedelta(hours=2)})),
        lambda: problem(by(STAMPED, username="bob")),
        lambda: problem(by(STAMPED, groups=["people", "system:masters"])),
        lambda: problem(by(STAMPED, stamp="")),
        lambda: problem(by(STAMPED, stamp="20261123T120000Z.é")),
        lambda: problem(by(STAMPED, stamp="nonsense")),
        lambda: problem(an_approval(requester=None)),
    ],
    ids=[
        "name", "namespace", "app", "key", "action", "release", "reason", "ttl",
        "username", "groups", "no stamp", "no ASCII", "no time", "no requester",
    ],
)  # fmt: skip
def test_of_anything_else_it_says_nothing(other: Callable[[], str | None]) -> None:
    assert other() == NOT_WRITTEN_HERE


def test_an_approval_does_not_come_back_later() -> None:
    # given the same action under the same name, made again after it ran out
    said = problem(STAMPED, at=NOW + timedelta(hours=1))
    assert said is not None
    assert "2026-11-23T12:00:00Z" in said


def test_its_time_can_not_be_moved() -> None:
    assert STAMPED.requester is not None
    moved = by(STAMPED, stamp=STAMPED.requester.stamp.replace("T120000Z", "T130000Z"))
    assert problem(moved, at=NOW + timedelta(hours=1)) == NOT_WRITTEN_HERE


def test_without_a_key_it_is_told_why_nobody_is_known() -> None:
    assert problem(STAMPED, seal=NO_SEAL) == "the operator runs without its webhook"
    with pytest.raises(ValueError, match="without its webhook"):
        stamp_action(NO_SEAL, PLACE, an_approval(), NOW)
