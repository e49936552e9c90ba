"""Which model is asked when: retries with back-off within a budget, then the fallbacks in turn."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from genaiops.providers.backoff import backoff
from genaiops.providers.provider import Provider, ProviderError
from genaiops.runtime.metrics import Metrics

logger = logging.getLogger("genaiops.runtime")

T = TypeVar("T")

LONGEST_WAIT = 10.0
"""Seconds. A server that asks to wait longer is not waited for: the next model, or the caller, can do better."""


class RetryBudget:
    """Retries stop while most calls fail, so that they never multiply an outage.

    The token bucket of gRPC's retry throttling (gRFC A6): a retryable failure takes a token, an answer gives a tenth
    back, and there are retries only while the bucket is more than half full.
    """

    CAPACITY = 100.0
    REFILL = 0.1

    def __init__(self) -> None:
        self._tokens = self.CAPACITY

    def answered(self) -> None:
        self._tokens = min(self.CAPACITY, self._tokens + self.REFILL)

    def failed(self) -> None:
        self._tokens = max(0.0, self._tokens - 1)

    @property
    def allows(self) -> bool:
        return self._tokens > self.CAPACITY / 2


class Failover:
    """The models of a release, in the order in which they are asked."""

    def __init__(self, providers: Sequence[Provider], max_retries: int, metrics: Metrics) -> None:
        self._lanes = [(provider, RetryBudget()) for provider in providers]
        self._max_retries = max_retries
        self._metrics = metrics

    async def first_answer(self, ask: Callable[[Provider], Awaitable[T]], request_id: str) -> T:
        """What `ask` brings from the first model that answers; `ask` has sent the caller nothing yet.

        Raises the last model's ProviderError where none answers, or at once where one refuses the request itself.
        """
        for index, (provider, budget) in enumerate(self._lanes):
            try:
                return await self._with_retries(provider, budget, ask, request_id)
            except ProviderError as failure:
                if failure.refused or index + 1 == len(self._lanes):
                    raise
                self._metrics.fallbacks.inc()
                self._log("next model", provider, failure, request_id)
        raise AssertionError("a release has at least one model")

    async def _with_retries(
        self, provider: Provider, budget: RetryBudget, ask: Callable[[Provider], Awaitable[T]], request_id: str
    ) -> T:
        attempt = 0
        while True:
            try:
                answer = await ask(provider)
            except ProviderError as failure:
                if failure.retryable:
                    budget.failed()
                wait = backoff(attempt, failure.retry_after)
                if not failure.retryable or attempt == self._max_retries or wait > LONGEST_WAIT or not budget.allows:
                    raise
                attempt += 1
                self._metrics.retries.inc()
                self._log(f"retry in {wait:.2f} s", provider, failure, request_id)
                await asyncio.sleep(wait)
            else:
                budget.answered()
                return answer

    def _log(self, what: str, provider: Provider, failure: ProviderError, request_id: str) -> None:
        logger.warning(
            "%s: %s", failure.message, what, extra={"fields": {"model": provider.model.name, "request_id": request_id}}
        )
