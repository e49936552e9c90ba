"""One HTTP request to a provider: certificates, a time limit, a bounded answer, no redirects."""

import json
import ssl
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import aiohttp

from genaiops.api.providers import Tls
from genaiops.controller.providers.question import ProviderError
from genaiops.controller.providers.secrets import Secrets

_MAX_BYTES: Final = 256 * 1024


async def certificates(tls: Tls, namespace: str, secrets: Secrets) -> ssl.SSLContext | bool:
    """How to check the server's certificate, as aiohttp takes it. Raises ProviderError."""
    if tls.insecure_skip_verify:
        return False
    if tls.ca_secret is None:
        return True
    authorities = await secrets.value(namespace, tls.ca_secret)
    try:
        return ssl.create_default_context(cadata=authorities)
    except ssl.SSLError as error:
        raise ProviderError(f"tls.caSecret: key {tls.ca_secret.key} of {tls.ca_secret.name} has no PEM") from error


async def post(
    session: aiohttp.ClientSession,
    url: str,
    *,
    timeout: timedelta,  # noqa: ASYNC109  # of the request, as aiohttp takes it
    certificates: ssl.SSLContext | bool,
    headers: Mapping[str, str],
    **body: Any,
) -> tuple[int, Any]:
    """Status and JSON of the answer, decimals as Decimal; None for a body that is no JSON. Raises ProviderError.

    `body` is `data` or `json` of aiohttp.
    """
    limit = aiohttp.ClientTimeout(total=timeout.total_seconds())
    try:
        # A redirect would take the credentials elsewhere.
        async with session.post(
            url, headers=headers, timeout=limit, ssl=certificates, allow_redirects=False, **body
        ) as answer:
            said = bytearray()
            async for chunk in answer.content.iter_any():
                said += chunk
                if len(said) > _MAX_BYTES:
                    raise ProviderError(f"the answer is larger than {_MAX_BYTES} bytes")
            return answer.status, _json(bytes(said))
    except TimeoutError as error:
        raise ProviderError(f"no answer within {timeout.total_seconds():g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ProviderError(f"not reached: {error or type(error).__name__}") from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
