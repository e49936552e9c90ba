"""Worker processes for detectors that compute for longer than an event loop can wait.

Each worker makes its own detectors, from the same settings. There are none until one is needed, and more only while all
are busy.
"""

import asyncio
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache, partial
from math import ceil
from pathlib import Path
from typing import Final

from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.guardrails.finding import Context, Detector, Finding

HANGS: Final = 15.0
"""Seconds after which a worker that is still at one text is killed. Callers have stopped waiting long before."""
MEMORY: Final = 192 * 1024 * 1024
"""Bytes that one worker may need: an interpreter, an inference engine, small models."""


class WorkerDiedError(Exception):
    """A worker was killed or crashed, and with it what all of them were at; the next text finds new ones."""


class Pool:
    """Starts no process before the first `find`. To be closed."""

    def __init__(self) -> None:
        self._settings: list[str] = []
        self._executor: ProcessPoolExecutor | None = None

    def expect(self, settings: str) -> None:
        """A detector with these settings will be asked for: a worker is ready for work when it has tried it."""
        self._settings.append(settings)

    async def find(self, settings: str, context: Context, text: str, start: int, complete: bool) -> list[Finding]:
        """What the detector with these settings (JSON of api.detectors.Detector) finds: Detector.find, in a worker.

        Raises what the detector raises, and WorkerDiedError.
        """
        executor = self._executor = self._executor or _new_executor(self._settings)
        work = partial(_find, settings, context, text, start, complete)
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except BrokenProcessPool as error:
            if self._executor is executor:
                self._executor = None
            executor.shutdown(wait=False, cancel_futures=True)
            raise WorkerDiedError("a worker process of the guardrails died") from error

    def close(self) -> None:
        """Ends the workers, each after what it is at."""
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def _new_executor(settings: list[str]) -> ProcessPoolExecutor:
    # Spawned and not forked: a fork of a process with threads (the metrics server) may hang in a lock of theirs.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers(), spawn, initializer=_prepare, initargs=(tuple(settings),))


def workers(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """How many workers fit: the container's processors, and no more than its memory holds (cgroup v2), at least one."""
    cpus = float(len(os.sched_getaffinity(0)))
    if limit := _limit(cgroup / "cpu.max"):
        quota, period = limit
        cpus = min(cpus, quota / period)
    # Half of the memory is for the server itself.
    memory = _limit(cgroup / "memory.max")
    fitting = memory[0] // 2 // MEMORY if memory else ceil(cpus)
    return max(1, min(ceil(cpus), fitting))


def _limit(file: Path) -> list[int] | None:
    """The numbers in the file; None where there is no limit, or no such file."""
    try:
        words = file.read_text().split()
    except OSError:
        return None
    return None if not words or words[0] == "max" else [int(word) for word in words]


# --- in the worker -----------------------------------------------------------------------------------------


def _prepare(expected: tuple[str, ...]) -> None:
    # Ctrl-C in a terminal reaches the whole group; the server ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for settings in expected:
        # What fails here fails again for whoever asks, who is told why.
        with suppress(Exception):
            _find(settings, Context(), "Hello.", 0, complete=True)


def _find(settings: str, context: Context, text: str, start: int, complete: bool) -> list[Finding]:
    # The signal's default action ends the process, also when it is somewhere in native code.
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        return _detector(settings).given(context).find(text, start, complete)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@lru_cache(maxsize=64)
def _detector(settings: str) -> Detector:
    from genaiops.guardrails.detectors import build  # the parent needs this module and builds none of them by it

    return build(DetectorSpec.model_validate_json(settings))
