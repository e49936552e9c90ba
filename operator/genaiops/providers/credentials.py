"""API keys and tokens, read from mounted files and read again when they change."""

import os
from pathlib import Path


class CredentialError(Exception):
    """No usable key. The message names what it is for, never a value."""


class MountedSecret:
    """The key or token in a file, `of` whom messages say that it is."""

    def __init__(self, path: Path, of: str) -> None:
        self._path = path
        self._of = of
        self._version: tuple[int, int, int] | None = None
        self._value = ""

    def read(self) -> str:
        """The present value. A rotated Secret needs no restart: the kubelet swaps the file, its inode tells.

        Raises CredentialError where the file is missing, unreadable or empty.
        """
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat, once per request
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if version != self._version:
                value = self._path.read_text(encoding="ascii").strip()
                if not value:
                    raise CredentialError(f"the API key of {self._of} is empty")
                self._value, self._version = value, version
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(f"the API key of {self._of} can't be read") from error
        return self._value
