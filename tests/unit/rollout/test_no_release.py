"""Rule 9: what changes nothing of what runs is no release."""

from collections.abc import Callable

import pytest

from rollout.scenario import Story, app, pause

NO_RELEASES: dict[str, Callable[[Story], object]] = {
    "replicas": lambda story: story.when_replicas(5),
    "steps": lambda story: story.with_steps(10, pause()).when_reconciled(),
    "analysis": lambda story: story.with_analysis("error-rate", interval="30s").when_reconciled(),
    "approval": lambda story: story.with_rollout(approval={"required": True}).when_reconciled(),
    "deadline": lambda story: story.with_rollout(progressDeadline="3m").when_reconciled(),
    "watch": lambda story: story.with_rollout(watchAfterPromotion="1h").when_reconciled(),
    "history limit": lambda story: story.with_history_limit(3).when_reconciled(),
    "a generation for nothing": lambda story: bumped(story).when_reconciled(),
    "who is believed to have changed it": lambda story: changed_by_joe(story).when_reconciled(),
}
"""Labels and annotations are no part of what is planned on at all; tests/cluster/test_no_release.py changes them."""


def bumped(story: Story) -> Story:
    """A field was set to what it was."""
    story.world.generation += 1
    return story


def changed_by_joe(story: Story) -> Story:
    """An object that the app refers to was written, with the same content."""
    story.world.changed_by = {"joe": story.world.now}
    return story


@pytest.mark.parametrize("changed", NO_RELEASES)
def test_at_rest_nothing_begins(changed: str) -> None:
    story = app(replicas=2).serving("v1")
    NO_RELEASES[changed](story)
    story.when_all_settles().then(stable="v1", candidate=None, releases=["v1"], history=[("v1", "Promoted")])
    story.then(phase="Healthy").then_nothing_changes()


@pytest.mark.parametrize("changed", [name for name in NO_RELEASES if name != "steps"])
def test_in_a_rollout_it_goes_on_from_its_step(changed: str) -> None:
    story = app(replicas=2).with_steps(50, pause()).serving("v1").canary("v2").then(weight=50, step=1)
    before = story.world.status.rollout
    NO_RELEASES[changed](story)
    story.when_all_settles().then(candidate="v2", weight=50, step=1, phase="Paused", releases=["v1", "v2"])
    after = story.world.status.rollout
    assert before
    assert after
    assert (after.started_at, after.step_started_at) == (before.started_at, before.step_started_at)
