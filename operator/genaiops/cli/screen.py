"""Lists drawn for a terminal. Pure: a view that went through `untrusted.plain` in, a renderable out.

Texts are put into `Text`, never into markup.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from genaiops.cli.progress import View, time_of
from genaiops.cli.words import age, called, coloured, in_short, left, length, why

_SIGNS: Final = {"+": "green", "-": "red", "@": "cyan"}


def plain_table(*columns: str) -> Table:
    """As kubectl prints tables: no lines, capitals on top."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def apps(rows: Iterable[View], now: datetime, *, namespaces: bool) -> Table:
    """The table of `get`."""
    columns = ("NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "VERDICT", "WAITING", "AGE")
    table = plain_table(*(("NAMESPACE", *columns) if namespaces else columns))
    for row in rows:
        cells = [
            Text(row["name"]),
            coloured(row["phase"]),
            Text(called(row["stable"]) if row["stable"] else ""),
            Text(called(row["candidate"]) if row["candidate"] else ""),
            Text("" if row["weight"] is None else str(row["weight"])),
            coloured(row["verdict"] or ""),
            Text(_waiting(row, now)),
            Text(age(row["created"], now)),
        ]
        table.add_row(*([Text(row["namespace"] or ""), *cells] if namespaces else cells))
    return table


def _waiting(row: View, now: datetime) -> str:
    if row["waiting"]:
        said = in_short(row["waiting"])
        return f"{said}: {', '.join(row['evaluating'])}" if said == "evaluation" else said
    return f"watched, {left(row['watchedUntil'], now)}" if row["watchedUntil"] else ""


def history(entries: Iterable[View], now: datetime) -> Table:
    """The table of `history`."""
    table = plain_table("AGE", "RELEASE", "PROMPT", "RESULT", "TOOK", "CHANGES", "WHY", "DECIDED BY")
    for entry in entries:
        started, finished = entry.get("startedAt"), entry["finishedAt"]
        table.add_row(
            Text(age(finished, now)),
            Text(entry["release"]),
            Text(entry.get("promptVersion") or ""),
            coloured(entry["result"]),
            Text(length(time_of(finished) - time_of(started)) if started else ""),
            Text(", ".join(entry.get("changes") or ())),
            Text(why(entry)),
            Text("; ".join(entry.get("decidedBy") or ())),
        )
    return table


def line(view: View) -> str:
    """The app in one line, for a watch without a terminal."""
    parts = [view["phase"], f"stable {called(view['stable'])}"]
    if view["candidate"]:
        parts.append(f"candidate {called(view['candidate'])} at weight {view['weight'] or 0}")
    if rollout := view["rollout"]:
        parts.append(f"step {rollout['step']} of {rollout['of']}")
        parts += [f"{name} {text}" for name in ("waiting", "paused") if (text := rollout[name])]
        parts += [f"{verdict['name']} {verdict['verdict']}" for verdict in rollout["verdicts"]]
    else:
        parts += [item["message"] for item in view["conditions"] if item["type"] == "Ready" and item.get("message")]
    if watch := view["watch"]:
        parts.append(f"watched until {watch['until']}")
        parts += [f"{verdict['name']} {verdict['verdict']}" for verdict in watch["verdicts"]]
    return " | ".join(parts)


def difference(compared: View) -> Text:
    """What `diff.compare` found, as a text diff under the name of each part."""
    text = Text()
    for sign, side in (("---", compared["from"]), ("+++", compared["to"])):
        about = f"{sign} nothing: this is the first release"
        if side:
            about = f"{sign} {side['release']} (prompt {side['prompt']}/{side['promptVersion']}, model {side['model']})"
        text.append(about + "\n", style="bold")
    for change in compared["changes"]:
        text.append(f"\n{change['part']}\n", style="bold underline")
        for changed in change["diff"]:
            text.append(changed + "\n", style=_SIGNS.get(changed[:1], ""))
    text.append("" if compared["changes"] else "no difference")
    text.rstrip()
    return text
