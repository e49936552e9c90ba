"""One measurement of a metric of the team's own: the candidate's value, and stable's where it is compared with."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import aiohttp

from genaiops.analysis.values import has_limits, judged
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import Measurement, Verdict
from genaiops.controller.providers import prometheus, webhook
from genaiops.controller.providers.jobs import Jobs
from genaiops.controller.providers.question import ProviderError, Question
from genaiops.controller.providers.secrets import Secrets

log = logging.getLogger(__name__)


class Providers:
    """Asks what a metric names."""

    def __init__(
        self, session: aiohttp.ClientSession, secrets: Secrets, jobs: Jobs, clock: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._secrets = secrets
        self._jobs = jobs
        self._clock = clock

    async def measure(self, metric: Metric, question: Question) -> Measurement:
        """The measurement, judged. Raises nothing: what goes wrong is in it."""
        try:
            value, stable = await self._values(metric, question)
        except ProviderError as error:
            return self._error(str(error))
        except Exception as error:
            # A mistake of ours in one metric must not end the measuring of all.
            log.exception("%s/%s: metric %s can't be measured", question.namespace, question.app, metric.name)
            return self._error(f"the operator failed: {type(error).__name__}; its log has more")
        found = Measurement(at=self._clock(), verdict=Verdict.INCONCLUSIVE, value=value, stable=stable)
        return judged(metric, found)

    async def _values(self, metric: Metric, question: Question) -> tuple[Decimal | None, Decimal | None]:
        if metric.max_increase is None and metric.max_ratio is None:
            return await self._value(metric, question), None
        of_stable = replace(question, release=question.stable)
        values = await asyncio.gather(
            self._value(metric, question), self._value(metric, of_stable), return_exceptions=True
        )
        for value in values:
            if isinstance(value, BaseException):
                raise value
        return values[0], values[1]  # type: ignore[return-value]  # no exceptions any more

    async def _value(self, metric: Metric, question: Question) -> Decimal | None:
        if metric.prometheus:
            return await prometheus.ask(metric.prometheus, question, self._session, self._secrets)
        if metric.webhook:
            return await webhook.ask(metric.webhook, question, self._session, self._secrets)
        assert metric.job is not None, "the API has no metric without a source"
        return await self._jobs.ask(metric.job, question, limited=has_limits(metric))

    def _error(self, message: str) -> Measurement:
        return Measurement(at=self._clock(), verdict=Verdict.ERROR, message=message[:256])
