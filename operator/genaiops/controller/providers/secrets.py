"""Values of Secrets, read when they are needed and never kept."""

import base64
from typing import Protocol

from genaiops.api.base import SecretKeyRef
from genaiops.controller.cluster import UNAVAILABLE, Cluster
from genaiops.controller.kinds import SECRETS
from genaiops.controller.providers.question import ProviderError


class Secrets(Protocol):
    """A way to the values of Secrets."""

    async def value(self, namespace: str, ref: SecretKeyRef) -> str:
        """The value of one key; raises ProviderError."""
        ...


class ClusterSecrets:
    """From the API server, by the right to list them: no other right is needed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def value(self, namespace: str, ref: SecretKeyRef) -> str:
        """The value of one key; raises ProviderError."""
        try:
            secret = await self._cluster.find(SECRETS, namespace, ref.name)
        except UNAVAILABLE as error:
            raise ProviderError(f"Secret {ref.name} can't be read: {error or type(error).__name__}") from error
        if secret is None:
            raise ProviderError(f"there is no Secret {ref.name} in namespace {namespace}")
        encoded = (secret.get("data") or {}).get(ref.key)
        if encoded is None:
            raise ProviderError(f"Secret {ref.name} has no key {ref.key}")
        try:
            return base64.b64decode(encoded).decode().strip()
        except UnicodeDecodeError as error:
            raise ProviderError(f"key {ref.key} of Secret {ref.name} is no text") from error
