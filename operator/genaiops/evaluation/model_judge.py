"""Asking a Model to judge, over its wire protocol."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from aiohttp import ClientSession

from genaiops.api.evaluation_run import CREDENTIALS
from genaiops.api.release import ModelContent
from genaiops.evaluation.judge import Judge, Reply
from genaiops.evaluation.judgement import EvaluatorError
from genaiops.providers.backoff import backoff
from genaiops.providers.provider import Provider, ProviderError
from genaiops.providers.usage import usage_of

TIMEOUT: Final = timedelta(minutes=2)
"""Time for one call."""
RETRIES: Final = 4
LONGEST_WAIT: Final = 60.0
"""Seconds. A judge that asks to be left alone for longer is not waited for."""


def judges_of(
    models: Sequence[ModelContent], client: ClientSession, credentials: Path = Path(CREDENTIALS)
) -> Callable[[str], Judge]:
    """The Models by their names, as `evaluators_of` wants them. Asking for another name raises ValueError."""
    judges = {model.name: ModelJudge(Provider(model, client, TIMEOUT, credentials)) for model in models}

    def judge(name: str) -> Judge:
        if name not in judges:
            raise ValueError(f"model: there is no Model {name}")
        return judges[name]

    return judge


class ModelJudge:
    """A Model that judges. Of many judgements at a time, each is a call of its own."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._refused: set[str] = set()
        """Fields that the server does not take."""

    async def ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> Reply:
        """As in Judge."""
        answer = await self._answer(messages, schema)
        model = self._provider.model
        used = usage_of(answer.get("usage"))
        cost = used.cost(model.pricing) if used and model.pricing else None
        text = answer["choices"][0]["message"].get("content")
        return Reply(text if isinstance(text, str) else "", used.read + used.written if used else 0, cost)

    async def _answer(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
        form = {"name": "judgement", "strict": True, "schema": schema}
        # Not every server takes all of these, and a judgement without them is one, too.
        wishes = {
            "response_format": {"type": "json_schema", "json_schema": form},
            "temperature": 0,
            "max_tokens": 4096,
        }
        attempt = 0
        while True:
            asked = {field: value for field, value in wishes.items() if field not in self._refused}
            try:
                return await self._provider.complete({"messages": messages, **asked}, uuid4().hex)
            except ProviderError as failure:
                if failure.refused and (field := str(failure.error.get("param"))) in asked:
                    self._refused.add(field)
                    continue
                wait = backoff(attempt, failure.retry_after)
                if not _may_pass(failure) or attempt == RETRIES or wait > LONGEST_WAIT:
                    name = self._provider.model.name
                    raise EvaluatorError(f"the judge {name} failed: {failure.message}") from failure
                attempt += 1
                await asyncio.sleep(wait)


def _may_pass(failure: ProviderError) -> bool:
    return failure.retryable or failure.kind == "timeout" or (failure.status or 0) >= 500
