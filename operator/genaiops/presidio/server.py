"""The guardrails' Webhook protocol (docs/guardrails.md), probes and metrics, over HTTP."""

import asyncio
import json
import logging
import signal
from collections.abc import Mapping
from contextlib import closing
from time import perf_counter
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from genaiops.presidio.settings import Settings, words
from genaiops.presidio.worker import Found, JudgeError, SetupError, Worker

logger = logging.getLogger("genaiops.presidio")

MOST: Final = 1000
"""Findings of one answer, by the protocol."""
_BYTES: Final = 12
"""A character in JSON, at the most: two escapes of six."""


class Server:
    """Judges texts, one after the other."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker
        self._entities: Mapping[str, frozenset[str]] = {}
        """By language; none until the models are loaded."""
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "genaiops_presidio_text_duration_seconds",
            "Time for one text, waiting for the ones before it included.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self._findings = Counter(
            "genaiops_presidio_findings", "What was found, by Presidio's name.", ["kind"], registry=self.registry
        )
        self._failures = Counter(
            "genaiops_presidio_failures", "Texts that could not be judged.", registry=self.registry
        )

    def application(self) -> web.Application:
        """To be served."""
        application = web.Application(client_max_size=_BYTES * self._settings.max_characters + 4096)
        application.router.add_post("/v1/findings", self._judge)
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._metrics)
        return application

    async def load(self) -> None:
        """Ready from then on. Raises SetupError and JudgeError."""
        entities = await self._worker.entities()
        if unknown := set(self._settings.entities) - frozenset().union(*entities.values()):
            raise SetupError(f"--entities: {_unknown(unknown, entities, self._settings)}")
        self._entities = entities
        for code, model in self._settings.languages:
            logger.info("%s: %s", code, model or "no language model, names and places are not found")

    async def _judge(self, request: web.Request) -> web.Response:
        if not self._entities:
            return _refusal(503, "the models are still being loaded")
        try:
            body = await request.json()
        except web.HTTPRequestEntityTooLarge:
            return self._too_long()
        except ValueError:
            return _refusal(400, "the body is no JSON")
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str):
            return _refusal(400, 'the body has to be an object with a "text"')
        if len(text) > self._settings.max_characters:
            return self._too_long()
        language = request.query.get("language", self._settings.languages[0][0])
        if language not in self._entities:
            return _refusal(400, f"language {language!r}: this server reads {', '.join(self._entities)} (--language)")
        entities = words(request.query.get("entities", "")) or tuple(
            entity for entity in self._settings.entities if entity in self._entities[language]
        )
        known = {language: self._entities[language]}
        if unknown := set(entities) - known[language]:
            return _refusal(400, f"entities: {_unknown(unknown, known, self._settings)}")
        try:
            threshold = float(request.query.get("threshold", self._settings.threshold))
        except ValueError:
            threshold = -1
        if not 0 <= threshold <= 1:
            return _refusal(400, "threshold has to be a number from 0 to 1")
        return await self._findings_of(text, language, entities, threshold)

    async def _findings_of(self, text: str, language: str, entities: tuple[str, ...], threshold: float) -> web.Response:
        started = perf_counter()
        try:
            found = await self._worker.find(text, language, entities, threshold)
        except JudgeError as error:
            self._failures.inc()
            return _refusal(503, str(error))
        except Exception:
            self._failures.inc()
            logger.exception("a text could not be judged")
            return _refusal(500, "the text could not be judged: the log says where")
        self._seconds.observe(perf_counter() - started)
        for each in found:
            self._findings.labels(each.kind).inc()
        return web.json_response({"findings": answer(found)})

    async def _alive(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._entities:
            return web.json_response({"status": "the models are being loaded"}, status=503)
        told: dict[str, Any] = {"status": "ok", "languages": dict(self._settings.languages)}
        if bare := self._settings.without_model:
            told["limits"] = f"no language model for {', '.join(bare)}: names and places are not found"
        return web.json_response(told)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.registry), content_type="text/plain")

    def _too_long(self) -> web.Response:
        return _refusal(413, f"the text has more than {self._settings.max_characters} characters (--max-characters)")


def answer(found: list[Found]) -> list[dict[str, Any]]:
    """The findings in the protocol's form."""
    if len(found) > MOST:
        # More than an answer may have: none is left out, so all from the first to the last is one.
        first, last = min(each.start for each in found), max(each.end for each in found)
        score = max(each.score for each in found)
        return [{"kind": "PERSONAL_DATA", "score": min(score, 1.0), "start": first, "end": last}]
    return [{"kind": each.kind, "score": min(each.score, 1.0), "start": each.start, "end": each.end} for each in found]


def _unknown(names: set[str], entities: Mapping[str, frozenset[str]], settings: Settings) -> str:
    can = "; ".join(f"{code}: {', '.join(sorted(kinds))}" for code, kinds in entities.items())
    bare = [code for code in settings.without_model if code in entities]
    why = f" ({', '.join(bare)} has no language model, which PERSON and LOCATION take)" if bare else ""
    return f"{', '.join(sorted(names))} can't be found here{why}. What can: {can}"


def _refusal(status: int, message: str) -> web.Response:
    return web.Response(
        status=status, text=json.dumps({"error": {"message": message}}), content_type="application/json"
    )


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM. Raises SetupError and JudgeError where the models can't be loaded."""
    with closing(Worker(settings)) as worker:
        server = Server(settings, worker)
        # No access log: health probes would be all of it, and metrics count the texts.
        runner = web.AppRunner(server.application(), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "0.0.0.0", settings.port).start()
            stopping = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stopping.set)
            await server.load()
            logger.info("judging on port %d", runner.addresses[0][1])
            await stopping.wait()
        finally:
            await runner.cleanup()
    logger.info("stopped")
