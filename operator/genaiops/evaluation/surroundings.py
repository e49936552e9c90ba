"""What detectors need of the evaluator's process: workers to compute in, and servers to ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import ClientSession

from genaiops.api.base import SecretKeyRef
from genaiops.api.release import ModelContent
from genaiops.evaluation.model_judge import TIMEOUT
from genaiops.evaluation.places import Places
from genaiops.guardrails.checks import Ask
from genaiops.guardrails.pool import Pool
from genaiops.providers.provider import Provider
from genaiops.providers.webhook import post


class RunSurroundings:
    """See guardrails.Surroundings. To be closed."""

    def __init__(self, models: Sequence[ModelContent], client: ClientSession, places: Places) -> None:
        self.pool = Pool()
        self._models = {model.name: Provider(model, client, TIMEOUT, places.credentials) for model in models}
        self._client = client
        self._places = places

    def model(self, name: str, path: str) -> Ask:
        """Asks the Model of this name. Raises ValueError."""
        if name not in self._models:
            raise ValueError(f"detector.model: there is no Model {name}")
        provider = self._models[name]

        async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await provider.ask(path, body)

        return ask

    def webhook(self, url: str, secret: SecretKeyRef | None) -> Ask:
        """Asks this address, with a bearer token where there is one."""

        async def ask(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await post(self._client, url, self._places.secret(secret) if secret else None, body)

        return ask

    def close(self) -> None:
        """Ends the workers."""
        self.pool.close()
