"""Asking a webhook: a POST of what it is about, a number somewhere in the JSON that comes back."""

from decimal import Decimal
from typing import Any

import aiohttp

from genaiops.api.json_path import found_at
from genaiops.api.providers import Webhook
from genaiops.controller.providers.http import certificates, post
from genaiops.controller.providers.question import ProviderError, Question, number
from genaiops.controller.providers.secrets import Secrets


async def ask(
    provider: Webhook, question: Question, session: aiohttp.ClientSession, secrets: Secrets
) -> Decimal | None:
    """The number at `jsonPath`; true is 1, false is 0, null is no data. Raises ProviderError."""
    headers = {}
    for header in provider.headers:
        secret = header.secret_ref
        headers[header.name] = await secrets.value(question.namespace, secret) if secret else str(header.value)
    status, answer = await post(
        session,
        provider.url,
        timeout=provider.timeout,
        certificates=await certificates(provider.tls, question.namespace, secrets),
        headers=headers,
        json={**question.variables(), "body": provider.body},
    )
    if not 200 <= status <= 299:
        raise ProviderError(f"the webhook answers {status}")
    try:
        found = found_at(provider.json_path, answer)
    except LookupError as error:
        raise ProviderError(str(error)) from error
    return _value(found, provider.json_path)


def _value(found: Any, path: str) -> Decimal | None:
    if found is None:
        return None
    if not isinstance(found, int | Decimal | float):
        raise ProviderError(f"jsonPath: what stands at {path} is no number")
    return number(int(found) if isinstance(found, bool) else found)
