"""What pods tell of themselves can't be had, or is not true: nothing is decided on it, and nothing that was seen is
lost."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from harness import eventually
from scene import GOOD, LEAKY, Scene
from simulation import Counted, Pod, honest_metrics
from stories import ANALYSIS, STEPS

LASTS = 8.0
"""Seconds: longer than the 2.5 s that both rollouts take without a fault."""
PATIENT = {"steps": STEPS, "analysis": {**ANALYSIS, "maxConsecutiveErrors": 100}}


async def down(_: Pod) -> bytes:
    """Nobody is there."""
    raise web.HTTPServiceUnavailable


async def hanging(_: Pod) -> bytes:
    """Accepts the connection, and never answers."""
    await asyncio.Event().wait()
    raise AssertionError


def all_values(value: bytes) -> Callable[[Pod], Awaitable[bytes]]:
    """Says the same of everything."""

    async def lying(pod: Pod) -> bytes:
        return re.sub(rb" [0-9.e+-]+$", b" " + value, await honest_metrics(pod), flags=re.MULTILINE)

    return lying


@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param(down, id="down"),
        pytest.param(hanging, id="hanging"),
        pytest.param(all_values(b"NaN"), id="NaN"),
        pytest.param(all_values(b"-1"), id="negative"),
    ],
)
async def test_no_candidate_goes_on_while_nobody_knows_how_it_does(
    scene: Scene, metrics: Callable[[Pod], Awaitable[bytes]]
) -> None:
    # given two apps whose policy has patience with the measurement
    await scene.serves(GOOD, LEAKY, rollout=PATIENT)
    # when both change while there are no numbers that can be true
    scene.dataplane.metrics = metrics
    scene.change(GOOD, LEAKY)
    await eventually("both have the first weight", lambda: weights(scene) == [25, 25])
    await asyncio.sleep(LASTS)
    # then neither gets more
    assert weights(scene) == [25, 25]
    # and once there are, the one is promoted and the other taken back
    scene.dataplane.metrics = honest_metrics
    await scene.comes_right()


async def test_a_candidate_that_stays_unknown_is_taken_back(scene: Scene) -> None:
    # given an app with the default patience, whose pods don't tell how they do
    await scene.serves(GOOD)
    scene.dataplane.metrics = down
    # when it changes
    scene.change(GOOD)
    # then the change is taken back
    await eventually("it is taken back", lambda: scene.taken_back(GOOD))
    assert scene.objects.status(GOOD)["history"][-1]["reason"] == "AnalysisError"


async def test_counters_that_begin_anew_hide_no_breach(scene: Scene) -> None:
    # given pods whose counters begin anew after every third reading, as those of a container that crashes do
    readings: Counter[str] = Counter()

    async def forgetful(pod: Pod) -> bytes:
        text = await honest_metrics(pod)
        readings[pod.uid] += 1
        if readings[pod.uid] % 3 == 0:
            pod.counted = Counted()
        return text

    await scene.serves(GOOD, LEAKY)
    scene.dataplane.metrics = forgetful
    # when both apps change
    scene.change(GOOD, LEAKY)
    # then each ends as it should
    await scene.comes_right()


def weights(scene: Scene) -> list[int | None]:
    """Percent of requests for each candidate."""
    return [(scene.objects.status(app).get("rollout") or {}).get("weight") for app in (GOOD, LEAKY)]
