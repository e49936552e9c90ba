"""The scene of every story: one namespace with an operator whose API server has faults, with pods and users.

Two apps in it change at the same time: the change of `good` is fine, that of `leaky` violates a guardrail. Whatever
the fault, the one has to be promoted and the other taken back.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlplane import ControlPlane
from evidence import assert_right_weights
from faulty_api import FaultyApi
from harness import Objects, eventually
from kubernetes import client
from pod import OperatorInItsPod
from simulation import DataPlane
from stories import CANARY, a_model_and_a_prompt, an_app, healthy
from tasks import beside

GOOD, LEAKY = "good", "leaky"
RECOVERY = 30.0
"""Seconds within which everything is as it should be once the fault is over."""


@dataclass
class Scene:
    """What is on the stage."""

    objects: Objects
    dataplane: DataPlane
    operator: OperatorInItsPod
    api: FaultyApi
    second: OperatorInItsPod
    """Another one, that a story may start: it waits for the same lease."""
    second_api: FaultyApi
    firsts: dict[str, str] = field(default_factory=dict)
    """The release that each app served at first."""

    @property
    def written(self) -> list[Any]:
        """What the API server answered to the operators' writes."""
        return self.api.written + self.second_api.written

    async def serves(self, *apps: str, **spec: Any) -> None:
        """The apps exist, each with a first release that serves, and users ask them from now on."""
        a_model_and_a_prompt(self.objects)
        for app in apps:
            an_app(self.objects, app, **{"rollout": CANARY, **spec})
        for app in apps:
            self.firsts[app] = await healthy(self.objects, app)

    def change(self, *apps: str) -> None:
        """Ask for v2 of the prompt."""
        for app in apps:
            self.objects.patch("LLMApp", app, {"spec": {"prompt": {"version": "v2"}}})

    def promoted(self, app: str = GOOD) -> bool:
        """Whether the app's change serves alone, and nothing is left to be done."""
        now = self.objects.status(app)
        done = now["phase"] == "Healthy" and now["stableRelease"] != self.firsts[app]
        return done and not now["retiring"] and not now["untold"]

    def taken_back(self, app: str = LEAKY) -> bool:
        """Whether the app's change was taken back, and nothing is left to be done."""
        now = self.objects.status(app)
        done = now["phase"] == "Degraded" and now["stableRelease"] == self.firsts[app]
        return done and not now["retiring"] and not now["untold"]

    def done(self) -> bool:
        """Whether both changes have ended."""
        return self.promoted() and self.taken_back()

    async def comes_right(self) -> None:
        """Wait until the one app is promoted and the other taken back, and see that all went as it should."""
        began = time.monotonic()
        await eventually("good is promoted", lambda: self.promoted(GOOD), within=RECOVERY)
        left = RECOVERY - (time.monotonic() - began)
        await eventually("leaky is taken back", lambda: self.taken_back(LEAKY), within=left)
        print(f"came right in {time.monotonic() - began:.1f} s")  # noqa: T201
        self.went_well()

    async def settles(self) -> None:
        """Wait until the operator has written nothing for a second."""
        seen, since = -1, time.monotonic()

        def still() -> bool:
            nonlocal seen, since
            if seen != len(self.written):
                seen, since = len(self.written), time.monotonic()
            return time.monotonic() - since >= 1

        await eventually("nothing is written", still)

    def went_well(self) -> None:
        """No wrong weight was told, and every decision was told once."""
        for app in self.firsts:
            assert_right_weights(self.written, app)
        assert any(told.endswith("all steps passed") for told in self.told(GOOD))
        assert any(told.startswith("RolloutAborted") for told in self.told(LEAKY))
        for app in self.firsts:
            assert len(self.told(app)) == len(set(self.told(app))), "each decision is told once"

    def told(self, app: str) -> list[str]:
        """The Events of an app."""
        return events(self.objects, app)

    async def users(self) -> None:
        """Ask every pod, over and over. Of `leaky` every release but the first violates."""
        while True:
            for pod in list(self.dataplane.pods.values()):
                if pod.release:
                    leaking = pod.release.startswith(LEAKY) and pod.release != self.firsts.get(LEAKY, pod.release)
                    pod.counted.answer(10, violated=leaking)
            await asyncio.sleep(0.2)


def events(objects: Objects, app: str) -> list[str]:
    """``Reason: message`` of an app's Events."""
    about = f"involvedObject.kind=LLMApp,involvedObject.name={app}"
    listed = objects.core.list_namespaced_event(objects.namespace, field_selector=about)
    return sorted(f"{item.reason}: {item.message}" for item in listed.items)


@asynccontextmanager
async def a_scene(controlplane: ControlPlane, admin: client.ApiClient, folder: Path) -> AsyncIterator[Scene]:
    """A scene in a namespace of its own; its operator has been started."""
    core = client.CoreV1Api(admin)
    namespace = core.create_namespace({"metadata": {"generateName": "faults-"}}).metadata.name
    folder = folder / namespace
    folder.mkdir()
    async with (
        FaultyApi(controlplane, folder, f"operator-{namespace}") as api,
        FaultyApi(controlplane, folder, f"second-{namespace}") as second_api,
        DataPlane(admin, namespace).running() as dataplane,
    ):
        operator = OperatorInItsPod(controlplane, folder, namespace, "operator", api.kubeconfig)
        second = OperatorInItsPod(controlplane, folder, namespace, "second", second_api.kubeconfig)
        scene = Scene(Objects(admin, namespace), dataplane, operator, api, second, second_api)
        operator.start()
        try:
            async with beside(scene.users(), operator.keep_running(), second.keep_running()):
                yield scene
        finally:
            for process in (operator, second):
                process.kill()
                print(process.log[-20000:])  # noqa: T201  # shown by pytest where the test failed
            core.delete_namespace(namespace)
