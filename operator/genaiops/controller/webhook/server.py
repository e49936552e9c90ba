"""The webhook's TLS server: every replica serves, whoever leads."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from aiohttp import web

from genaiops.controller.cluster import UNAVAILABLE, Cluster
from genaiops.controller.webhook.changes import record_change
from genaiops.controller.webhook.decide import judge_request, stamp_request
from genaiops.controller.webhook.keeper import Keeper
from genaiops.controller.webhook.review import (
    MalformedError,
    Patch,
    RefusedError,
    Request,
    allowed,
    parse_review,
    refused,
    uid_in,
)
from genaiops.controller.webhook.stamp import Seal

log = logging.getLogger(__name__)

SECONDS: Final = 4.0
"""An answer comes before the API server, which waits for 5 s, gives up."""
_LARGEST: Final = 16 * 1024 * 1024
"""A review holds an object twice, of up to 3 MiB each in a request. What is too large would pass unrecorded."""
_ENDING_SECONDS: Final = 5.0
_DECISION: Final = "ReleaseAction"


class Webhook:
    """Answers AdmissionReviews."""

    def __init__(
        self,
        cluster: Cluster,
        seal: Callable[[], Seal],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._seal = seal
        self._clock = clock

    def application(self) -> web.Application:
        """/mutate and /validate."""
        app = web.Application(client_max_size=_LARGEST)
        app.add_routes([web.post("/mutate", self._answering(self._mutate))])
        app.add_routes([web.post("/validate", self._answering(self._validate))])
        return app

    def _answering(self, answer: Callable[[Request, Seal], Any]) -> Callable[[web.Request], Any]:
        async def respond(http: web.Request) -> web.Response:
            body = await http.read()
            try:
                request = parse_review(body)
            except MalformedError as error:
                if (uid := uid_in(body)) is None:
                    return web.Response(status=400, text=f"{error}\n")
                # An answer, not an error: where errors are ignored, what can't be read would pass unrecorded.
                return web.json_response(refused(uid, RefusedError(f"the operator's webhook can't read it: {error}")))
            try:
                async with asyncio.timeout(SECONDS):
                    return web.json_response(allowed(request, await answer(request, self._known_seal())))
            except RefusedError as refusal:
                return _refuse(request, refusal)
            except TimeoutError:
                slow = f"the operator could not tell within {SECONDS:.0f} s whether this may be: the API server is slow"
                return _refuse(request, RefusedError(f"{slow}; try again", 503))
            except UNAVAILABLE as error:
                return _refuse(request, RefusedError(f"the operator could not tell whether this may be: {error}", 503))

        return respond

    def _known_seal(self) -> Seal:
        seal = self._seal()
        if seal.key is None:
            raise RefusedError(f"{seal.problem}; try again", 503)
        return seal

    async def _mutate(self, request: Request, seal: Seal) -> Patch:
        if request.kind.kind == _DECISION:
            return await stamp_request(self._cluster, seal, request, self._clock())
        return record_change(seal, request, self._clock())

    async def _validate(self, request: Request, seal: Seal) -> Patch:
        if request.kind.kind != _DECISION:
            raise RefusedError(f"nothing is known here of how to judge a {request.kind.kind}")
        await judge_request(self._cluster, seal, request)
        return {}


def _refuse(request: Request, refusal: RefusedError) -> web.Response:
    # In quotes: names are what anybody chose.
    log.info("refused %r a %s in %s: %r", request.user.username, request.kind.kind, request.namespace, str(refusal))
    return web.json_response(refused(request.uid, refusal))


async def serve_webhook(webhook: Webhook, keeper: Keeper, port: int) -> NoReturn:
    """Serve from the first certificate on, until cancelled."""
    await keeper.serviceable.wait()
    runner = web.AppRunner(webhook.application(), access_log=None, shutdown_timeout=_ENDING_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port, ssl_context=keeper.tls).start()
        log.info("webhook: listens on port %s", port)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")
    finally:
        await runner.cleanup()
