"""Worker processes for detectors that compute for longer than an event loop can wait.

Each worker makes its own detectors, from the same settings. There are none until one is needed, and more only while all
are busy.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache, partial
from math import ceil
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final, TypeVar

from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.guardrails.finding import Context, Detector, Finding

HANGS: Final = 15.0
"""Seconds after which a worker is killed that was told to give a text up and is still at it."""
TRIAL: Final = "The train to the mountains leaves every morning at seven."
TRIAL_CONTEXT: Final = Context(variables={"source": "Water boils at one hundred degrees."}, question="When?")
"""What a detector is tried with: enough of a text, and of a context, for each of them to load all that it needs."""
MEMORY: Final = 192 * 1024 * 1024
"""Bytes that one worker may need: an interpreter, an inference engine, small models."""

_Result = TypeVar("_Result")


class WorkerDiedError(Exception):
    """A worker was killed or crashed, and with it what all of them were at; the next text finds new ones."""


class Pool:
    """Starts no process before one is asked for. To be closed."""

    def __init__(self) -> None:
        self._settings: list[str] = []
        self._executor: ProcessPoolExecutor | None = None

    def expect(self, settings: str) -> None:
        """A detector with these settings will be asked for: a worker is ready for work when it has tried it."""
        self._settings.append(settings)

    async def find(
        self, settings: str, context: Context, text: str, start: int, complete: bool, seconds: float = HANGS
    ) -> list[Finding]:
        """What the detector with these settings (JSON of api.detectors.Detector) finds: Detector.find, in a worker.

        After `seconds` the worker gives the text up: it is there for others when its caller has stopped waiting.
        Raises what the detector raises, TimeoutError and WorkerDiedError.
        """
        return await self._done(partial(_find, settings, context, text, start, complete, monotonic() + seconds))

    async def started(self) -> None:
        """Returns when a worker has tried all detectors that are expected, however long that takes.

        Raises WorkerDiedError.
        """
        if self._settings:
            await self._done(_nothing)

    async def _done(self, work: Callable[[], _Result]) -> _Result:
        executor = self._executor = self._executor or _new_executor(self._settings)
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
        # What fails here fails again for whoever asks, who is told why. It may take its time: a model is loaded, on
        # however little of a processor the pod has, and nobody's text waits but in a pod that isn't ready.
        with suppress(Exception):
            _detector(settings).given(TRIAL_CONTEXT).find(TRIAL, 0, complete=True)


def _nothing() -> None:
    """All there is to do is to be there."""


def _find(settings: str, context: Context, text: str, start: int, complete: bool, until: float) -> list[Finding]:
    # The clock is the system's, the same in all of its processes.
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("it waited too long")
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, left, HANGS)
    try:
        return _detector(settings).given(context).find(text, start, complete)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(number: int, frame: FrameType | None) -> None:
    # Next time, the signal's default action ends the process, wherever in native code it is.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    raise TimeoutError("it took too long")


@lru_cache(maxsize=64)
def _detector(settings: str) -> Detector:
    from genaiops.guardrails.detectors import build  # the parent needs this module and builds none of them by it

    return build(DetectorSpec.model_validate_json(settings))
