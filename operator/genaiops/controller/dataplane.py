"""Asking the pods of the data plane: the gateway what it has in effect, the runtimes what they counted."""

import asyncio
from typing import Any, Final, Protocol

import aiohttp

from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.store import Raw

_TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)
_MAX_BYTES: Final = 8 * 1024 * 1024


class UnreachableError(Exception):
    """A pod did not give a usable answer; `body` is what it said, where it said something."""

    def __init__(self, message: str, body: str = "") -> None:
        super().__init__(message)
        self.body = body


class PodClient(Protocol):
    """A way to GET a path from a port of a pod."""

    async def get(self, pod: Raw, port: int, path: str) -> str:
        """The body of the answer; raises UnreachableError."""
        ...


class DirectPods:
    """By the pods' own addresses: from inside the cluster."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, pod: Raw, port: int, path: str) -> str:
        """The body of the answer; raises UnreachableError."""
        address = pod.get("status", {}).get("podIP")
        name = pod["metadata"]["name"]
        if not address:
            raise UnreachableError(f"pod {name} has no address yet")
        host = f"[{address}]" if ":" in address else address
        try:
            # A pod must not send the operator elsewhere: it reaches what the pod may not.
            async with self._session.get(
                f"http://{host}:{port}{path}", timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    said = (await answer.content.read(1024)).decode(errors="replace")
                    raise UnreachableError(f"pod {name} answers {answer.status} on {path}", said)
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise UnreachableError(f"pod {name} answers with more than {_MAX_BYTES} bytes on {path}")
                return body.decode()
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
            raise UnreachableError(f"pod {name} does not answer on {path}: {error or type(error).__name__}") from error


class ProxiedPods:
    """Through the API server: from outside the cluster, as with ``make run``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get(self, pod: Raw, port: int, path: str) -> str:
        """The body of the answer; raises UnreachableError."""
        meta = pod["metadata"]
        route, _, query = path.partition("?")
        proxy = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}:{port}/proxy{route}"
        pairs = dict(part.partition("=")[::2] for part in query.split("&") if part)
        try:
            async with asyncio.timeout(_TIMEOUT.total):
                return await self._cluster.request("GET", proxy, query=pairs, accept="*/*")
        except ApiError as error:
            raise UnreachableError(f"pod {meta['name']} does not answer on {path}: {error}", str(error)) from error
        except UNAVAILABLE as error:
            words = str(error) or type(error).__name__
            raise UnreachableError(f"pod {meta['name']} does not answer on {path}: {words}") from error


def is_ready(pod: Raw) -> bool:
    """Whether the pod takes requests: Ready, and not on its way out."""
    return not pod["metadata"].get("deletionTimestamp") and condition_of(pod, "Ready").get("status") == "True"


def condition_of(raw: Raw, kind: str) -> dict[str, Any]:
    """The condition of that type, or an empty dict."""
    conditions = raw.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def pod_problem(pod: Raw) -> str | None:
    """Why the pod is not ready, in the cluster's words; None where it is merely starting."""
    status = pod.get("status", {})
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason')}: {scheduled.get('message')}"
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = container.get("state", {}).get("waiting", {})
        terminated = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated")
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            text = f"container {container['name']}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
            if terminated:
                text += f" (exit code {terminated.get('exitCode')}, {terminated.get('reason')})"
            return text
    return None


async def gather_reads(client: PodClient, pods: list[Raw], port: int, path: str) -> list[str | UnreachableError]:
    """The answers of all pods, asked at the same time."""

    async def read(pod: Raw) -> str | UnreachableError:
        try:
            return await client.get(pod, port, path)
        except UnreachableError as error:
            return error

    return await asyncio.gather(*(read(pod) for pod in pods))
