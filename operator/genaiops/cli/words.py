"""The words that tables, lines and trees share: ages, colours, what a release is called."""

import re
from datetime import datetime, timedelta
from typing import Final

from rich.text import Text

from genaiops.cli.progress import View, time_of

COLOURS: Final = {
    "Healthy": "green",
    "Progressing": "cyan",
    "Pending": "cyan",
    "Paused": "yellow",
    "Degraded": "red",
    "Successful": "green",
    "Failed": "red",
    "Error": "red",
    "Inconclusive": "yellow",
    "Passed": "green",
    "Promoted": "green",
    "FastPromoted": "green",
    "FastRolledBack": "yellow",
    "RolledBack": "yellow",
    "Superseded": "yellow",
    "Aborted": "red",
    "Applied": "green",
    "Refused": "red",
    "Expired": "yellow",
}
"""Of phases, verdicts, results, and what became of decisions."""
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_REST: Final = re.compile(r": |; | \(")


def age(since: str | None, now: datetime) -> str:
    """How long ago, as kubectl says it: the largest unit, with the next one where the first alone is coarse."""
    return length(now - time_of(since)) if since else ""


def left(until: str, now: datetime) -> str:
    """How much is left of a time."""
    rest = time_of(until) - now
    return f"{length(rest)} left" if rest > timedelta(0) else "over"


def length(time: timedelta) -> str:
    """A length of time in at most two units."""
    seconds = max(0, int(time.total_seconds()))
    for index, (unit, size) in enumerate(_UNITS[:-1]):
        count, rest = divmod(seconds, size)
        if count:
            smaller, smaller_size = _UNITS[index + 1]
            more = rest // smaller_size
            return f"{count}{unit}{more}{smaller}" if more and count < 10 else f"{count}{unit}"
    return f"{seconds}s"


def coloured(word: str) -> Text:
    """A phase, verdict or result in its colour."""
    return Text(word, style=COLOURS.get(word, ""))


def called(release: View | None) -> str:
    """A release with its prompt's version."""
    if release is None:
        return "none"
    return (
        f"{release['name']} (prompt {release['promptVersion']})" if release["promptVersion"] else str(release["name"])
    )


def why(entry: View) -> str:
    """Reason and message."""
    return ": ".join(part for part in (entry.get("reason"), entry.get("message")) if part)


def in_short(message: str) -> str:
    """What a message says first; the rest explains it."""
    return _REST.split(message)[0]
