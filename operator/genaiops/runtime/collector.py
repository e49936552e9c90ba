"""The app's collector of samples and feedback, where there is one: how to reach it, and what it may get.

Unlike the release, this may change while the process runs: the kubelet swaps the file.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from pydantic import ValidationError

from genaiops.api.samples import SamplingSettings
from genaiops.providers.provider import CONNECT_TIMEOUT

logger = logging.getLogger("genaiops.runtime")

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the file."""
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
        self._file = file
        self._client = client
        self._version: tuple[int, int, int] | None = None
        self.settings: SamplingSettings | None = None
        """None where the app has no collector: nothing is sampled, feedback is only counted."""
        self.look()

    def look(self) -> None:
        """Read the file if it is another one. One that can't be read is none: nothing leaves the pod then."""
        try:
            stat = self._file.stat()
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if version == self._version:
                return
            content = self._file.read_bytes()
        except OSError:
            self._version, self.settings = None, None
            return
        self._version = version
        try:
            self.settings = SamplingSettings.model_validate_json(content)
        except ValidationError as error:
            self.settings = None
            logger.error("nothing is sampled, %s can't be read: %s", self._file, error.errors(include_input=False))

    async def keep_looking(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

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
