"""The collector's two addresses: runtimes bring samples and feedback to one, people read at the other.

They are apart so that a network policy can keep who brings from reading: the texts of all users.
"""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final, TypeVar

import orjson
from aiohttp import web
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from genaiops.api.base import ApiModel, parse_duration
from genaiops.api.samples import FEEDBACK_PATH, SAMPLES_PATH, GivenFeedback, LiveSample, is_release_of, release_of
from genaiops.quality.curated import rows
from genaiops.quality.metrics import RELEASES, Metrics
from genaiops.quality.store import Kind, Store
from genaiops.quality.summary import summary

MAX_BODY: Final = 1024 * 1024
"""Bytes."""
MAX_ROWS: Final = 10_000
_DEFAULT_ROWS: Final = 1000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cap:
    """So many samples of each release in a minute, and as many that were flagged."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._taken: defaultdict[tuple[str, bool], deque[float]] = defaultdict(deque)

    def takes(self, release: str, *, drawn: bool = True) -> bool:
        """Whether there is room for one more; if so it is taken."""
        now = self._clock()
        if (release, drawn) not in self._taken and len(self._taken) >= RELEASES:
            # Releases come and go; those that had nothing in this minute have all of it.
            lately = {name: taken for name, taken in self._taken.items() if taken[-1] > now - 60}
            self._taken = defaultdict(deque, lately)
        taken = self._taken[release, drawn]
        while taken and taken[0] <= now - 60:
            taken.popleft()
        if len(taken) >= self._per_minute:
            return False
        taken.append(now)
        return True


class Intake:
    """What runtimes send."""

    def __init__(self, store: Store, app: str, cap: Cap, metrics: Metrics, on_sample: Callable[[], None]) -> None:
        self._store = store
        self._app = app
        self._cap = cap
        self._metrics = metrics
        self._on_sample = on_sample

    def application(self) -> web.Application:
        """The HTTP application."""
        app = web.Application(middlewares=[_told], client_max_size=MAX_BODY)
        app.add_routes(
            [web.post(SAMPLES_PATH, self._sample), web.post(FEEDBACK_PATH, self._feedback), web.get("/healthz", _alive)]
        )
        app.add_routes([web.get("/readyz", _readiness(self._store))])
        return app

    async def _sample(self, request: web.Request) -> web.Response:
        try:
            sample = await _body(request, LiveSample)
            self._check(sample.release, "release")
            if release_of(sample.id) != sample.release:
                raise _refusal(web.HTTPBadRequest, "id: names another release than `release`", "id")
        except web.HTTPException:
            self._metrics.received.labels("invalid").inc()
            raise
        if not self._cap.takes(sample.release, drawn=sample.drawn):
            self._metrics.received.labels("capped").inc()
            raise _refusal(web.HTTPTooManyRequests, f"enough of {sample.release} in this minute", None)
        await self._store.add(sample)
        self._metrics.received.labels("kept").inc()
        self._on_sample()
        return web.json_response({"id": sample.id}, status=202)

    async def _feedback(self, request: web.Request) -> web.Response:
        feedback = await _body(request, GivenFeedback)
        self._check(release_of(feedback.id) or "", "id")
        await self._store.say(feedback)
        self._metrics.feedback.inc()
        return web.json_response({"id": feedback.id}, status=202)

    def _check(self, release: str, field: str) -> None:
        if not is_release_of(release, self._app):
            raise _refusal(web.HTTPBadRequest, f"{field}: this is the collector of the app {self._app}", field)


class Reports:
    """What people read."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    def application(self) -> web.Application:
        """The HTTP application."""
        app = web.Application(middlewares=[_told])
        app.add_routes([web.get("/v1/rows", self._rows), web.get("/v1/summary", self._summary)])
        return app

    async def _rows(self, request: web.Request) -> web.Response:
        kinds = ", ".join(Kind)
        try:
            kind = Kind(request.query.get("kind", ""))
        except ValueError:
            raise _refusal(web.HTTPBadRequest, f"kind must be one of: {kinds}", "kind") from None
        limit = request.query.get("limit", str(_DEFAULT_ROWS))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_ROWS):
            raise _refusal(web.HTTPBadRequest, f"limit must be a number from 1 to {MAX_ROWS}", "limit")
        found = await self._store.curated(kind, self._since(request), int(limit))
        lines = [row.model_dump_json(by_alias=True, exclude_defaults=True) + "\n" for row in rows(found, kind)]
        left_out = {"x-genaiops-left-out": str(len(found) - len(lines))}
        return web.Response(text="".join(lines), content_type="application/jsonl", headers=left_out)

    async def _summary(self, request: web.Request) -> web.Response:
        told = summary(*await self._store.counts(self._since(request)))
        return web.Response(body=orjson.dumps({"releases": told}), content_type="application/json")

    def _since(self, request: web.Request) -> datetime | None:
        text = request.query.get("since")
        if text is None:
            return None
        try:
            return self._clock() - parse_duration(text)
        except ValueError:
            pass
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            message = "since must be a duration such as 24h, or a time such as 2026-01-31T00:00:00Z"
            raise _refusal(web.HTTPBadRequest, message, "since") from None
        return time if time.tzinfo else time.replace(tzinfo=UTC)


Model = TypeVar("Model", bound=ApiModel)


async def _body(request: web.Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, wrong["loc"])) or "body"
        raise _refusal(web.HTTPBadRequest, f"{field}: {wrong['msg'].removeprefix('Value error, ')}", field) from error


def _refusal(status: type[web.HTTPException], message: str, field: str | None) -> web.HTTPException:
    error = {"error": {"message": message, "param": field}}
    return status(text=orjson.dumps(error).decode(), content_type="application/json")


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (SQLAlchemyError, OSError) as error:
        raise _refusal(web.HTTPServiceUnavailable, f"the database failed: {type(error).__name__}", None) from error


async def _alive(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readiness(store: Store) -> Handler:
    async def readyz(_: web.Request) -> web.Response:
        await store.reach()
        return web.Response(text="ok\n")

    return readyz
