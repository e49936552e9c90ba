"""Views drawn for a terminal. Pure: a view that went through `untrusted.plain` in, a renderable out.

Texts are put into `Text`, never into markup.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from genaiops.cli.view import View, overall, time_of

_COLOURS: Final = {
    "Healthy": "green",
    "Progressing": "cyan",
    "Pending": "cyan",
    "Paused": "yellow",
    "Degraded": "red",
    "Successful": "green",
    "Failed": "red",
    "Error": "red",
    "Inconclusive": "yellow",
    "Promoted": "green",
    "FastPromoted": "green",
    "FastRolledBack": "yellow",
    "RolledBack": "yellow",
    "Superseded": "yellow",
    "Aborted": "red",
}
_MARKS: Final = {"Successful": "✓", "Failed": "✗", "Error": "!", "Inconclusive": "…"}
_SIGNS: Final = {"+": "green", "-": "red", "@": "cyan"}
_BAR: Final = 40
_RECENT: Final = 3
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def age(since: str | None, now: datetime) -> str:
    """How long ago, as kubectl says it: the largest unit, with the next one where the first alone is coarse."""
    return _length(now - time_of(since)) if since else ""


def _length(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for index, (unit, size) in enumerate(_UNITS[:-1]):
        count, rest = divmod(seconds, size)
        if count:
            smaller, smaller_size = _UNITS[index + 1]
            more = rest // smaller_size
            return f"{count}{unit}{more}{smaller}" if more and count < 10 else f"{count}{unit}"
    return f"{seconds}s"


def coloured(word: str) -> Text:
    """A phase, verdict or result in its colour."""
    return Text(word, style=_COLOURS.get(word, ""))


def _plain_table(*columns: str) -> Table:
    """As kubectl prints tables: no lines, capitals on top."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def apps(rows: Iterable[View], now: datetime, *, namespaces: bool) -> Table:
    """The table of `get`."""
    columns = ("NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "VERDICT", "AGE")
    table = _plain_table(*(("NAMESPACE", *columns) if namespaces else columns))
    for row in rows:
        cells = [
            Text(row["name"]),
            coloured(row["phase"]),
            _short_release(row["stable"]),
            _short_release(row["candidate"]),
            Text("" if row["weight"] is None else str(row["weight"])),
            coloured(row["verdict"] or ""),
            Text(age(row["created"], now)),
        ]
        table.add_row(*([Text(row["namespace"] or ""), *cells] if namespaces else cells))
    return table


def history(entries: Iterable[View], now: datetime) -> Table:
    """The table of `history`."""
    table = _plain_table("AGE", "RELEASE", "PROMPT", "RESULT", "TOOK", "CHANGES", "WHY")
    for entry in entries:
        started, finished = entry.get("startedAt"), entry["finishedAt"]
        table.add_row(
            Text(age(finished, now)),
            Text(entry["release"]),
            Text(entry.get("promptVersion") or ""),
            coloured(entry["result"]),
            Text(_length(time_of(finished) - time_of(started)) if started else ""),
            Text(", ".join(entry.get("changes") or ())),
            Text(_why(entry)),
        )
    return table


def status(view: View, now: datetime) -> RenderableType:
    """The tree of `status`."""
    title = Text.assemble((view["name"], "bold"), "  ", coloured(view["phase"]), "  ", (view["endpoint"] or "", "dim"))
    tree = Tree(title)
    if not view["observed"]:
        tree.add(Text("the operator has not seen the latest change of the spec yet", style="yellow"))
    tree.add(Text("gateway").append_text(_pods(view["gateway"]["pods"])))
    weight = view["weight"] or 0
    if view["stable"]:
        tree.add(_release("stable", view["stable"], f"{100 - weight} %" if view["candidate"] else "100 %", "green"))
    if view["candidate"]:
        share = f"{weight} %" if view["stable"] else "first release"
        _add_rollout(tree.add(_release("candidate", view["candidate"], share, "magenta")), view, now)
    if view["aborted"]:
        tree.add(_release("aborted", view["aborted"], "taken back; the spec still asks for it", "red"))
    for name in view["retiring"]:
        tree.add(Text.assemble("retiring ", name, (" draining", "dim")))
    _add_conditions(tree, view, now)
    if view["history"]:
        branch = tree.add(Text("history"))
        for entry in view["history"][:_RECENT]:
            branch.add(_past(entry, now))
    notes = [Text(f"not up to date, or not to be seen: {problem}", style="yellow") for problem in view["problems"]]
    return Group(tree, *notes)


def line(view: View) -> str:
    """The app in one line, for a watch without a terminal."""
    parts = [view["phase"], f"stable {_called(view['stable'])}"]
    if view["candidate"]:
        parts.append(f"candidate {_called(view['candidate'])} at weight {view['weight'] or 0}")
    if rollout := view["rollout"]:
        parts.append(f"step {rollout['step']} of {rollout['of']}")
        parts += [f"{name} {text}" for name in ("waiting", "paused") if (text := rollout[name])]
        parts += [f"{verdict['name']} {verdict['verdict']}" for verdict in rollout["verdicts"]]
    elif message := _ready_message(view):
        parts.append(message)
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


# --- parts of the tree -------------------------------------------------------------------------------------


def _add_rollout(branch: Tree, view: View, now: datetime) -> None:
    rollout = view["rollout"]
    if rollout is None:
        return
    if view["candidate"]["changes"]:
        branch.add(Text(", ".join(view["candidate"]["changes"])))
    if view["stable"]:
        share = round(_BAR * rollout["weight"] / 100)
        branch.add(Text.assemble(("█" * share, "magenta"), ("░" * (_BAR - share), "green"), f" {rollout['weight']} %"))
    branch.add(_steps(rollout, now))
    if rollout["waiting"]:
        branch.add(Text(f"waiting {age(rollout['waitingSince'], now)}: {rollout['waiting']}", style="cyan"))
    if rollout["paused"]:
        branch.add(Text(f"paused: {rollout['paused']}", style="yellow"))
    if rollout["lastError"]:
        branch.add(Text(f"the last measurement failed: {rollout['lastError']}", style="red"))
    if rollout["verdicts"]:
        measured = f"measured {age(rollout['measuredAt'], now)} ago" if rollout["measuredAt"] else ""
        head = Text.assemble("analysis ", coloured(overall(rollout["verdicts"]) or ""), " ", (measured, "dim"))
        verdicts = branch.add(head)
        for verdict in rollout["verdicts"]:
            verdicts.add(_verdict(verdict))


def _steps(rollout: View, now: datetime) -> Text:
    text = Text(f"step {rollout['step']} of {rollout['of']}")
    if rollout["fast"]:
        text.append(" (back to an earlier release: no steps)", style="dim")
    for index, step in enumerate(rollout["steps"], start=1):
        text.append("  " if index == 1 else " → ", style="dim")
        text.append(
            step, style="bold reverse" if index == rollout["step"] else "dim" if index < rollout["step"] else ""
        )
    if rollout["pauseEndsAt"]:
        left = time_of(rollout["pauseEndsAt"]) - now
        text.append(f"  {_length(left)} left" if left > timedelta(0) else "  over", style="yellow")
    return text


def _verdict(verdict: View) -> Text:
    word = verdict["verdict"]
    # The message has the metric, samples, bounds and limit.
    text = Text.assemble((f"{_MARKS.get(word, '?')} {word}", _COLOURS.get(word, "")), f" {verdict.get('message', '')}")
    return text.append("  dry run, decides nothing", style="dim") if verdict.get("dryRun") else text


def _add_conditions(tree: Tree, view: View, now: datetime) -> None:
    if not view["conditions"]:
        return
    branch = tree.add(Text("conditions"))
    told: set[str] = set()
    for condition in view["conditions"]:
        message = condition.get("message", "")
        # Ready, Reconciling and Stalled share one message: it is shown once.
        text = Text.assemble(
            condition["type"],
            " ",
            (condition["status"], "green" if condition["status"] == "True" else "dim"),
            (f" {age(condition.get('lastTransitionTime'), now)}", "dim"),
            f"  {condition['reason']}: {message}" if message and message not in told else "",
        )
        told.add(message)
        branch.add(text)


def _past(entry: View, now: datetime) -> Text:
    return Text.assemble(
        coloured(entry["result"]),
        f" {entry['release']}",
        f" prompt {entry['promptVersion']}" if entry.get("promptVersion") else "",
        (f" {age(entry['finishedAt'], now)} ago", "dim"),
        f"  {_why(entry)}",
    )


def _why(entry: View) -> str:
    return ": ".join(part for part in (entry.get("reason"), entry.get("message")) if part)


def _release(role: str, release: View, share: str, colour: str) -> Text:
    text = Text.assemble((role, colour), f" {_called(release)}")
    if release["model"]:
        text.append(f", model {release['model']}")
    return text.append(f"  {share}", style="bold").append_text(_pods(release.get("pods")))


def _pods(pods: View | None) -> Text:
    if pods is None:
        return Text("")
    complete = pods["ready"] >= pods["wanted"]
    return Text(f"  {pods['ready']}/{pods['wanted']} pods ready", style="dim" if complete else "yellow")


def _called(release: View | None) -> str:
    if release is None:
        return "none"
    return (
        f"{release['name']} (prompt {release['promptVersion']})" if release["promptVersion"] else str(release["name"])
    )


def _short_release(release: View | None) -> Text:
    return Text(_called(release) if release else "")


def _ready_message(view: View) -> str:
    messages = [item.get("message", "") for item in view["conditions"] if item["type"] == "Ready"]
    return messages[0] if messages else ""
