"""Not ready before a model was reached: a release with a wrong address or key takes no requests, and says why."""

import asyncio
import logging
from collections.abc import Sequence

from genaiops.providers.provider import Provider
from genaiops.runtime.app import App
from genaiops.runtime.guards import Guards

logger = logging.getLogger("genaiops.runtime")

FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
"""Seconds between two attempts; twice as long each time."""


async def wait_for_guards(app: App, guards: Guards) -> None:
    """Keeps the app unready until every detector can judge: one that never could would refuse every request."""
    wait = FIRST_WAIT
    app.waiting = "the guardrails' detectors are being loaded"
    while reason := await guards.unready():
        app.waiting = reason
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


async def wait_for_a_model(app: App, providers: Sequence[Provider]) -> None:
    """Keeps the app unready until one of its models answers, the fallbacks included.

    Once only: were readiness to follow the model's health, an outage of the model would take every pod away, and with
    them the errors that say what is wrong.
    """
    wait = FIRST_WAIT
    app.waiting = "no model was reached yet"
    while True:
        reasons = await asyncio.gather(*(provider.unreachable() for provider in providers))
        if None in reasons:
            app.waiting = None
            return
        told = "; ".join(reason for reason in reasons if reason)
        if told != app.waiting:
            logger.warning(told)
        app.waiting = told
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)
