"""Constant traffic to an app through its gateway, and what came of each request.

It comes from a pod in the cluster, through the app's Service, as users' traffic does: a port-forward would stick to
one pod of the gateway, and lose requests of its own accord when that goes.
"""

import json
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any, Self

from place import App, eventually, script_pod

SCRIPT = Path(__file__).with_name("traffic_pod.py").read_text()
_LONGEST_SECONDS = 480


@dataclass(frozen=True)
class Request:
    """One request. Times are in seconds, `at` since 1970."""

    at: float
    seconds: float
    conversation: str
    stream: bool
    status: int | None = None
    release: str | None = None
    text: str | None = None
    chunks: int = 0
    error: Any = None
    id: str = ""
    rated: int | None = None
    """Status of the answer to its rating, where users rate."""

    @property
    def end(self) -> float:
        return self.at + self.seconds

    @property
    def failed(self) -> bool:
        """Whether its user has no whole answer: no connection, a status other than 200, a stream without its end."""
        return self.error is not None or self.status != 200


class Traffic:
    """Conversations of `turns` requests, `conversations` of them at a time, `rate` requests a second at the most.

    Where they rate, an answer with the text `dislikes` in it gets a thumb down, any other a thumb up."""

    def __init__(self, app: App, name: str = "traffic", **settings: Any) -> None:
        self._place = app.place
        self._name = name
        self._settings = {
            "name": name,
            "url": f"http://{app.name}.{app.place.namespace}.svc",
            "rate": 2.0,
            "at_once": 4,
            "conversations": 12,
            "turns": 4,
            "streams": 0.5,
            "headers": {},
            "dislikes": "",
            "longest": _LONGEST_SECONDS,
        } | settings

    def __enter__(self) -> Self:
        image = self._place.cluster.images["runtime"]
        self._place.apply(*script_pod(self._name, image, SCRIPT, [json.dumps(self._settings)]))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more requests; returns when those under way are answered."""
        if self._phase() == "Running":
            signal = "import os, signal; os.kill(1, signal.SIGTERM)"
            self._place.kubectl("exec", self._name, "--", "python3", "-c", signal)
        eventually("the traffic ends", lambda: self._phase() not in ("Pending", "Running"))
        assert self._phase() == "Succeeded", self._place.kubectl("logs", self._name)

    def _phase(self) -> str:
        pod = self._place.get("Pod", self._name)
        assert pod is not None
        return str(pod["status"].get("phase"))

    def requests(self) -> list[Request]:
        """The requests that came to an end so far, in this order."""
        log = self._place.log_of(self._name)
        # While it runs, its last line may be half written.
        return [Request(**json.loads(line)) for line in log.splitlines(keepends=True) if line.endswith("\n")]

    def flows(self, requests: int = 5, release: str | None = None) -> list[Request]:
        """Wait for that many more answers, from a release if one is named."""

        def answered() -> list[Request]:
            if self._phase() != "Running":
                return []
            return [item for item in self.requests() if item.status and release in (None, item.release)]

        before = len(answered())
        eventually(f"{requests} more answers", lambda: len(answered()) >= before + requests, within=240)
        return self.requests()


def failures(requests: list[Request]) -> list[Request]:
    """Those whose user has no whole answer."""
    return [request for request in requests if request.failed]


def moves(requests: list[Request]) -> dict[str, list[str]]:
    """Conversation → the releases that answered it, in the order in which its requests were made."""
    found: dict[str, list[str]] = {}
    for request in sorted(requests, key=lambda request: request.at):
        releases = found.setdefault(request.conversation, [])
        if request.release and releases[-1:] != [request.release]:
            releases.append(request.release)
    return found


def share_is_likely(count: int, of: int, percent: int, chance: float = 1e-6) -> bool:
    """Whether `percent` may have sent `count` of `of` conversations: exact binomial test, two-sided."""
    share = percent / 100
    chances = [comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(of + 1)]
    return min(sum(chances[: count + 1]), sum(chances[count:])) > chance / 2
