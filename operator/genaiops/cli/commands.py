"""The commands: arguments in, text or data out. What they do is in the modules that they call."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click
from rich.text import Text

from genaiops.cli import decide, screen, terminal, view
from genaiops.cli import diff as differences
from genaiops.cli.cluster import Choice, Cluster, Query
from genaiops.cli.evaluate import evaluate
from genaiops.cli.failure import Failure, Refused
from genaiops.cli.follow import Seen, follow, look
from genaiops.cli.options import Duration, NameAndValue, ObjectName, app_argument, output, place
from genaiops.cli.outcome import GOALS, Goal, Waiting
from genaiops.cli.prompt import prompt
from genaiops.cli.quality import feedback, quality
from genaiops.cli.untrusted import block, dump, one_line, plain
from genaiops.manifests.labels import APP

_INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """One command; its exit code."""
    try:
        code = cli.main(list(arguments), prog_name="kubectl genaiops", standalone_mode=False)
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@place
def cli() -> None:
    """See and steer the rollouts of LLM apps.

    Exit codes: 0 done; 1 the answer is no (lint found errors, a decision was refused, the other outcome); 2 it could
    not be done (wrong usage, not found, no cluster, not allowed, timeout).
    """


@cli.command()
@click.argument("app", required=False, type=ObjectName("LLMApp"))
@click.option("-A", "--all-namespaces", is_flag=True, help="Of every namespace.")
@output
@place
@click.pass_obj
def get(choice: Choice, app: str | None, all_namespaces: bool, form: str | None) -> None:
    """List apps and where they stand.

    Phase, releases with their prompt's version, the candidate's weight, the worst verdict.
    """
    cluster = Cluster.connect(choice)
    if app and all_namespaces:
        raise click.UsageError("a name is in one namespace: leave out --all-namespaces or the name")
    found = [cluster.get("LLMApp", app)] if app else cluster.list(Query("LLMApp"), all_namespaces=all_namespaces)[0]
    releases = cluster.list(Query("Release"), all_namespaces=all_namespaces)[0]
    # A release's name is unique in its namespace.
    places: dict[str, dict[str, Any]] = {}
    for release in releases:
        places.setdefault(release["metadata"]["namespace"], {})[release["metadata"]["name"]] = release
    rows = [view.row(item, places.get(item["metadata"]["namespace"], {})) for item in found]
    if form:
        click.echo(dump(rows, form), nl=False)
    elif rows:
        terminal.show(screen.apps(plain(rows), terminal.now(), namespaces=all_namespaces))
    else:
        click.echo(f"no apps in {'any namespace' if all_namespaces else f'namespace {cluster.namespace}'}", err=True)


@cli.command()
@app_argument
@click.option("-w", "--watch", is_flag=True, help="Show every change until interrupted.")
@output
@place
@click.pass_obj
def status(choice: Choice, app: str, watch: bool, form: str | None) -> None:
    """Show one app as a tree.

    Gateway, releases and their pods, the rollout's weight, step and verdicts, what it waits for, conditions, the last
    history entries.
    """
    cluster = Cluster.connect(choice)
    cluster.get("LLMApp", app)
    queries = _about(app)
    if not watch:
        terminal.show_status(_view(look(cluster, queries), app), form)
        return
    with closing(follow(cluster, queries)) as states:
        terminal.keep_showing((_view(seen, app) for seen in states), form)


@cli.command()
@app_argument
@output
@place
@click.pass_obj
def history(choice: Choice, app: str, form: str | None) -> None:
    """Show how rollouts ended, and why.

    The newest first.
    """
    entries = view.history(Cluster.connect(choice).get("LLMApp", app))
    if form:
        click.echo(dump(entries, form), nl=False)
    elif entries:
        terminal.show(screen.history(plain(entries), terminal.now()))
    else:
        click.echo(f"no rollout of {app} has ended yet", err=True)


@cli.command()
@click.argument("names", metavar="RELEASE RELEASE | APP", nargs=-1, required=True, type=ObjectName("LLMApp", "Release"))
@output
@place
@click.pass_obj
def diff(choice: Choice, names: tuple[str, ...], form: str | None) -> None:
    """Show what differs between releases.

    Two of them, or an app's stable release and its candidate (where there is none, the one that was aborted).
    """
    if len(names) > 2:
        raise click.UsageError("name an app, or two releases")
    compared = differences.compare(*differences.the_two(Cluster.connect(choice), names))
    if form:
        click.echo(dump(compared, form), nl=False)
    else:
        terminal.show(screen.difference(plain(compared)))


@cli.command()
@click.argument("name", metavar="APP|PROMPT", type=ObjectName("LLMApp", "Prompt"))
@click.option("--version", metavar="VERSION", help="Another version of the prompt.")
@click.option("--set", "values", multiple=True, type=NameAndValue(), help="A variable's value; may be repeated.")
@output
@place
@click.pass_obj
def render(
    choice: Choice, name: str, version: str | None, values: tuple[tuple[str, str], ...], form: str | None
) -> None:
    """Print a prompt filled in.

    The messages that a model gets before the user's own: of an app as its users get them now, or of the newest version
    of a Prompt. Where both have the name, it is the app; llmapp/NAME and prompt/NAME say which.
    """
    from genaiops.cli import render as rendering

    chosen = rendering.wording(Cluster.connect(choice), name, version)
    messages = rendering.messages(chosen, dict(values))
    click.echo(f"# {one_line(chosen.origin)}", err=True)
    if form:
        click.echo(dump(messages, form), nl=False)
        return
    for message in messages:
        terminal.show(Text(f"--- {message['role']}", style="bold"))
        click.echo(block(message["content"]))


@cli.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@output
def lint(files: tuple[str, ...], form: str | None) -> None:
    """Check manifests without a cluster.

    Fields, rules, templates, detectors, and references among the files. FILE may be a folder, or - for standard
    input. Exits with 1 where there is an error.
    """
    from genaiops.cli.lint import lint as check
    from genaiops.cli.manifests import read

    findings, checked = check(read(files))
    errors = sum(not finding.warning for finding in findings)
    if form:
        click.echo(dump([finding.as_data() for finding in findings], form), nl=False)
    else:
        for finding in findings:
            click.echo(one_line(str(finding)))
    click.echo(f"{checked} objects checked: {errors} errors, {len(findings) - errors} warnings", err=True)
    if errors:
        raise click.exceptions.Exit(1)


@cli.command()
@app_argument
@click.option("--for", "goal", required=True, type=click.Choice(GOALS), help="What to wait for.")
@click.option("--timeout", default="10m", show_default=True, type=Duration(), help="How long, such as 90s or 1h30m.")
@place
@click.pass_obj
def wait(choice: Choice, app: str, goal: Goal, timeout: float) -> None:
    """Wait for the end of a rollout.

    Or until it pauses, waits for an approval, or the app is healthy; on the way it tells why that is not so. Exits with
    0 where that is reached, 1 where it can't be any more, 2 after the timeout.
    """
    cluster = Cluster.connect(choice)
    cluster.get("LLMApp", app)
    waiting, told = Waiting(goal), ""
    with closing(follow(cluster, [Query("LLMApp", name=app)], timeout)) as states:
        try:
            for seen in states:
                current = seen.objects["LLMApp"].get(app)
                outcome = waiting.judge(current)
                if outcome and outcome.reached:
                    click.echo(f"{app} {one_line(outcome.message)}")
                    return
                if outcome:
                    raise Refused(f"{app} can't reach {goal} any more: {outcome.message}")
                now = screen.line(plain(view.status(current, seen))) if current else ""
                problem = "; ".join(seen.problems.values())
                if (problem or now) != told:
                    told = problem or now
                    click.echo(one_line(told), err=True)
        except TimeoutError:
            raise Failure(f"{app} has not reached {goal} after {timeout:g} s: {told}") from None


for command in decide.COMMANDS:
    cli.add_command(command)
cli.add_command(prompt)
cli.add_command(evaluate)
cli.add_command(quality)
cli.add_command(feedback)


def _about(app: str) -> list[Query]:
    mine = f"{APP}={app}"
    return [
        Query("LLMApp", name=app),
        Query("Release", labels=mine),
        Query("Deployment", labels=mine, optional=True),
        Query("RolloutPolicy", optional=True),
    ]


def _view(seen: Seen, app: str) -> view.View:
    found = seen.objects["LLMApp"].get(app)
    if found is None:
        raise Failure(f"the app {app!r} was deleted")
    return view.status(found, seen)
