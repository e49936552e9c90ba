"""The operator's loops: keep the store in step with the cluster, and reconcile what changed while it leads."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.election import NotLeaderError
from genaiops.controller.kinds import CUSTOM, OPTIONAL, WATCHED, Resource
from genaiops.controller.metrics import QUEUE_LENGTH, RECONCILE_ERRORS, RECONCILE_SECONDS
from genaiops.controller.queue import KeyedQueue
from genaiops.controller.store import RECONCILED, Key, Raw, Store, key_of

log = logging.getLogger(__name__)

RELIST_SHARE: Final = 0.005
"""Share of a core that goes into full lists. A watch does not tell what it missed; a full list does. The larger the
cluster, the more a list costs, and the less often there is one. What it waits for on a busy machine costs nothing."""
RELIST_SECONDS: Final = (20.0, 600.0)
"""The least and the longest time between two lists."""

SECOND_LIST_SECONDS: Final = 3.0
"""The watches begin after the first list: what was deleted in between would be there until the next one."""

RELIST_RETRY_SECONDS: Final = 2.0

Reconcile = Callable[[Key], Awaitable[float | None]]


class ListError(Exception):
    """The cluster's objects can't be listed; the message says which, why and what to do."""


def _why_not_listed(resource: Resource, error: Exception) -> str:
    if isinstance(error, ApiError) and error.status == 404 and resource in CUSTOM:
        return f"the cluster has no kind {resource.kind}: install the CRDs (crds/, or the chart with crds.enabled=true)"
    return f"{resource.plural} can't be listed: {error or type(error).__name__}"


class Operator:
    """Store, queue and workers. Every replica keeps the store warm; only the leader works off the queue."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        reconcilers: Mapping[str, Reconcile],
        namespaces: tuple[str, ...],
        workers: int,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._reconcilers = reconcilers
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._workers = workers
        self._queue: KeyedQueue[Key] = KeyedQueue()
        self._listing = asyncio.Lock()
        self._stopping = False
        self.synced = asyncio.Event()
        """Set once the store has seen everything: nothing may be decided on half of the cluster."""
        self.problem: str | None = None
        """Why the cluster can't be listed just now."""
        self.working: set[asyncio.Future[Any]] = set()
        """The task that leads, for whoever has to end it."""

    # --- knowing --------------------------------------------------------------------------------------------

    def seen(self, kind: str, change: str | None, raw: Raw) -> None:
        """A watch event: keep it, and put what it affects in line."""
        if change == "DELETED":
            self._enqueue(self._store.remove(kind, raw))
        else:
            self._enqueue(self._store.change(kind, raw))

    def _enqueue(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._queue.add(key)
        QUEUE_LENGTH.set(len(self._queue))

    async def relist(self) -> None:
        """Take over the cluster's whole state, kind by kind."""
        for resource in WATCHED:
            await self.take_over(resource)
        self.problem = None
        self.synced.set()

    async def take_over(self, resource: Resource) -> int:
        """Take over the whole state of a kind; its version, 0 where the cluster lacks the kind."""
        # One at a time: of two lists the one that is answered later may be the older one.
        async with self._listing:
            listed: set[Key] = set()
            version = min([await self._list(resource, namespace, listed) for namespace in self._namespaces])
            self._enqueue(self._store.drop_others(resource.kind, listed, version))
            return version

    async def _list(self, resource: Resource, namespace: str | None, listed: set[Key]) -> int:
        """Take over what is listed, page by page; the version of the list."""
        version = 0
        try:
            async for page in self._cluster.pages(resource, namespace):
                for raw in page["items"]:
                    listed.add(key_of(raw, resource.kind))
                    self._enqueue(self._store.change(resource.kind, raw))
                version = int(page["metadata"]["resourceVersion"])
        except UNAVAILABLE as error:
            if isinstance(error, ApiError) and error.status == 404 and resource in OPTIONAL:
                self._enqueue(self._store.lacks_kind(resource.kind))
                return 0
            raise ListError(_why_not_listed(resource, error)) from error
        self._enqueue(self._store.has_kind(resource.kind))
        return version

    async def keep_listing(self) -> None:
        """Relist for ever, now and then; a second time soon, once the watches have begun."""
        least, longest = RELIST_SECONDS
        first = True
        while True:
            began = time.process_time()
            try:
                await self.relist()
                pause = min(max((time.process_time() - began) / RELIST_SHARE, least), longest)
                await asyncio.sleep(SECOND_LIST_SECONDS if first else pause)
                first = False
            except ListError as error:
                self.problem = str(error)
                log.warning("%s; trying again in %s s", error, RELIST_RETRY_SECONDS)
                await asyncio.sleep(RELIST_RETRY_SECONDS)

    # --- acting ---------------------------------------------------------------------------------------------

    async def lead(self) -> None:
        """Reconcile everything once, then what changes, until cancelled."""
        leading = asyncio.current_task()
        assert leading is not None
        self.working.add(leading)
        await self.synced.wait()
        for key in list(self._store.keys(RECONCILED)):
            self._queue.add(key)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    def stop(self) -> None:
        """Take up no more work. Cancelling alone is not enough: a worker may be in code that lets it pass."""
        self._stopping = True

    async def _work(self) -> None:
        while not self._stopping:
            key = await self._queue.get()
            try:
                await self._reconcile(key)
            finally:
                self._queue.done(key)
                QUEUE_LENGTH.set(len(self._queue))

    async def _reconcile(self, key: Key) -> None:
        started = time.perf_counter()
        try:
            again = await self._reconcilers[key.kind](key)
        except NotLeaderError:
            # The renew loop ends this process; whoever leads now does the work.
            raise
        except UNAVAILABLE as error:
            delay = self._queue.retry(key, error.retry_after if isinstance(error, ApiError) else 0.0)
            level = logging.DEBUG if isinstance(error, ApiError) and error.outdated else logging.WARNING
            log.log(level, "%s %s/%s: %s; again in %.1f s", *key, error, delay)
            RECONCILE_ERRORS.labels(key.kind).inc()
        except Exception:
            # One object that can't be reconciled must not stop the others.
            delay = self._queue.retry(key)
            log.exception("%s %s/%s: reconcile failed; again in %.1f s", *key, delay)
            RECONCILE_ERRORS.labels(key.kind).inc()
        else:
            self._queue.forget_failures(key)
            if again is not None:
                self._queue.add_after(key, again)
        finally:
            RECONCILE_SECONDS.labels(key.kind).observe(time.perf_counter() - started)
