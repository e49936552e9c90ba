"""Jobs without a Job controller and a node: a pod for each, whose one container runs or has ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kubernetes import client
from tasks import beside


class PlayedJobs:
    """Makes a pod for each Job of a namespace, and says of its container what is wanted."""

    def __init__(self, api: client.ApiClient, namespace: str, container: str) -> None:
        self._batch, self._core = client.BatchV1Api(api), client.CoreV1Api(api)
        self._namespace = namespace
        self._container = container
        self.end: tuple[int, str] | None = None
        """Exit code and termination message of every container; None while they run."""
        self._told: dict[str, Any] = {}

    async def play(self) -> None:
        """For ever."""
        while True:
            for job in (await asyncio.to_thread(self._batch.list_namespaced_job, self._namespace)).items:
                name = job.metadata.name
                if name not in self._told:
                    await self._start(job)
                if self._told.get(name) != self.state:
                    self._told[name] = self.state
                    await self._report(name)
            await asyncio.sleep(0.1)

    @property
    def state(self) -> dict[str, Any]:
        """As a kubelet reports it."""
        if self.end is None:
            return {"running": {"startedAt": "2026-01-01T00:00:00Z"}, "terminated": None}
        code, message = self.end
        return {"running": None, "terminated": {"exitCode": code, "reason": "Completed", "message": message}}

    async def _start(self, job: Any) -> None:
        pod = {
            "metadata": {
                "name": job.metadata.name,
                "labels": job.spec.template.metadata.labels,
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": job.metadata.name,
                        "uid": job.metadata.uid,
                        "controller": True,
                    }
                ],
            },
            "spec": job.spec.template.spec,
        }
        await asyncio.to_thread(self._core.create_namespaced_pod, self._namespace, pod)

    async def _report(self, name: str) -> None:
        container = {"name": self._container, "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
        status = {"status": {"containerStatuses": [{**container, "state": self.state}]}}
        await asyncio.to_thread(self._core.patch_namespaced_pod_status, name, self._namespace, status)


@asynccontextmanager
async def jobs_that_run(api: client.ApiClient, namespace: str, container: str) -> AsyncIterator[PlayedJobs]:
    """Jobs whose containers run until they are told to end."""
    played = PlayedJobs(api, namespace, container)
    async with beside(played.play()):
        yield played


@asynccontextmanager
async def jobs_that_end(
    api: client.ApiClient, namespace: str, container: str, exit_code: int, message: str
) -> AsyncIterator[None]:
    """Jobs whose containers end like this at once."""
    async with jobs_that_run(api, namespace, container) as played:
        played.end = (exit_code, message)
        yield
