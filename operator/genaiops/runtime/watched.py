"""Settings in a file that comes, changes and goes while the process runs: the kubelet swaps it."""

import asyncio
import logging
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

logger = logging.getLogger("genaiops.runtime")

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at a file."""

T = TypeVar("T", bound=BaseModel)


class WatchedFile(Generic[T]):
    """The settings in one file, as they are now."""

    def __init__(self, path: Path, kind: type[T], without: str) -> None:
        """`without`: what is not done while it can't be read, for the log."""
        self._path = path
        self._kind = kind
        self._without = without
        self._version: tuple[int, int, int] | None = None
        self.settings: T | None = None
        """The same object as long as the file is the same; None where there is no file, or none that can be read."""
        self.look()

    def look(self) -> None:
        """Read the file if it is another one."""
        try:
            stat = self._path.stat()
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if version == self._version:
                return
            content = self._path.read_bytes()
        except OSError:
            self._version, self.settings = None, None
            return
        self._version = version
        try:
            self.settings = self._kind.model_validate_json(content)
        except ValidationError as error:
            self.settings = None
            logger.error("%s, %s can't be read: %s", self._without, self._path, error.errors(include_input=False))

    async def keep_looking(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()
