"""The one error that reaches the user: what is wrong, and what to do about it."""

import sys
from collections.abc import Callable


class Problem(Exception):
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
        print(f"\nerror: {problem}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on from here", file=sys.stderr)
        status = 130
    sys.exit(status)
