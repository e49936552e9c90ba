"""Asking Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics).

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

import re
from decimal import Decimal
from typing import Any

import aiohttp

from genaiops.api.providers import Prometheus
from genaiops.controller.providers.http import certificates, post
from genaiops.controller.providers.question import ProviderError, Question, number
from genaiops.controller.providers.secrets import Secrets


async def ask(
    provider: Prometheus, question: Question, session: aiohttp.ClientSession, secrets: Secrets
) -> Decimal | None:
    """The value of the query now; None where it has none. Raises ProviderError."""
    status, answer = await post(
        session,
        f"{provider.address.rstrip('/')}/api/v1/query",
        timeout=provider.timeout,
        certificates=await certificates(provider.tls, question.namespace, secrets),
        headers=await _credentials(provider, question.namespace, secrets),
        data={"query": filled(provider.query, question)},
    )
    if not isinstance(answer, dict) or answer.get("status") != "success":
        # What a query is refused for stands in its own field; nothing else of the answer is told.
        said = answer.get("error") if isinstance(answer, dict) else None
        raise ProviderError(f"Prometheus answers {status}" + (f": {said}"[:200] if isinstance(said, str) else ""))
    return _value(answer.get("data"))


def filled(query: str, question: Question) -> str:
    """The query with its variables. They are names and durations: nothing in them is PromQL."""
    variables = question.variables()
    return re.sub(r"\{\{ *([a-z]+) *\}\}", lambda found: variables[found[1]], query)


async def _credentials(provider: Prometheus, namespace: str, secrets: Secrets) -> dict[str, str]:
    credentials = provider.credentials
    if credentials is None:
        return {}
    if credentials.bearer_token:
        return {"Authorization": f"Bearer {await secrets.value(namespace, credentials.bearer_token)}"}
    assert credentials.basic is not None
    password = await secrets.value(namespace, credentials.basic.password)
    return {"Authorization": aiohttp.encode_basic_auth(credentials.basic.username, password)}


def _value(data: Any) -> Decimal | None:
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind == "vector" and isinstance(result, list):
        if len(result) > 1:
            raise ProviderError(f"the query gives {len(result)} series: make them one, as with sum() or max()")
        if not result:
            return None
        result = result[0].get("value") if isinstance(result[0], dict) else None
    elif kind != "scalar":
        raise ProviderError(f"the query gives a {str(kind)[:20]}: a scalar or one series is needed")
    if not isinstance(result, list) or len(result) != 2:
        raise ProviderError("the answer is not in Prometheus' format")
    return number(result[1])
