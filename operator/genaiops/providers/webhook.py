"""One question to a server of the team's own."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import orjson
from aiohttp import ClientSession, ClientTimeout

from genaiops.providers.provider import CONNECT_TIMEOUT

LARGEST: Final = 1024 * 1024
"""Bytes of an answer."""
# Who asks has a time limit of its own; this one is for connections that are never made.
_TIMEOUT: Final = ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)


class WebhookError(Exception):
    """A webhook that did not answer as it has to."""


async def post(client: ClientSession, url: str, token: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of the answer. Raises WebhookError, and what aiohttp raises of connections."""
    headers = {"x-request-id": uuid4().hex}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with client.post(
        url, data=orjson.dumps(body), headers=headers, timeout=_TIMEOUT, allow_redirects=False
    ) as response:
        if response.status != 200:
            raise WebhookError(f"status {response.status}")
        answer = await response.content.read(LARGEST + 1)
        while len(answer) <= LARGEST and (more := await response.content.read(LARGEST)):
            answer += more
    if len(answer) > LARGEST or not isinstance(document := orjson.loads(answer), dict):
        raise WebhookError("the answer is too large, or no JSON object")
    return document
