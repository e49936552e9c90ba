"""One app drawn as a tree. Pure: a view that went through `untrusted.plain` in, a renderable out.

Texts are put into `Text`, never into markup.
"""

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from genaiops.cli import progress
from genaiops.cli.progress import View
from genaiops.cli.view import overall
from genaiops.cli.words import COLOURS, age, called, coloured, left, why

_MARKS: Final = {"Successful": "✓", "Failed": "✗", "Error": "!", "Inconclusive": "…"}
_BAR: Final = 40
_RECENT: Final = 3


def status(view: View, now: datetime) -> RenderableType:
    """The tree of `status`."""
    title = Text.assemble((view["name"], "bold"), "  ", coloured(view["phase"]), "  ", (view["endpoint"] or "", "dim"))
    tree = Tree(title)
    if not view["observed"]:
        tree.add(Text("the operator has not seen the latest change of the spec yet", style="yellow"))
    tree.add(Text("gateway").append_text(_pods(view["gateway"]["pods"])))
    weight = view["weight"] or 0
    if view["stable"]:
        variants = (view["rollout"] or {}).get("variants") or ()
        left_over = 100 - weight - sum(variant.get("weight", 0) for variant in variants)
        share = f"{left_over} %" if view["candidate"] else "100 %"
        _add_watch(tree.add(_release("stable", view["stable"], share, "green")), view["watch"], now)
    if view["candidate"]:
        share = f"{weight} %" if view["stable"] else "first release"
        _add_rollout(tree.add(_release("candidate", view["candidate"], share, "magenta")), view, now)
    if view["aborted"]:
        tree.add(_release("aborted", view["aborted"], "taken back; the spec still asks for it", "red"))
    for name in view["retiring"]:
        tree.add(Text.assemble("retiring ", name, (" draining", "dim")))
    _add_conditions(tree, view, now)
    _add_recent(tree, "decisions", [_decision(item, now) for item in view["decisions"][:_RECENT]])
    _add_recent(tree, "history", [_past(entry, now) for entry in view["history"][:_RECENT]])
    notes = [Text(f"not up to date, or not to be seen: {problem}", style="yellow") for problem in view["problems"]]
    return Group(tree, *notes)


# --- releases ----------------------------------------------------------------------------------------------


def _release(role: str, release: View, share: str, colour: str) -> Text:
    text = Text.assemble((role, colour), f" {called(release)}")
    if release["model"]:
        text.append(f", model {release['model']}")
    return text.append(f"  {share}", style="bold").append_text(_pods(release.get("pods")))


def _pods(pods: View | None) -> Text:
    if pods is None:
        return Text("")
    complete = pods["ready"] >= pods["wanted"]
    return Text(f"  {pods['ready']}/{pods['wanted']} pods ready", style="dim" if complete else "yellow")


def _add_watch(branch: Tree, watch: View | None, now: datetime) -> None:
    if watch is None:
        return
    head = Text.assemble(
        "watched after its promotion  ",
        (left(watch["until"], now), "yellow"),
        f"; a breach goes back to {called(watch['previous'])}",
    )
    _add_verdicts(branch.add(head.append_text(_pods(watch["previous"]["pods"]))), watch, now)


# --- the rollout -------------------------------------------------------------------------------------------


def _add_rollout(branch: Tree, view: View, now: datetime) -> None:
    rollout = view["rollout"]
    if rollout is None:
        return
    if view["candidate"]["changes"]:
        branch.add(Text(", ".join(view["candidate"]["changes"])))
    if rollout["requestedBy"]:
        branch.add(Text(f"asked for by {', '.join(rollout['requestedBy'])}"))
    if view["stable"]:
        share = round(_BAR * rollout["weight"] / 100)
        branch.add(Text.assemble(("█" * share, "magenta"), ("░" * (_BAR - share), "green"), f" {rollout['weight']} %"))
    branch.add(_steps(rollout, now))
    if rollout["testers"]:
        branch.add(Text(f"testers: {'; '.join(rollout['testers'])}"))
    if shadow := rollout["shadow"]:
        most = f", {shadow['maxRequests']} at the most" if "maxRequests" in shadow else ""
        branch.add(Text(f"shadow: {shadow['percent']} % of requests are copied to it{most}"))
    if rollout["waiting"]:
        since = f" {age(rollout['waitingSince'], now)}" if rollout["waitingSince"] else ""
        branch.add(Text(f"waiting{since}: {rollout['waiting']}", style="cyan"))
    if rollout["paused"]:
        branch.add(Text(f"paused: {rollout['paused']}", style="yellow"))
    _add_evaluations(branch, rollout["evaluations"])
    _add_gate(branch, rollout["gate"], now)
    if held := rollout["held"]:
        because = f": {held['reason']}" if held.get("reason") else ""
        who = held.get("username") or "a person"
        branch.add(Text(f"held by {who} since {age(held['since'], now)}{because}", style="yellow"))
    if rollout["decidedBy"]:
        branch.add(Text(f"decided: {'; '.join(rollout['decidedBy'])}"))
    _add_verdicts(branch, rollout, now)
    for variant in rollout["variants"]:
        _add_variant(branch, variant, now)


