"""The app's collector of samples and feedback, where there is one: how to reach it, and what it may get."""

from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

from genaiops.api.samples import SamplingSettings
from genaiops.providers.provider import CONNECT_TIMEOUT
from genaiops.runtime.watched import WatchedFile

_TIMEOUT: Final = ClientTimeout(total=10.0, sock_connect=CONNECT_TIMEOUT)


class CollectorError(Exception):
    """The collector did not take it. `again`: it may when it is asked once more."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.again = status is None or status >= 500 or status == 429


class Collector:
    """Where samples and feedback go."""

    def __init__(self, file: Path, client: ClientSession) -> None:
        self._client = client
        self.file = WatchedFile(file, SamplingSettings, "nothing is sampled")

    @property
    def settings(self) -> SamplingSettings | None:
        """None where the app has no collector: nothing is sampled, feedback is only counted."""
        return self.file.settings

    async def post(self, settings: SamplingSettings, path: str, document: Any) -> None:
        """Send it. Raises CollectorError."""
        try:
            async with self._client.post(
                settings.collector + path, data=orjson.dumps(document), timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                if response.status != 202:
                    raise CollectorError(f"the collector answered with status {response.status}", response.status)
        except (ClientError, TimeoutError) as error:
            raise CollectorError(f"the collector can't be reached: {type(error).__name__}") from error
