"""The one error that reaches the user: what is wrong, and what to do about it."""

import sys
from collections.abc import Callable

from .console import say


class Problem(Exception):  # noqa: N818 - it is no defect of this program
    """Something a person has to know or fix. It is shown without a traceback."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  what to do: {self.remedy}" if self.remedy else self.what


def exit_with_problems_shown(main: Callable[[], int]) -> None:
    """Run a command-line program; a Problem becomes a message and exit status 1, a bug keeps its traceback."""
    try:
        status = main()
    except Problem as problem:
        say(f"\nerror: {problem}")
        status = 1
    except KeyboardInterrupt:
        say("\ninterrupted; run the same command again to go on from here")
        status = 130
    sys.exit(status)
