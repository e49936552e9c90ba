"""The process that computes: the one that answers stays free for probes, and outlives one that hangs.

One, since each holds its own model; more pods are how it scales.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from genaiops.presidio.settings import Settings

if TYPE_CHECKING:
    from genaiops.presidio.engine import Engine

HANGS: Final = 10.0
"""Seconds after which the process is killed that was told to give a text up and is still at it."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Found:
    """``text[start:end]`` is of this kind."""

    kind: str
    score: float
    start: int
    end: int


class SetupError(Exception):
    """The settings can't work. The message says which, and what to do."""


class JudgeError(Exception):
    """A text that could not be judged: it took too long, or the process died. The message says which."""


class Worker:
    """Starts its process when it is first asked, and a new one where that died. To be closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._executor: ProcessPoolExecutor | None = None

    async def entities(self) -> Mapping[str, frozenset[str]]:
        """What can be found, by language, once all models are loaded. Raises SetupError and JudgeError."""
        return await self._done(partial(_entities, self._settings))

    async def find(self, text: str, language: str, entities: Sequence[str], threshold: float) -> list[Found]:
        """As Engine.find. Raises JudgeError."""
        until = monotonic() + self._settings.timeout
        return await self._done(partial(_find, self._settings, text, language, entities, threshold, until))

    async def _done(self, work: Callable[[], _Result]) -> _Result:
        # Spawned and not forked: a fork of a process with threads may hang in a lock of theirs.
        spawn = multiprocessing.get_context("spawn")
        executor = self._executor = self._executor or ProcessPoolExecutor(1, spawn, initializer=_prepare)
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except BrokenProcessPool as error:
            if self._executor is executor:
                self._executor = None
            executor.shutdown(wait=False, cancel_futures=True)
            raise JudgeError("the process that judges died (out of memory, or killed as it hung)") from error

    def close(self) -> None:
        """Ends the process, and waits for what it is at."""
        if self._executor:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


# --- in the worker -----------------------------------------------------------------------------------------


class _OverdueError(BaseException):
    """Time is over. No Exception: Presidio goes on without a pattern whose search is interrupted by one."""


def _prepare() -> None:
    # Ctrl-C in a terminal reaches the whole group; the server ends its worker itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Presidio leaves out a pattern after so long, and what it would have found: our own limit comes first.
    os.environ["REGEX_TIMEOUT_SECONDS"] = "86400"


@cache
def _engine(settings: Settings) -> "Engine":
    from genaiops.presidio.engine import Engine  # spaCy: the process that answers needs none of it

    return Engine(settings)


def _entities(settings: Settings) -> Mapping[str, frozenset[str]]:
    return _engine(settings).entities


def _find(
    settings: Settings, text: str, language: str, entities: Sequence[str], threshold: float, until: float
) -> list[Found]:
    engine = _engine(settings)
    # The clock is the system's, the same in all of its processes.
    left = until - monotonic()
    if left <= 0:
        raise JudgeError("the texts before it took too long: more pods, or a longer --timeout")
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, left, HANGS)
    try:
        return engine.find(text, language, entities, threshold)
    except _OverdueError:
        raise JudgeError(f"it took longer than --timeout, {settings.timeout:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    # Next time, the signal's default action ends the process, wherever in native code it is.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    raise _OverdueError
