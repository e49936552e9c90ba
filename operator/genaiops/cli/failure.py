"""How a command says no. Exit codes: 0 done, 1 the answer is no, 2 it could not be done, 130 interrupted."""

import sys
from typing import IO, Any

import click

from genaiops.cli.untrusted import one_line


class Failure(click.ClickException):
    """It could not be done: not found, no cluster, not allowed, wrong input. One line that says what to do."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {one_line(self.message)}", file=file or sys.stderr)


class Refused(Failure):
    """The answer is no: there is nothing to promote, the other outcome was reached."""

    exit_code = 1
