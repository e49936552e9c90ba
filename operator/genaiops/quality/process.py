"""The collector's process: settings, database, two addresses, judges, and an end to what is old."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from prometheus_client import start_http_server
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from genaiops.api import samples as pod
from genaiops.api.evaluation_run import CREDENTIALS
from genaiops.api.samples import CollectorSettings
from genaiops.evaluation.build import evaluators_of
from genaiops.evaluation.model_judge import judges_of
from genaiops.evaluation.places import Places as JudgePlaces
from genaiops.evaluation.surroundings import RunSurroundings
from genaiops.providers.provider import new_client
from genaiops.quality.database import address, connect, migrate
from genaiops.quality.judging import Judging
from genaiops.quality.metrics import Metrics
from genaiops.quality.server import Cap, Intake, Reports
from genaiops.quality.store import Store

logger = logging.getLogger("genaiops.quality")

METRICS_PORT: Final = 9464
_HOUSEKEEPING: Final = 60.0
"""Seconds between two looks at what is too old, and at the database's address."""


class StartError(Exception):
    """The process can't start; the message says what is wrong."""


@dataclass(frozen=True)
class Places:
    """Where the process finds and leaves things; the defaults are those of its pod."""

    settings: Path = Path(pod.COLLECTOR_FILE)
    dsn: Path = Path(pod.DSN_FILE)
    data: Path = Path(pod.DATA_DIR)
    credentials: Path = Path(CREDENTIALS)
    port: int = pod.COLLECTOR_PORT
    reports_port: int = pod.REPORTS_PORT
    metrics_port: int = METRICS_PORT


async def serve(places: Places) -> None:
    """Serves until SIGTERM. Raises StartError, DatabaseError; and what else ends it, for a start anew to mend."""
    settings = read_settings(places.settings)
    dsn = _content(places.dsn)
    async with AsyncExitStack() as closing:
        engine = connect(address(places.dsn, places.data))
        closing.push_async_callback(engine.dispose)
        try:
            await migrate(engine)
        except (SQLAlchemyError, OSError) as error:
            raise StartError(f"the database can't be used: {_reason(error)}") from error
        store = Store(engine, settings.namespace, settings.app)
        client = await closing.enter_async_context(new_client("genaiops-quality"))
        of_judges = JudgePlaces(credentials=places.credentials)
        surroundings = RunSurroundings(settings.models, client, of_judges)
        closing.callback(surroundings.close)
        try:
            judges = judges_of(settings.models, client, places.credentials)
            evaluators = evaluators_of(settings.evaluators, judges, of_judges, surroundings)
        except ValueError as error:
            raise StartError(f"quality.{error}") from error
        for evaluator in evaluators.values():
            closing.push_async_callback(evaluator.close)
        metrics = Metrics(evaluators)
        judging = Judging(store, evaluators, metrics)
        metrics_server, metrics_thread = start_http_server(places.metrics_port, registry=metrics.registry)
        closing.callback(metrics_thread.join)
        closing.callback(metrics_server.shutdown)
        intake = Intake(store, settings.app, Cap(settings.max_per_minute), metrics, judging.wake)
        await _listen(closing, intake.application(), places.port)
        await _listen(closing, Reports(store).application(), places.reports_port)
        logger.info("keeps samples and feedback of %s/%s in %s", settings.namespace, settings.app, engine.dialect.name)
        await _until_stopped(judging, _keep_house(store, settings.retention, places.dsn, dsn))
    logger.info("stopped")


def read_settings(file: Path) -> CollectorSettings:
    """What the operator wrote. Raises StartError."""
    try:
        return CollectorSettings.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise StartError(f"this collector can't read what it is to do; is its image the operator's? {error}") from error


async def _listen(closing: AsyncExitStack, app: web.Application, port: int) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    closing.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "0.0.0.0", port).start()


async def _until_stopped(judging: Judging, housekeeping: Coroutine[Any, Any, None]) -> None:
    """Until a signal, or until one of the two ends."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    tasks = {asyncio.create_task(each) for each in (judging.run(), housekeeping, stop.wait())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _keep_house(store: Store, retention: timedelta, dsn_file: Path, dsn: bytes | None) -> None:
    """Delete what is old, until the database's address is another one: then the process starts anew with it."""
    while _content(dsn_file) == dsn:
        try:
            if gone := await store.forget(datetime.now(UTC) - retention):
                logger.info("deleted %d samples and feedbacks that were too old", gone)
        except (SQLAlchemyError, OSError) as error:
            logger.error("what is too old stays for now: %s", type(error).__name__)
        await asyncio.sleep(_HOUSEKEEPING)
    logger.info("the database's address has changed")


def _content(file: Path) -> bytes | None:
    with suppress(OSError):
        return file.read_bytes()
    return None


def _reason(error: Exception) -> str:
    """Why, without the address and without a statement's parameters."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".split("\n", 1)[0][:300]
