"""What the guardrails need of this process: workers to compute in, and servers to ask."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from genaiops.api.base import SecretKeyRef
from genaiops.api.release import ReleaseContent
from genaiops.guardrails.checks import Ask
from genaiops.guardrails.pool import Pool
from genaiops.providers.credentials import MountedSecret
from genaiops.providers.provider import Provider
from genaiops.providers.webhook import post
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.tracing import follow


class ProcessSurroundings:
    """See guardrails.Surroundings. To be closed."""

    def __init__(self, content: ReleaseContent, client: ClientSession, credentials_dir: Path, metrics: Metrics) -> None:
        self.pool = Pool()
        self._client = client
        self._credentials_dir = credentials_dir
        self._metrics = metrics
        self._models = {
            model.name: Provider(model, client, content.timeout, credentials_dir, metrics.called, follow)
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
            return await post(self._client, url, token.read() if token else None, body)

        return ask

    def close(self) -> None:
        """Ends the workers."""
        self.pool.close()
