"""What callers say of answers: counted for the release that answered, and sent on to the app's collector."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from genaiops.api.base import format_time
from genaiops.api.samples import (
    FEEDBACK_PATH,
    MAX_COMMENT,
    MAX_CORRECTION,
    SamplingSettings,
    is_release_of,
    release_of,
)
from genaiops.providers.backoff import backoff
from genaiops.runtime.collector import Collector, CollectorError
from genaiops.runtime.config import Release
from genaiops.runtime.errors import bad_request
from genaiops.runtime.metrics import RATINGS, Metrics
from genaiops.runtime.redaction import redacted

logger = logging.getLogger("genaiops.runtime")

ROOM: Final = 1000
"""Feedback that waits to be sent."""
RELEASES: Final = 16
"""Releases that have series of their own: somebody may make up others, without end."""
OTHER: Final = "other"
_TRIES: Final = 40
"""With the back-off between them about two and a half minutes: longer than a collector takes to start anew."""


class Feedback:
    """Counts what callers say, and hands it on."""

    def __init__(self, release: Release, collector: Collector, metrics: Metrics) -> None:
        self._app = release.spec.app
        self._collector = collector
        self._metrics = metrics
        self._known = {release.name}
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(ROOM)
        for rating in RATINGS:
            metrics.feedback.labels(rating, release.name)

    def take(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of the response. Raises ApiError (400) that names the field which is wrong."""
        said = _object(body)
        field = "id" if "id" in said else "response_id"
        answer, release = _answer_id(said.get(field), field, self._app)
        rating = said.get("rating")
        if rating not in RATINGS:
            raise bad_request(f"rating must be one of: {', '.join(RATINGS)}", "rating")
        score = said.get("score")
        if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
            raise bad_request("score must be a number from 0 to 1", "score")
        texts = {
            name: _text(said.get(name), name, most)
            for name, most in (("comment", MAX_COMMENT), ("correction", MAX_CORRECTION))
        }
        self._metrics.feedback.labels(rating, self._label(release)).inc()
        told = {"id": answer, "object": "feedback", "rating": rating, "release": release}
        settings = self._collector.settings
        if settings is None:
            return 200, {**told, "stored": False, "message": "counted; nothing is kept, since the app has no quality"}
        if self._waiting.full():
            self._metrics.feedback_sent.labels("dropped").inc()
            return 200, {**told, "stored": False, "message": "counted; not kept, since the collector can't keep up"}
        given = {"id": answer, "rating": rating, "score": score, "time": format_time(datetime.now(UTC)), **texts}
        self._waiting.put_nowait(given)
        if any(texts.values()) and not settings.comments:
            return 202, {**told, "stored": True, "message": "comments and corrections are not kept here"}
        return 202, {**told, "stored": True}

    async def run(self) -> None:
        """Send one by one until cancelled, each until it is taken, or refused, or nobody listens for minutes."""
        while True:
            given = await self._waiting.get()
            try:
                await self._send(given)
            except Exception as error:
                # One that can't be sent may not keep the others here. Not its text: only what went wrong.
                logger.error("feedback was not sent: %s", type(error).__name__)
                self._metrics.feedback_sent.labels("failed").inc()
            finally:
                self._waiting.task_done()

    async def sent(self) -> None:
        """Wait until nothing waits to be sent."""
        await self._waiting.join()

    async def _send(self, given: dict[str, Any]) -> None:
        for attempt in range(_TRIES):
            settings = self._collector.settings
            if settings is None:
                break
            document = await asyncio.to_thread(_fit_to_leave, given, settings)
            try:
                await self._collector.post(settings, FEEDBACK_PATH, document)
            except CollectorError as error:
                logger.warning("feedback is not kept yet: %s", error)
                if not error.again:
                    break
                await asyncio.sleep(backoff(attempt, None))
            else:
                self._metrics.feedback_sent.labels("sent").inc()
                return
        self._metrics.feedback_sent.labels("failed").inc()

    def _label(self, release: str) -> str:
        if len(self._known) < RELEASES:
            self._known.add(release)
        return release if release in self._known else OTHER


def _fit_to_leave(given: Mapping[str, Any], settings: SamplingSettings) -> dict[str, Any]:
    texts = {
        name: redacted(given[name], settings.redact)[:most]
        for name, most in (("comment", MAX_COMMENT), ("correction", MAX_CORRECTION))
        if given[name] and settings.comments
    }
    rest = {name: value for name, value in given.items() if name not in ("comment", "correction") and value is not None}
    return {**rest, **texts}


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise bad_request("the body must be a JSON object")
    return said


def _answer_id(value: object, field: str, app: str) -> tuple[str, str]:
    release = release_of(value) if isinstance(value, str) else None
    if not isinstance(value, str) or release is None or not is_release_of(release, app):
        raise bad_request(f"{field} must be the id of an answer of this app: chatcmpl-{app}-…", field)
    return value, release


def _text(value: object, name: str, most: int) -> str | None:
    if value is not None and not (isinstance(value, str) and len(value) <= most):
        raise bad_request(f"{name} must be a string of at most {most} characters", name)
    return value
