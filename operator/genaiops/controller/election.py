"""One operator acts at a time: leadership by Lease, with a fence before every write."""

import logging
import time
from typing import Any, Final

from kubernetes.aio.client import ApiClient, V1Lease, V1ObjectMeta
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from genaiops.controller.cluster import Guard

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 10
RENEW_SECONDS: Final = 7
RETRY_SECONDS: Final = 2


class NotLeaderError(Exception):
    """This process is not, or no longer, the leader."""


class FencedLease(LeaseLock, Guard):
    """A lease that knows for how long it is surely held.

    A process that was stopped and goes on after its lease ran out would write before its renew loop notices. The
    fence looks at a monotonic clock, which runs on while a process is stopped, just before each write.
    """

    def __init__(self, name: str, namespace: str, identity: str, client: ApiClient) -> None:
        super().__init__(name, namespace, identity, client)
        self._held_until = 0.0

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Take the lease where there is none. (The library's own asks for a `pretty` answer that its client refuses.)"""
        return await self._hold(self._create, name, namespace, election_record)

    async def _create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        lease = V1Lease(metadata=V1ObjectMeta(name=name), spec=self.update_lease(election_record))
        try:
            await self.api_instance.create_namespaced_lease(namespace, lease)
        except ApiException as error:
            log.warning("lease %s/%s can't be created: %s", namespace, name, error.reason)
            return False
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Renew the lease, or take it over."""
        return await self._hold(super().update, name, namespace, updated_record)

    async def _hold(self, write: Any, *arguments: Any) -> bool:
        asked = time.monotonic()
        held = bool(await write(*arguments))
        if held:
            self._held_until = asked + LEASE_SECONDS
        return held

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
        if self.held and self.lease_reference is not None and self.lease_reference.spec is not None:
            self._held_until = 0.0
            self.lease_reference.spec.holder_identity = ""
            await self.api_instance.replace_namespaced_lease(
                name=self.name, namespace=self.namespace, body=self.lease_reference
            )
