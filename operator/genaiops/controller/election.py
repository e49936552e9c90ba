"""One operator acts at a time: leadership by Lease, with a fence before every write."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient, V1Lease, V1ObjectMeta
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from genaiops.controller.cluster import Guard

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 10
RENEW_SECONDS: Final = 7
RETRY_SECONDS: Final = 2
_REQUEST_SECONDS: Final = 3.0
"""Longest wait for one answer about the lease: a renewal has to be tried twice before it is too late."""
_FAILURES: Final = (ApiException, aiohttp.ClientError, OSError, TimeoutError)


class NotLeaderError(Exception):
    """This process is not, or no longer, the leader."""


class FencedLease(LeaseLock, Guard):
    """A lease that knows for how long it is surely held.

    A process that was stopped and goes on after its lease ran out would write before its renew loop notices. The
    fence looks at a monotonic clock, which runs on while a process is stopped, just before each write.

    The library's own lock gives up, and with it the whole process, where the API server can't be reached, and waits
    minutes for an answer; this one reports a failure, and the election tries again.
    """

    def __init__(self, name: str, namespace: str, identity: str, client: ApiClient) -> None:
        super().__init__(name, namespace, identity, client)
        self._held_until = 0.0

    async def get(self, name: str, namespace: str) -> Any:
        """(True, who holds the lease and since when) or (False, why that is unknown)."""
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                found, record = await super().get(name, namespace)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return False, ApiException(reason=_words(error))
        if found and isinstance(record, LeaderElectionRecord) and record.holder_identity != self.identity:
            # Taken by somebody whose clock runs ahead: theirs all the same.
            self._held_until = 0.0
        return found, record

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Take the lease where there is none."""
        lease = V1Lease(metadata=V1ObjectMeta(name=name), spec=self.update_lease(election_record))
        return await self._hold(self.api_instance.create_namespaced_lease, namespace=namespace, body=lease)

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Renew the lease, or take it over, as it was seen: a conflict means that another one was faster."""
        lease = self.lease_reference
        assert lease is not None
        lease.spec = self.update_lease(updated_record, lease.spec)
        replace = self.api_instance.replace_namespaced_lease
        return await self._hold(replace, name=name, namespace=namespace, body=lease)

    async def _hold(self, write: Callable[..., Awaitable[V1Lease]], **arguments: Any) -> bool:
        asked = time.monotonic()
        try:
            self.lease_reference = await write(**arguments, _request_timeout=_REQUEST_SECONDS)
        except _FAILURES as error:
            log.warning("lease %s/%s was not taken: %s", self.namespace, self.name, _words(error))
            return False
        self._held_until = asked + LEASE_SECONDS
        return True

    @property
    def held(self) -> bool:
        """Whether no other process can hold the lease now."""
        return time.monotonic() < self._held_until

    def check(self) -> None:
        """Raises NotLeaderError where another process may hold the lease."""
        if not self.held:
            raise NotLeaderError("the lease ran out; another operator may be acting")

    async def release(self) -> None:
        """Give the lease up, so that a successor need not wait for it to run out."""
        # As it is now: a renewal may have been cut off after it was sent.
        await self.get(self.name, self.namespace)
        lease = self.lease_reference
        if not self.held or lease is None or lease.spec is None:
            return
        self._held_until = 0.0
        lease.spec.holder_identity = ""
        try:
            await self.api_instance.replace_namespaced_lease(
                name=self.name, namespace=self.namespace, body=lease, _request_timeout=_REQUEST_SECONDS
            )
        except _FAILURES as error:
            log.warning("the lease was not given up; it runs out in %s s: %s", LEASE_SECONDS, _words(error))


def _words(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)
