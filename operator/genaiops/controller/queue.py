"""A queue of keys: each at most once in line, never worked on by two at a time, delayed and retried by key."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_FIRST_RETRY: Final = 0.2
_LAST_RETRY: Final = 15.0
"""Nobody waits longer for a cluster that works again."""
_DOUBLINGS: Final = 16
"""More than it takes to the last; without an end the power overflows after a day of failures."""


class KeyedQueue(Generic[K]):
    """As controller-runtime's work queue: what is added while it is worked on comes again afterwards."""

    def __init__(self) -> None:
        self._line: deque[K] = deque()
        self._waiting: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        return len(self._line)

    def add(self, key: K) -> None:
        """Put the key in line unless it is there."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._line.append(key)
            self._arrival.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Add the key later; of several times for a key the earliest holds."""
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        when = loop.time() + max(0.0, seconds)
        if known is not None:
            if known.when() <= when:
                return
            known.cancel()
        self._timers[key] = loop.call_at(when, self._ring, key)

    def _ring(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    async def get(self) -> K:
        """Wait for a key and take it; `done` must follow."""
        while not self._line:
            self._arrival.clear()
            await self._arrival.wait()
        key = self._line.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        # What was due later is looked at now; the work itself says when it is due again.
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        return key

    def done(self, key: K) -> None:
        """The key was worked on, well or not."""
        self._working.discard(key)
        if key in self._waiting:
            self._line.append(key)
            self._arrival.set()

    def retry(self, key: K, after: float = 0.0) -> float:
        """The work failed: come back to it, each time later, up to 15 s, if possible not before `after` seconds.

        Returns the delay in seconds.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(max(_FIRST_RETRY * 2.0 ** min(failures, _DOUBLINGS), after), _LAST_RETRY)
        self.add_after(key, delay)
        return delay

    def forget_failures(self, key: K) -> None:
        """The work went well: the next failure starts from the shortest delay."""
        self._failures.pop(key, None)
