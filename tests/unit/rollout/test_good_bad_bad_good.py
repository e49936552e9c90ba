"""v1 serves; v2 is bad, v3 is bad, v4 is good. The next change arrives in every phase of the rollout of the one before.

However that is, v4 serves in the end and nothing is left of the others. What was taken back after a breach gets no
request from the plan that recorded it on, whatever comes next.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import pytest

from genaiops.rollout.snapshot import Plan
from rollout.scenario import Story, app, pause
from rollout.world import Requests

GOOD = Requests(1000)
BAD = Requests(100, errors=60)
STEPS = (25, pause("1m"), {"approval": {}}, 75)


@cache
def serving() -> Story:
    """v1 serves. What comes next is approved before its first pod, and once more at 25 percent, and watched."""
    story = app(replicas=4).with_steps(*STEPS).with_analysis("error-rate", maxDuration="20m").serving("v1")
    return story.with_rollout(approval={"required": True}, watchAfterPromotion="10m")


# --- the phases: each brings the candidate of the story there -----------------------------------------------


def awaits_approval(story: Story, version: str) -> None:
    """It has no pod yet."""
    story.when_prompt(version).then(candidate=version, phase="Paused")


def before_pods(story: Story, version: str) -> None:
    awaits_approval(story, version)
    story.when_person("Approve", version, by="ann").then(weight=0)


def pods_ready(story: Story, version: str) -> None:
    """The gateway does not know of them."""
    before_pods(story, version)
    story.when_pods_ready(version).then(weight=0)


def weight_set(story: Story, version: str) -> None:
    """The gateway was told, and does not have it in effect."""
    pods_ready(story, version)
    for _ in range(3):
        # Once more for what the candidate before it leaves behind.
        if story.outcome.weight != 25:
            story.when_gateway_reports()
    story.then(weight=25)
    assert not story.world.gateway.weights.get(story.name(version))


def at_weight(story: Story, version: str) -> None:
    """Users get its bad answers, which nobody has looked at."""
    weight_set(story, version)
    story.when_gateway_reports()
    story.world.answer(story.name(version), BAD)
    story.world.answer(str(story.world.status.stable_release), GOOD)


def paused(story: Story, version: str) -> None:
    """Its answers are as good as they should be so far."""
    weight_set(story, version)
    story.when_gateway_reports().when_traffic(candidate=GOOD, stable=GOOD).then(phase="Paused", weight=25, step=1)


def awaits_approval_at_weight(story: Story, version: str) -> None:
    paused(story, version)
    story.when_time_passes("1m").then(phase="Paused", weight=25, step=2)


def waits_for_more_pods(story: Story, version: str) -> None:
    awaits_approval_at_weight(story, version)
    story.when_person("Approve", version, by="ann").then(weight=25, step=3, phase="Progressing")


def aborted(story: Story, version: str) -> None:
    """A breach is on record, and the gateway still sends it requests."""
    at_weight(story, version)
    story.when_time_passes("10s").then(aborted=version, candidate=None, weight=0)
    assert story.world.gateway.weights.get(story.name(version))


def draining(story: Story, version: str) -> None:
    """The gateway sends it nothing, its pods answer what they were asked before."""
    aborted(story, version)
    assert version in story.when_gateway_reports().outcome.retiring


def gone(story: Story, version: str) -> None:
    draining(story, version)
    story.when_all_settles().then(retiring=[], aborted=version)


def retried(story: Story, version: str) -> None:
    """A person did not believe it."""
    aborted(story, version)
    story.when_person("Retry", version).then(candidate=version)


def watched(story: Story, version: str) -> None:
    """It was promoted: it turns bad only now."""
    waits_for_more_pods(story, version)
    until_promoted(story, version)
    story.world.answer(story.name(version), BAD)


def went_back(story: Story, version: str) -> None:
    """A breach after its promotion is on record."""
    watched(story, version)
    story.when_time_passes("10s").then(aborted=version, candidate=None)


def until_promoted(story: Story, version: str) -> None:
    """Its answers are good, and people approve."""
    for _ in range(12):
        if story.outcome.stable == version:
            return
        story.when_all_settles()
        rollout = story.world.status.rollout
        if rollout and rollout.gate:
            story.when_person("Approve", version, by="ann")
        elif rollout and rollout.analysis:
            story.when_traffic(candidate=GOOD, stable=GOOD)
        else:
            story.when_time_passes("1m")
    story.then(stable=version)


PHASES: list[Callable[[Story, str], None]] = [
    awaits_approval,
    before_pods,
    pods_ready,
    weight_set,
    at_weight,
    paused,
    awaits_approval_at_weight,
    waits_for_more_pods,
    aborted,
    draining,
    gone,
    retried,
    watched,
    went_back,
]


def followed(story: Story) -> list[Plan]:
    """Every plan that is carried out from now on."""
    plans: list[Plan] = []
    carry_out = story.world.carry_out

    def carried_out(todo: Plan) -> None:
        plans.append(todo)
        carry_out(todo)

    story.world.carry_out = carried_out  # type: ignore[method-assign]
    return plans


def given_weight_after_a_breach(plans: list[Plan]) -> list[str]:
    """Releases that got requests although their breach is the last that is on record of them."""
    found = []
    for todo in plans:
        last = {entry.release: entry.reason for entry in todo.status.history}
        breached = {name for name, reason in last.items() if reason in ("AnalysisFailed", "BreachAfterPromotion")}
        rollout = todo.status.rollout
        if rollout:
            # A person may have it tried again, judged from nothing.
            breached.discard(rollout.release)
        if todo.routes.stable in breached:
            found.append(str(todo.routes.stable))
        if todo.routes.candidate in breached and (todo.routes.weight or todo.routes.shadow or todo.routes.testers):
            found.append(str(todo.routes.candidate))
    return found


@pytest.mark.parametrize("further", [0, 1, 5])
@pytest.mark.parametrize("third_arrives", PHASES)
def test_the_good_one_serves_in_the_end(third_arrives: Callable[[Story, str], None], further: int) -> None:
    # Each phase with itself, the next one, and one far away: all 196 pairs take seconds and have shown nothing more.
    fourth_arrives = PHASES[(PHASES.index(third_arrives) + further) % len(PHASES)]
    # given v2, as far as it gets before v3 is asked for, and v3, as far as it gets before v4 is
    story = deepcopy(serving())
    plans = followed(story)
    third_arrives(story, "v2")
    fourth_arrives(story, "v3")
    # when v4 comes, which is good
    story.when_prompt("v4").then(candidate="v4", weight=0, aborted=None)
    until_promoted(story, "v4")
    story.when_time_passes("11m").when_all_settles()
    # then it serves, alone
    story.then(stable="v4", candidate=None, aborted=None, weight=0, retiring=[], watched=None, phase="Healthy")
    story.then(pods={"v4": 4}).then_nothing_changes()
    assert list(story.world.pods) == [story.name("v4")]
    assert story.outcome.history[0] == ("v1", "Promoted")
    assert story.outcome.history[-1] == ("v4", "Promoted")
    # and what had breached got nothing more
    assert not given_weight_after_a_breach(plans)
