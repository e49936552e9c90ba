"""The operator is killed after each of its writes: whoever starts anew ends where an undisturbed one does.

One run per write. In each the operator is killed twice: after so many writes of the rollout that is promoted, and
after so many of the one that is taken back; once before it gets the answer, once as soon as it has got it.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from controlplane import ControlPlane
from harness import eventually
from kubernetes import client
from scene import GOOD, LEAKY, Scene, a_scene

SIDE_BY_SIDE = 2
"""Runs at a time, in each of the tests."""
SHARES = 4
"""Tests that the runs are shared out to."""


@dataclass
class Outcome:
    """What a rollout left behind, and what it took."""

    state: dict[str, Any]
    made: Counter[tuple[str, str]]
    """How often each object was made, but for Events."""
    deleted: Counter[tuple[str, str]]
    events: Counter[str]
    """How often each reason was told."""


@dataclass
class Kills:
    """After which write of each app's rollout the operator is killed, and whether it gets the answer."""

    number: int
    answered: dict[str, bool]

    def __post_init__(self) -> None:
        self.writes = dict.fromkeys(self.answered, 0)
        self.due = set(self.answered)

    def over(self, scene: Scene) -> None:
        """Let them happen on this scene."""

        def after_write(path: str, answered: bool) -> None:
            app = next((app for app in self.answered if f"/{app}" in path), None)
            if app is None:
                return
            self.writes[app] += not answered
            if app in self.due and self.writes[app] == self.number and self.answered[app] == answered:
                self.due.remove(app)
                scene.operator.dies()

        scene.api.after_write = after_write


@pytest.mark.parametrize("share", range(SHARES))
async def test_killed_after_every_single_write(
    controlplane: ControlPlane, admin: client.ApiClient, tmp_path: Path, share: int
) -> None:
    async def run(
        number: int, *, answered: str, expected: dict[str, Outcome] | None = None
    ) -> tuple[dict[str, Outcome], int]:
        async with a_scene(controlplane, admin, tmp_path) as scene:
            # given two apps that serve
            await scene.serves(GOOD, LEAKY)
            # when both are changed, and the operator is killed in the middle of it
            kills = Kills(number, {app: app == answered for app in (GOOD, LEAKY)})
            kills.over(scene)
            scene.change(GOOD, LEAKY)
            await eventually("it is killed, or done", lambda: not kills.due or scene.done(), within=60)
            # then the one change is promoted and the other is taken back, with no wrong weight on the way
            await scene.comes_right()
            # and nothing is left out, nor made or deleted twice
            if expected:
                with suppress(AssertionError):  # the comparison tells better what differs
                    await eventually("all is as it should be", lambda: outcomes(controlplane, scene) == expected)
            await scene.settles()
            return outcomes(controlplane, scene), max(kills.writes.values())

    undisturbed, writes = await run(0, answered="")
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def killed(number: int) -> None:
        async with turns:
            ended, _ = await run(number, answered=(GOOD, LEAKY)[number % 2], expected=undisturbed)
        for app, expected in undisturbed.items():
            assert ended[app].state == expected.state
            assert ended[app].made == expected.made
            assert ended[app].deleted == expected.deleted
            assert ended[app].events == expected.events

    numbers = range(1 + share, writes + 1, SHARES)
    failures = await asyncio.gather(*map(killed, numbers), return_exceptions=True)
    assert {number: failure for number, failure in zip(numbers, failures, strict=True) if failure} == {}


def outcomes(controlplane: ControlPlane, scene: Scene) -> dict[str, Outcome]:
    """Of each app."""
    return {app: outcome(controlplane, scene, app) for app in (GOOD, LEAKY)}


def outcome(controlplane: ControlPlane, scene: Scene, app: str) -> Outcome:
    """What the app's rollout left behind, and what it took."""
    status, namespace = scene.objects.status(app), scene.objects.namespace
    audited = controlplane.writes(user=scene.operator.user, namespace=namespace)
    made: Counter[tuple[str, str]] = Counter()
    deleted: Counter[tuple[str, str]] = Counter()
    for write in audited:
        if not write.name.startswith(app):
            continue
        if write.code == 201 and write.resource != "events":
            made[write.resource, write.name] += 1
        if write.verb == "delete" and write.code < 300:
            deleted[write.resource, write.name] += 1
    config = scene.objects.core.read_namespaced_config_map(f"{app}-gateway", namespace).data
    state = {
        "objects": {
            name for name in scene.objects.names() if name.partition("/")[2].startswith(app) and "Pod/" not in name
        },
        "phase": status["phase"],
        "stable": status["stableRelease"],
        "history": [(entry["release"], entry["result"], entry["reason"]) for entry in status["history"]],
        "routes": {name: text.replace(namespace, "") for name, text in config.items()},
        "replicas": {
            name: item.spec.replicas for name, item in scene.objects.deployments().items() if name.startswith(app)
        },
        "roles": {
            item["metadata"]["name"]: item["status"]
            for item in scene.objects.all("Release")
            if item["metadata"]["name"].startswith(app)
        },
    }
    # A pause that was over before the operator was back is not told.
    reasons = Counter(told.partition(":")[0] for told in scene.told(app))
    reasons.pop("RolloutPaused", None)
    return Outcome(state, made, deleted, reasons)
