"""What the API server's audit log tells while it is written."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from controlplane import Write, parse_audit_log


class AuditLog:
    """Follows the API server's log of writes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open()
        self._rest = ""
        self.writes: list[Write] = []

    def read(self) -> list[Write]:
        """What was written since the last call."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        new = list(parse_audit_log(lines))
        self.writes += new
        return new

    async def until(self, what: str, holds: Callable[[Write], bool], count: int, within: float = 600.0) -> list[Write]:
        """Wait for so many new writes for which that holds."""
        deadline = time.monotonic() + within
        found: list[Write] = []
        while len(found) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: {len(found)} of {count} within {within} s")
            await asyncio.sleep(0.02)
            found += filter(holds, self.read())
        return found

    async def silent(self, user: str, seconds: float = 3.0) -> None:
        """Wait until that user writes nothing for so long."""
        self.read()
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < seconds:
            await asyncio.sleep(0.2)
            if any(write.user == user and write.resource != "leases" for write in self.read()):
                quiet_since = time.monotonic()
