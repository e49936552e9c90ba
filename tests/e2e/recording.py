"""What happened while a test was looking elsewhere: every state of an object, and the weights in effect."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from kubernetes import watch
from place import App, Object, Place

from genaiops.controller.dataplane import is_ready
from genaiops.manifests.labels import RELEASE
from genaiops.traffic.envoy.names import READ_ONLY_PORT
from genaiops.traffic.live import ROUTES_PATH, live_weights


def seconds(time_of_status: str) -> float:
    """A time of a status as seconds since 1970."""
    return datetime.fromisoformat(time_of_status).timestamp()


class Recording:
    """A watch of the objects of one kind: each of their states with the time at which it was seen."""

    def __init__(self, place: Place, kind: str, selector: str = "") -> None:
        self._resource = place.resource(kind)
        self._place = place
        self._selector = selector
        self._watch = watch.Watch()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._begun = threading.Event()
        self._ended = False
        self._failure: Exception | None = None
        self._states: list[tuple[float, str, Object]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(30), "the watch does not begin"
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._watch.stop()

    def states(self) -> list[tuple[float, str, Object]]:
        """(seconds since 1970, ADDED or MODIFIED or DELETED, object); fails where the watch broke off."""
        assert self._failure is None, f"the watch ended: {self._failure!r}"
        return list(self._states)

    def _run(self) -> None:
        try:
            listed = self._resource.get(namespace=self._place.namespace, label_selector=self._selector).to_dict()
            now = time.time()
            self._states += [(now, "ADDED", item) for item in listed["items"]]
            self._begun.set()
            for event in self._resource.watch(
                namespace=self._place.namespace,
                label_selector=self._selector,
                resource_version=listed["metadata"]["resourceVersion"],
                watcher=self._watch,
            ):
                self._states.append((time.time(), event["type"], event["raw_object"]))
            self._failure = None if self._ended else EOFError("the API server ended it")
        except Exception as failure:
            # Its end breaks off the connection it reads from.
            self._failure = None if self._ended else failure


def least_ready(pods: Recording, release: str, until: float) -> int:
    """The smallest number of ready pods that a release had at any moment until then."""
    ready: set[str] = set()
    least: int | None = None
    for at, what, pod in pods.states():
        labels = pod["metadata"].get("labels") or {}
        if labels.get(RELEASE) != release or at > until:
            continue
        uid = pod["metadata"]["uid"]
        if what != "DELETED" and is_ready(pod):
            ready.add(uid)
        else:
            ready.discard(uid)
        # What the recording began with was listed pod by pod.
        if at > pods.states()[0][0]:
            least = len(ready) if least is None else min(least, len(ready))
    return len(ready) if least is None else least


@dataclass(frozen=True)
class Window:
    """A time in which a weight was in effect at the gateway."""

    weight: int
    begin: float
    end: float


def windows(states: Recording) -> Iterator[Window]:
    """The weights of a rollout, each from its being in effect to the decision for another one."""
    weight, since = 0, 0.0
    for at, _, app in states.states():
        rollout = (app.get("status") or {}).get("rollout") or {}
        now = rollout.get("weight", 0)
        if weight and now != weight and since:
            yield Window(weight, since, at)
        if now != weight:
            weight, since = now, 0.0
        if weight and not since and rollout.get("stepStartedAt"):
            since = seconds(rollout["stepStartedAt"])


class LiveWeights:
    """The weights that a pod of the gateway says are in effect, asked ten times a second."""

    def __init__(self, app: App) -> None:
        self._place = app.place
        self._pod = app.gateways()[0]["metadata"]["name"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: Exception | None = None
        self._seen: list[tuple[float, dict[str, int]]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.1):
                weights = live_weights(json.loads(self._place.answer_of(self._pod, READ_ONLY_PORT, ROUTES_PATH)))
                self._seen.append((time.time(), weights))
        except Exception as failure:
            self._failure = failure

    def zero_again(self, release: str) -> float | None:
        """When the release was first seen without weight after it had some."""
        assert self._failure is None, f"the gateway could not be asked: {self._failure!r}"
        had = False
        for at, weights in list(self._seen):
            if weights.get(release, 0):
                had = True
            elif had:
                return at
        return None
