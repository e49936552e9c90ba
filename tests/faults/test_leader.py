"""The operator that leads is gone, or hangs, in the middle of two rollouts: another one finishes them.

What happens to clocks and steps when leaders change is told in tests/cluster/test_takeover.py.
"""

from datetime import UTC, datetime

from controlplane import ControlPlane
from harness import eventually
from scene import GOOD, LEAKY, Scene


async def in_the_middle(scene: Scene) -> None:
    """Two operators, of which the first leads; two candidates, each with some of the traffic."""
    await scene.serves(GOOD, LEAKY)
    scene.second.start()
    await eventually("the second is ready", lambda: scene.second.ready() == "ok")
    scene.change(GOOD, LEAKY)
    for app in (GOOD, LEAKY):
        await eventually(
            "it has traffic", lambda app=app: (scene.objects.status(app).get("rollout") or {}).get("weight")
        )


async def test_the_leader_is_killed(scene: Scene) -> None:
    await in_the_middle(scene)
    # when the leader is killed, and never comes back
    scene.operator.kill()
    # then the other one takes over, and nothing of what was decided is lost
    await scene.second.leads(within=15)
    await scene.comes_right()


async def test_the_leader_hangs_and_comes_back(scene: Scene, controlplane: ControlPlane) -> None:
    await in_the_middle(scene)
    # when the leader hangs for longer than its lease
    scene.operator.freeze()
    # then the other one takes over
    await scene.second.leads(within=15)
    await scene.comes_right()
    # and when the first goes on, it ends without a word to the cluster
    thawed = datetime.now(UTC)
    scene.operator.thaw()
    assert await scene.operator.ends() == 1
    assert controlplane.writes(since=thawed, user=scene.operator.user) == []
