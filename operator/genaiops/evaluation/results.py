"""The rows of a run on disk: what is done stays done when the container is started anew."""

import json
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from time import monotonic, time
from typing import Final

from genaiops.evaluation.records import ROWS, Record, read, total

_RUN: Final = "run.json"
_SYNC: Final = 1.0
"""Seconds of rows that a machine may lose: of a killed process nothing is lost, each row is handed to the system."""


class Results:
    """Rows as they are done, in a folder and, for whoever reads the log, on standard output."""

    def __init__(self, folder: Path, run: str) -> None:
        """Take up the rows that are there. `run`: what names this run; rows of another one are removed."""
        self.folder = folder
        self.rows = folder / ROWS
        self.done: set[tuple[str, int]] = set()
        """Rows and the repeat."""
        self.tokens = 0
        self.cost: Decimal | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.started = self._began(run)
        """When the run was started first, in seconds since 1970."""
        self._take_up()
        self._file = self.rows.open("a", encoding="ascii")
        self._synced = monotonic()

    def _began(self, run: str) -> float:
        marker = self.folder / _RUN
        try:
            known = json.loads(marker.read_text())
            if known["run"] == run:
                return float(known["started"])
        except (FileNotFoundError, ValueError, KeyError):
            pass  # nothing was begun here, or it was not begun well
        self.rows.unlink(missing_ok=True)
        started = time()
        fresh = marker.with_suffix(".new")
        fresh.write_text(json.dumps({"run": run, "started": started}))
        fresh.rename(marker)
        return started

    def _take_up(self) -> None:
        if not self.rows.exists():
            return
        with self.rows.open("rb+") as file:
            # A row that was cut off in the middle is asked again.
            size = 0
            for line in file:
                if not line.endswith(b"\n"):
                    break
                size += len(line)
            file.truncate(size)
        for record in read(self.rows):
            self._count(record)
            # The log of a new container begins empty.
            _tell(record.line())

    def _count(self, record: Record) -> None:
        self.done.add((record.id, record.repeat))
        self.tokens += record.tokens
        self.cost = total([self.cost, record.cost])

    def add(self, record: Record) -> None:
        """One more row is done."""
        line = record.line()
        self._file.write(line + "\n")
        self._file.flush()
        if monotonic() - self._synced > _SYNC:
            self._sync()
        self._count(record)
        _tell(line)

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = monotonic()

    def close(self) -> None:
        """All rows are on the disk."""
        self._file.flush()
        self._sync()
        self._file.close()

    def records(self) -> Iterator[Record]:
        """All rows, in the order in which they were done."""
        return read(self.rows)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
