"""Progress on stderr, so that stdout stays for results that other programs read."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TTY_REFRESH = 0.2
_LOG_REFRESH = 15.0


def say(line: str) -> None:
    """One line that stays."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Step:
    """A long step under way: its title, a detail that changes, and the time since it began."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self._began = time.monotonic()

    def line(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.title}{detail} [{elapsed(time.monotonic() - self._began)}]"


def elapsed(seconds: float) -> str:
    """
    >>> elapsed(4.21), elapsed(75)
    ('4.2s', '1m15s')
    """
    if seconds < 60:
        return f"{seconds:.1f}s"
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show that `title` goes on: one updating line on a terminal, a line every 15 s in a log."""
    current = Step(title)
    done = threading.Event()
    on_terminal = sys.stderr.isatty()
    if not on_terminal:
        say(f"  … {title}")

    def show() -> None:
        turn = 0
        while not done.wait(_TTY_REFRESH if on_terminal else _LOG_REFRESH):
            if on_terminal:
                sys.stderr.write(f"\r\033[K  {_SPINNER[turn % len(_SPINNER)]} {current.line()}")
                sys.stderr.flush()
                turn += 1
            else:
                say(f"  … {current.line()}")

    ticker = threading.Thread(target=show, daemon=True)
    ticker.start()
    mark = "✗"
    try:
        yield current
        mark = "✓"
    finally:
        done.set()
        ticker.join()
        start_of_line = "\r\033[K" if on_terminal else ""
        say(f"{start_of_line}  {mark} {current.line()}")
