"""The API server is slow, busy, contradicting or away, or the way to it is bad: what was decided holds, and goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from controlplane import ControlPlane
from faulty_api import Faults, late, lost, repeated
from harness import eventually
from scene import GOOD, LEAKY, Scene

LASTS = 8.0
"""Seconds that a fault lasts: longer than the 2.5 s that both rollouts take without one."""


@asynccontextmanager
async def with_faults(scene: Scene, faults: Faults) -> AsyncIterator[None]:
    """Two apps that serve; what happens in the block happens at the beginning of the fault."""
    await scene.serves(GOOD, LEAKY)
    scene.api.faults = faults
    yield
    await asyncio.sleep(LASTS)
    scene.api.faults = Faults()


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(delay=2.0), id="slow"),
        pytest.param(Faults(conflicts=True), id="conflicts"),
        pytest.param(Faults(busy=True), id="busy"),
        pytest.param(Faults(breaks=True), id="answers are lost"),
        pytest.param(Faults(events=lost(0.5)), id="events are lost"),
        pytest.param(Faults(events=lost(1.0)), id="watches are silent"),
        pytest.param(Faults(events=repeated), id="events are repeated"),
        pytest.param(Faults(events=late), id="events are late and overtake each other"),
    ],
)
async def test_a_fault_on_the_way(scene: Scene, faults: Faults) -> None:
    async with with_faults(scene, faults):
        scene.change(GOOD, LEAKY)
    await scene.comes_right()


async def test_watches_break_over_and_over(scene: Scene) -> None:
    await scene.serves(GOOD, LEAKY)
    scene.change(GOOD, LEAKY)
    for _ in range(int(LASTS / 0.5)):
        scene.api.cut()
        await asyncio.sleep(0.5)
    await scene.comes_right()


@pytest.mark.parametrize("program", ["kube-apiserver", "etcd"])
async def test_a_part_of_the_control_plane_is_away(scene: Scene, controlplane: ControlPlane, program: str) -> None:
    # given two rollouts under way
    await scene.serves(GOOD, LEAKY)
    scene.change(GOOD, LEAKY)
    # when a part of the control plane dies, and is away for some time
    controlplane.kill(program)
    await asyncio.sleep(LASTS)
    controlplane.start_again(program)
    await asyncio.to_thread(controlplane.await_ready)
    # then all goes on, once the cluster's own controllers do
    await eventually(
        "the candidates' pods are made", lambda: has_pods(scene, GOOD) and has_pods(scene, LEAKY), within=60
    )
    await scene.comes_right()


def has_pods(scene: Scene, app: str) -> bool:
    """Whether a release other than the first has pods, or had some and is finished."""
    releases = {pod.release for pod in scene.dataplane.pods.values() if pod.release.startswith(f"{app}-")}
    return bool(releases - {scene.firsts[app]}) or len(scene.objects.status(app)["history"]) > 1
