"""The Kubernetes API as the operator uses it: raw JSON in, raw JSON out."""

import json
import urllib.request
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException

from genaiops.controller.kinds import Resource, resource_of
from genaiops.manifests.labels import MANAGER

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
_PAGE: Final = 100
"""Objects of a page. Parsed they take fifty kilobytes each, and Python seldom gives memory back."""
_TIMEOUT: Final = 10.0
_WATCH_SECONDS: Final = 15
"""Shorter than a broken connection may go unnoticed; the API server says the version that it got to before it ends."""
_TRIES: Final = 3


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        """Seconds for which it asks to be left alone."""

    @property
    def permanent(self) -> bool:
        """Whether it refused what was asked for itself: the same request will be refused again."""
        # An object that does not fit into the store is a 500.
        return not self.outdated and (self.status in (400, 403, 413, 422) or "too large" in str(self))

    @property
    def outdated(self) -> bool:
        """Whether what was seen is outdated, and the newer state is on its way here."""
        return self.status in (404, 409) or self.reason == "NamespaceTerminating"


UNAVAILABLE: Final = (ApiError, aiohttp.ClientError, OSError, TimeoutError)
"""What a request raises where the API server refuses it or can't be reached."""


def connect(configuration: Configuration) -> ApiClient:
    """A client that looks for a proxy in the environment once: aiohttp would do so at each request, in a thread."""
    configuration.client_session_kwargs = {"trust_env": False}
    scheme, _, rest = configuration.host.partition("://")
    if configuration.proxy is None and not urllib.request.proxy_bypass(rest.partition("/")[0]):
        configuration.proxy = urllib.request.getproxies().get(scheme)
    return ApiClient(configuration)