def _add_variant(branch: Tree, variant: View, now: datetime) -> None:
    """One more release of an experiment."""
    head = Text.assemble(("variant", "cyan"), f" {variant['name']} {variant['release']}  ")
    head.append(f"{variant.get('weight', 0)} %  ", style="bold").append_text(coloured(variant.get("phase", "")))
    if variant.get("message"):
        head.append(f"  {variant['message']}", style="yellow")
    below = branch.add(head)
    _add_evaluations(below, variant.get("evaluations") or [])
    _add_verdicts(below, progress.measured(variant), now)


def _steps(rollout: View, now: datetime) -> Text:
    text = Text(f"step {rollout['step']} of {rollout['of']}")
    notes = {
        "fast": " (back to an earlier release: no steps)",
        "undo": " (a person goes back to it)",
        "full": " (a person has it skip its steps)",
    }
    for name, note in notes.items():
        text.append(note if rollout[name] else "", style="dim")
    for index, step in enumerate(rollout["steps"], start=1):
        text.append("  " if index == 1 else " → ", style="dim")
        text.append(
            step, style="bold reverse" if index == rollout["step"] else "dim" if index < rollout["step"] else ""
        )
    if rollout["stepEndsAt"]:
        text.append(f"  {left(rollout['stepEndsAt'], now)}", style="yellow")
    return text


def _add_evaluations(branch: Tree, evaluations: list[View]) -> None:
    """Of the suites that the candidate has to pass."""
    if not evaluations:
        return
    suites = branch.add(Text("evaluation"))
    for one in evaluations:
        message = f"  {one['message']}" if one.get("message") else ""
        suites.add(Text.assemble(coloured(one["phase"]), f" {one['suite']}", (f" {one['evaluation']}", "dim"), message))


def _add_gate(branch: Tree, gate: View | None, now: datetime) -> None:
    if gate is None:
        return
    given = gate["needed"] - gate["missing"]
    people = branch.add(Text(f"approval  {given} of {gate['needed']}, {gate['missing']} missing", style="yellow"))
    for approver in gate["approvers"]:
        text = f"✓ {approver['username']} {age(approver['at'], now)} ago; it counts: {left(approver['until'], now)}"
        people.add(Text(text, style="green"))
    if gate["excluded"]:
        people.add(Text(f"may not: {', '.join(gate['excluded'])} (asked for the change)"))


def _add_verdicts(branch: Tree, judged: View, now: datetime) -> None:
    """Of a rollout or of a watch."""
    if judged["lastError"]:
        branch.add(Text(f"the last measurement failed: {judged['lastError']}", style="red"))
    if not judged["verdicts"]:
        return
    measured = f"measured {age(judged['measuredAt'], now)} ago" if judged["measuredAt"] else ""
    verdicts = branch.add(
        Text.assemble("analysis ", coloured(overall(judged["verdicts"]) or ""), " ", (measured, "dim"))
    )
    for verdict in judged["verdicts"]:
        verdicts.add(_verdict(verdict))


def _verdict(verdict: View) -> Text:
    word = verdict["verdict"]
    # The message has the metric, samples, bounds and limit.
    text = Text.assemble((f"{_MARKS.get(word, '?')} {word}", COLOURS.get(word, "")), f" {verdict.get('message', '')}")
    return text.append("  dry run, decides nothing", style="dim") if verdict.get("dryRun") else text


# --- below the releases ------------------------------------------------------------------------------------


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


def _add_recent(tree: Tree, title: str, entries: list[Text]) -> None:
    if not entries:
        return
    branch = tree.add(Text(title))
    for entry in entries:
        branch.add(entry)


def _decision(decision: View, now: datetime) -> Text:
    return Text.assemble(
        coloured(decision["phase"]),
        f" {decision['action']} by {decision.get('username') or 'a person'}",
        (f" {age(decision['at'], now)} ago", "dim"),
        f"  {decision.get('message', '')}",
    )


def _past(entry: View, now: datetime) -> Text:
    evaluated = ", ".join(f"{one['suite']} {one['phase']}" for one in entry.get("evaluations") or ())
    return Text.assemble(
        coloured(entry["result"]),
        f" {entry['release']}",
        f" prompt {entry['promptVersion']}" if entry.get("promptVersion") else "",
        (f" {age(entry['finishedAt'], now)} ago", "dim"),
        f"  {why(entry)}",
        f"  evaluated: {evaluated}" if evaluated else "",
        f"  ({'; '.join(entry['decidedBy'])})" if entry.get("decidedBy") else "",
    )
