"""API keys, read from mounted files and read again when they change."""

import os
from pathlib import Path


class CredentialError(Exception):
    """No usable key. The message names the Model, never a value."""


class ApiKey:
    """One Model's API key in ``<directory>/<Model name>/api-key``."""

    def __init__(self, directory: Path, model: str) -> None:
        self._path = directory / model / "api-key"
        self._model = model
        self._version: tuple[int, int, int] | None = None
        self._value = ""

    def read(self) -> str:
        """The present key. A rotated Secret needs no restart: the kubelet swaps the file, its inode tells.

        Raises CredentialError where the file is missing, unreadable or empty.
        """
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat, once per request
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if version != self._version:
                value = self._path.read_text(encoding="ascii").strip()
                if not value:
                    raise CredentialError(f"the API key of model {self._model} is empty")
                self._value, self._version = value, version
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(f"the API key of model {self._model} can't be read") from error
        return self._value