class Cluster:
    """A connection to the API server. Every write goes through `guard` first."""

    def __init__(self, client: ApiClient, guard: "Guard | None" = None) -> None:
        self._client = client
        self._guard = guard

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> str:
        """One request; the body of the answer. Raises ApiError with what the API server said."""
        if method != "GET" and self._guard is not None:
            self._guard.check()
        header = {"Content-Type": content_type, "Accept": accept}
        response = await self._send(method, path, query or {}, header, body, _TIMEOUT)
        return (await response.read()).decode()

    async def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        header: dict[str, str],
        body: dict[str, Any] | Sequence[dict[str, Any]] | None,
        patience: float,
    ) -> aiohttp.ClientResponse:
        """The answer, its body still to be read, in so many seconds. Raises ApiError where it is a refusal."""
        request = await self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=header,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = await self._client.call_api(*request, _request_timeout=patience)
        except ApiException as error:
            after = str((error.headers or {}).get("Retry-After", ""))
            pause = float(after) if after.isdecimal() else 0.0
            raise _api_error(error.status or 0, error.reason or "", error.body or "", pause) from error
        response: aiohttp.ClientResponse = answer.response
        if not 200 <= response.status <= 299:
            raise _api_error(response.status, response.reason or "", await response.text())
        return response

    async def watch(self, resource: Resource, namespace: str | None, version: int) -> AsyncIterator[dict[str, Any]]:
        """What happens after that version, as the API server's own watch events, bookmarks among them; ends now and
        then, to be gone on with from the last version."""
        query = {
            "watch": "true",
            "resourceVersion": str(version),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        if resource.selector:
            query["labelSelector"] = resource.selector
        header = {"Accept": "application/json"}
        patience = _WATCH_SECONDS + _TIMEOUT
        async with await self._send("GET", resource.path(namespace), query, header, None, patience) as response:
            async for line in response.content:
                if not line.endswith(b"\n"):
                    # Cut off: the next watch has it whole.
                    return
                yield _object(line.decode())

    async def find(
        self, resource: Resource, namespace: str, name: str, *, at_hand: bool = False
    ) -> dict[str, Any] | None:
        """The object, or None where there is none. By a list: the operator has no other right to read one.

        `at_hand`: what the API server has in memory, in a third of the time; it may be a moment old.
        """
        query = {"fieldSelector": f"metadata.name={name}", **({"resourceVersion": "0"} if at_hand else {})}
        items = _object(await self.request("GET", resource.path(namespace), query=query))["items"]
        return {**items[0], "kind": resource.kind} if items else None

    async def read(self, resource: Resource, name: str, namespace: str | None = None) -> dict[str, Any]:
        """The object, by the right to get one of that name. Raises ApiError 404 where there is none."""
        return _object(await self.request("GET", resource.path(namespace, name)))

    async def create(self, resource: Resource, body: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
        """Create an object, or ask a question that is put as one; the object as it is then."""
        return _object(await self.request("POST", resource.path(namespace), body=body))

    async def replace(self, resource: Resource, raw: dict[str, Any]) -> dict[str, Any]:
        """Replace the object as it was seen. Raises ApiError 409 where it has changed since."""
        meta = raw["metadata"]
        path = resource.path(meta.get("namespace"), meta["name"])
        return _object(await self.request("PUT", path, query={"fieldManager": MANAGER}, body=raw))

    async def list(self, resource: Resource, namespace: str | None) -> tuple[list[dict[str, Any]], int]:
        """All objects of a resource, and the resource version of the list."""
        items: list[dict[str, Any]] = []
        version = 0
        async for page in self.pages(resource, namespace):
            items += page["items"]
            version = int(page["metadata"]["resourceVersion"])
        return items, version

    async def pages(self, resource: Resource, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        """All objects of a resource, a list of some of them at a time."""
        query = {"limit": str(_PAGE)}
        if resource.selector:
            query["labelSelector"] = resource.selector
        while True:
            page = _object(await self.request("GET", resource.path(namespace), query=query))
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply as field manager ``genaiops``; fields that others own and we set become ours.

        Whoever wrote at the same moment (409) is no reason to wait: it says the same of whatever is there now.
        """
        meta = manifest["metadata"]
        path = resource_of(manifest).path(meta.get("namespace"), meta["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
        tries = 1
        while True:
            try:
                return _object(await self.request("PATCH", path, query=query, body=manifest, content_type=APPLY))
            except ApiError as error:
                if error.status != 409 or tries == _TRIES:
                    raise
                tries += 1

    async def patch(
        self, resource: Resource, raw: dict[str, Any], operations: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """JSON patch (RFC 6902) of an object; the object as it is then."""
        path = resource.path(raw["metadata"]["namespace"], raw["metadata"]["name"])
        query = {"fieldManager": MANAGER}
        return _object(await self.request("PATCH", path, query=query, body=operations, content_type=JSON_PATCH))

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete this very object; one that is gone, or was made anew under the name, is left alone."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        try:
            await self.request("DELETE", resource.path(namespace, name), body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def write_status(self, resource: Resource, raw: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        """Replace the status of the object as it was seen. Raises ApiError 409 where it has changed since."""
        meta = raw["metadata"]
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
                "resourceVersion": meta["resourceVersion"],
            },
            "spec": raw.get("spec"),
            "status": status,
        }
        path = f"{resource.path(meta['namespace'], meta['name'])}/status"
        return _object(await self.request("PUT", path, query={"fieldManager": MANAGER}, body=body))

    async def annotate(self, resource: Resource, namespace: str, name: str, annotations: dict[str, str]) -> None:
        """Set annotations; an object that is gone is left alone."""
        try:
            await self.request(
                "PATCH",
                resource.path(namespace, name),
                query={"fieldManager": MANAGER},
                body={"metadata": {"annotations": annotations}},
                content_type=MERGE,
            )
        except ApiError as error:
            if error.status != 404:
                raise


class Guard:
    """Says whether this process may write."""

    def check(self) -> None:
        """Raises where it may not."""
        raise NotImplementedError


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def _api_error(status: int, reason: str, body: str, pause: float = 0.0) -> ApiError:
    try:
        details = json.loads(body)
    except ValueError:
        # A proxy in front of the API server answers in its own words.
        return ApiError(status, reason, f"{status} {reason}: {body[:200]}", pause)
    causes = (details.get("details") or {}).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        reason = "NamespaceTerminating"
    else:
        reason = details.get("reason", reason)
    return ApiError(status, reason, details.get("message", reason), pause)
