"""Where a command prints: a person's terminal, or a pipe."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from genaiops.cli import screen, tree
from genaiops.cli.untrusted import dump, plain
from genaiops.cli.view import View


def show(renderable: RenderableType, *, err: bool = False) -> None:
    """Print what `screen` drew."""
    _console(err=err).print(renderable, soft_wrap=isinstance(renderable, Text))


def show_status(view: View, form: str | None) -> None:
    """Print an app's status as a tree, or as data."""
    if form:
        # Several in a row, from --watch, are a stream of documents.
        click.echo(("---\n" if form == "yaml" else "") + dump(view, form), nl=False)
    else:
        show(tree.status(plain(view), now()))


def keep_showing(views: Iterator[View], form: str | None) -> None:
    """Show each status in the place of the one before; below it where there is no terminal."""
    if form:
        for view in views:
            show_status(view, form)
    elif _console().is_terminal:
        _redraw(views)
    else:
        _tell(views)


def now() -> datetime:
    """The time, for ages."""
    return datetime.now(UTC)


def _redraw(views: Iterator[View]) -> None:
    current: View | None = None

    def draw() -> RenderableType:
        # Also called once a second in between: ages and pauses go on without news.
        return tree.status(current, now()) if current else Text("")

    with Live(get_renderable=draw, console=_console(), refresh_per_second=1) as live:
        for view in views:
            current = plain(view)
            live.refresh()


def _tell(views: Iterator[View]) -> None:
    told = ""
    for view in views:
        line = screen.line(plain(view))
        if line != told:
            told = line
            click.echo(f"{now():%Y-%m-%dT%H:%M:%SZ} {line}")


def _console(*, err: bool = False) -> Console:
    console = Console(stderr=err, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        # Nobody reads a pipe in columns of 80 characters; a program wants whole lines.
        console.width = 10_000
    return console
