"""Objects as they change, by the API's watch: one connection per kind, nothing is asked for again and again."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final

from genaiops.cli.cluster import Cluster, Query, Raw, Refusal
from genaiops.cli.failure import Failure

_RENEWAL: Final = 1.0
_SLOWEST: Final = 30.0
Objects = dict[str, Raw]
"""By name."""


@dataclass
class Seen:
    """What there is now."""

    objects: dict[str, Objects] = field(default_factory=dict)
    """By kind, then by name; without a kind that may not be read."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why what is seen of a kind may be out of date, or is missing."""


@dataclass(frozen=True)
class _News:
    kind: str
    objects: Objects
    problem: str | None = None


def look(cluster: Cluster, queries: Sequence[Query]) -> Seen:
    """The objects of all queries, once. Raises Failure."""
    seen = Seen()
    for query in queries:
        _list(cluster, query, seen)
    return seen


def follow(cluster: Cluster, queries: Sequence[Query], seconds: float | None = None) -> Generator[Seen]:
    """What there is now, and again after every change.

    Raises Failure where it can't begin; a connection that is lost later is a problem in what is seen, and is made
    anew. Raises TimeoutError after `seconds`.
    """
    until = None if seconds is None else time.monotonic() + seconds
    seen, news, stop = Seen(), SimpleQueue[_News](), Event()
    for query in queries:
        version = _list(cluster, query, seen)
        if version is not None:
            watcher = _Watcher(cluster, query, dict(seen.objects[query.kind]), version, news, stop)
            Thread(target=watcher.run, daemon=True).start()
    try:
        while True:
            yield seen
            for item in _next(news, until):
                seen.objects[item.kind] = item.objects
                seen.problems.pop(item.kind, None)
                if item.problem:
                    seen.problems[item.kind] = item.problem
    finally:
        stop.set()


def _list(cluster: Cluster, query: Query, seen: Seen) -> str | None:
    try:
        items, version = cluster.list(query)
    except Refusal as refusal:
        if not (query.optional and refusal.status == 403):
            raise
        seen.problems[query.kind] = refusal.message
        return None
    seen.objects[query.kind] = _by_name(items)
    return version


def _by_name(items: Sequence[Raw]) -> Objects:
    return {item["metadata"]["name"]: item for item in items}


def _next(news: "SimpleQueue[_News]", until: float | None) -> Iterator[_News]:
    """The next news, with all that has come in with it."""
    try:
        yield news.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
    except Empty:
        raise TimeoutError from None
    while not news.empty():
        yield news.get()


@dataclass
class _Watcher:
    """One kind's connection, on a thread of its own."""

    cluster: Cluster
    query: Query
    objects: Objects
    version: str | None
    """From which to watch; None: list anew first."""
    news: "SimpleQueue[_News]"
    stop: Event

    def run(self) -> None:
        delay = 0.0
        while not self.stop.wait(delay):
            try:
                if self.version is None:
                    items, self.version = self.cluster.list(self.query)
                    self.objects = _by_name(items)
                    self._tell()
                for event in self.cluster.watch(self.query, self.version):
                    self._take(event)
                delay = _RENEWAL
            except Failure as failure:
                self.version = None
                if isinstance(failure, Refusal) and failure.status == 410:
                    # No problem: the API server has only forgotten what happened since.
                    delay = _RENEWAL
                else:
                    delay = min(_SLOWEST, max(_RENEWAL, delay * 2))
                    self._tell(failure.message)

    def _take(self, event: Raw) -> None:
        item = event["object"]
        self.version = item["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        if event["type"] == "DELETED":
            self.objects.pop(item["metadata"]["name"], None)
        else:
            self.objects[item["metadata"]["name"]] = item
        self._tell()

    def _tell(self, problem: str | None = None) -> None:
        self.news.put(_News(self.query.kind, dict(self.objects), problem))
