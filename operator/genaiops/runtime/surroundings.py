"""What the guardrails need of this process: workers to compute in, and servers to ask."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
from aiohttp import ClientSession, ClientTimeout

from genaiops.api.base import SecretKeyRef
from genaiops.api.release import ReleaseContent
from genaiops.guardrails.checks import Ask
from genaiops.guardrails.pool import Pool
from genaiops.providers.credentials import MountedSecret
from genaiops.providers.provider import CONNECT_TIMEOUT, Provider
from genaiops.runtime.metrics import Metrics

LARGEST: Final = 1024 * 1024
"""Bytes of a webhook's answer."""
# A guardrail has a timeout of its own; this one is for connections that are never made.
_TIMEOUT = ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)


class WebhookError(Exception):
    """A webhook that did not answer as it has to."""


class ProcessSurroundings:
    """See guardrails.Surroundings. To be closed."""

    def __init__(self, content: ReleaseContent, client: ClientSession, credentials_dir: Path, metrics: Metrics) -> None:
        self.pool = Pool()
        self._client = client
        self._credentials_dir = credentials_dir
        self._metrics = metrics
        self._models = {
            model.name: Provider(model, client, content.timeout, credentials_dir, metrics.called)
            for model in content.guardrail_models
        }

    def model(self, name: str, path: str) -> Ask:
        """Asks the Model of this name; its tokens count, but not as those of a request. Raises KeyError."""
        provider = self._models[name]

        async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
            answer = await provider.ask(path, body)
            self._metrics.count_call(provider.model, answer.get("usage"), shadow=False)
            return answer

        return ask

    def webhook(self, url: str, secret: SecretKeyRef | None) -> Ask:
        """Asks this address, with the bearer token in the secret's mounted file."""
        token = MountedSecret(self._credentials_dir / "_secrets" / secret.name / secret.key, url) if secret else None

        async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
            headers = {"x-request-id": uuid4().hex}
            if token:
                headers["authorization"] = f"Bearer {token.read()}"
            async with self._client.post(
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

        return ask

    def close(self) -> None:
        """Ends the workers."""
        self.pool.close()
