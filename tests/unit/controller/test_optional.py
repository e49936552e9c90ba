"""The operator's own watch of a kind that may be lacking, on an API server that breaks off in every way there is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from genaiops.controller import optional
from genaiops.controller.cluster import Cluster, connect
from genaiops.controller.kinds import HTTP_ROUTES
from genaiops.controller.operator import Operator
from genaiops.controller.store import Store


def route(version: int) -> dict[str, Any]:
    """HTTPRoute `shop` as of a version."""
    return {"metadata": {"name": "shop", "namespace": "team", "uid": "1", "resourceVersion": str(version)}}


class ApiServer:
    """Lists are as of version 10. A watch is answered by the next of `watches`, and is silent where there is none."""

    def __init__(self) -> None:
        self.there = True
        self.ends = asyncio.Event()
        """Watches that are silent end."""
        self.listed: list[dict[str, Any]] = []
        self.lists = 0
        self.watched_from: list[int] = []
        self.watches: list[bytes] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not self.there:
            return web.json_response({"reason": "NotFound", "message": "no such kind"}, status=404)
        if "watch" not in request.query:
            self.lists += 1
            return web.json_response({"metadata": {"resourceVersion": "10"}, "items": self.listed})
        self.watched_from.append(int(request.query["resourceVersion"]))
        response = web.StreamResponse()
        await response.prepare(request)
        if self.watches:
            await response.write(self.watches.pop(0))
        else:
            await self.ends.wait()
        return response

    def loses_the_kind(self) -> None:
        """It answers no question about it any more, and ends the watch of it."""
        self.there = False
        self.ends.set()


def event(kind: str, raw: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": raw}).encode() + b"\n"


@pytest.fixture
def api() -> ApiServer:
    return ApiServer()


@pytest.fixture
async def store(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """What an operator knows that watches HTTPRoutes of this API server."""
    monkeypatch.setattr(optional, "LOOK_AGAIN_SECONDS", 0.01)
    app = web.Application()
    app.add_routes([web.get(HTTP_ROUTES.path(), api.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    known = Store()
    async with connect(configuration) as client:
        cluster = Cluster(client)
        operator = Operator(cluster, known, {}, (), workers=1)
        watching = asyncio.create_task(optional.watch_when_there(cluster, operator, HTTP_ROUTES, ()))
        yield known
        assert not watching.done(), "it goes on whatever happens"
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    api.ends.set()
    await runner.cleanup()


async def knows(store: Store, version: int | None) -> None:
    """Wait until the store has the route as of this version, or none."""
    async with asyncio.timeout(30):
        while True:
            raw = store.get("HTTPRoute", "team", "shop")
            if (int(raw["metadata"]["resourceVersion"]) if raw else None) == version:
                return
            await asyncio.sleep(0.01)


async def test_a_watch_that_ends_goes_on_from_the_last_version(api: ApiServer, store: Store) -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "20"}})
    api.watches = [event("ADDED", route(12)), bookmark, event("MODIFIED", route(21))]

    await knows(store, 21)

    assert (api.watched_from[:3], api.lists) == ([10, 12, 20], 1)


async def test_an_event_that_is_cut_off_comes_with_the_next_watch(api: ApiServer, store: Store) -> None:
    whole = event("MODIFIED", route(13))
    api.watches = [event("ADDED", route(12)) + whole[:20], whole]

    await knows(store, 13)

    assert api.watched_from[:2] == [10, 12]


async def test_a_version_that_is_too_old_takes_a_new_list(api: ApiServer, store: Store) -> None:
    gone = {"code": 410, "reason": "Expired", "message": "too old resource version"}
    api.watches = [event("ADDED", route(9)), event("ERROR", gone), event("ADDED", route(11))]

    await knows(store, 11)

    assert (api.watched_from[:3], api.lists) == ([10, 9, 10], 2)


async def test_a_kind_that_goes_takes_its_objects_along_and_brings_them_back(api: ApiServer, store: Store) -> None:
    api.listed = [route(5)]
    await knows(store, 5)

    api.loses_the_kind()
    await knows(store, None)
    assert "HTTPRoute" in store.absent

    api.there, api.listed = True, [route(6)]
    await knows(store, 6)
    assert "HTTPRoute" not in store.absent
