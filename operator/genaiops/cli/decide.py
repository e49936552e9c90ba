"""The commands by which people decide: each makes a ReleaseAction and tells what became of it."""

import functools
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from genaiops.api.action import Action, ReleaseActionSpec
from genaiops.cli import diff as differences
from genaiops.cli import screen, terminal
from genaiops.cli.cluster import Choice, Cluster, Query
from genaiops.cli.decision import Standing, decide, manifest
from genaiops.cli.failure import Refused
from genaiops.cli.options import Command, Duration, ReleaseName, app_argument, place
from genaiops.cli.send import answer_to, require_applied
from genaiops.cli.untrusted import dump, one_line, plain
from genaiops.manifests.labels import APP


@dataclass(frozen=True)
class How:
    """What all decisions have in common on the command line."""

    reason: str
    ttl: timedelta | None
    wait: bool
    timeout: float
    """Seconds."""
    form: str | None


def _deciding(command: Command) -> Command:
    """The options of a decision, as the argument `how`."""

    @functools.wraps(command)
    def run(*, reason: str, ttl: float | None, wait: bool, timeout: float, form: str | None, **rest: Any) -> None:
        lasts = None if ttl is None else timedelta(seconds=ttl)
        command(how=How(reason, lasts, wait, timeout, form), **rest)

    decorated: Any = run
    for option in (
        click.option(
            "-o", "--output", "form", type=click.Choice(["json", "yaml", "name"]), help="Print the ReleaseAction."
        ),
        click.option("--timeout", default="30s", show_default=True, type=Duration(), help="How long to wait."),
        click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for what becomes of it."),
        click.option("--ttl", type=Duration(), help="How long the decision holds; 1h, unless given."),
        click.option("--reason", default="", help="Why, for the history."),
    ):
        decorated = option(decorated)
    result: Command = place(decorated)
    return result


_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command()
@app_argument
@click.option("--full", is_flag=True, help="Past all remaining steps; approvals are still asked for.")
@_deciding
@click.pass_obj
def promote(choice: Choice, app: str, full: bool, how: How) -> None:
    """Let a rollout go on past its present step.

    Past a pause, or without the verdict that it waits for. An approval is given by approve.
    """
    cluster, standing = _look(choice, app)
    _send(cluster, decide(standing, Action.PROMOTE, full=full, reason=how.reason, ttl=how.ttl), how)


_release = click.option(
    "--release", metavar="RELEASE", type=ReleaseName(), help="A variant of the experiment instead of the candidate."
)


@click.command()
@app_argument
@_release
@_yes
@_deciding
@click.pass_obj
def approve(choice: Choice, app: str, release: str | None, yes: bool, how: How) -> None:
    """Approve the candidate that waits for it.

    Shows what it changes, and approves just that: a candidate that takes its place needs approvals of its own.
    """
    _judge(choice, app, Action.APPROVE, release, yes, how)


@click.command()
@app_argument
@_release
@_yes
@_deciding
@click.pass_obj
def reject(choice: Choice, app: str, release: str | None, yes: bool, how: How) -> None:
    """Take back the candidate that waits for an approval.

    Shows what it would change.
    """
    _judge(choice, app, Action.REJECT, release, yes, how)


@click.command()
@app_argument
@_release
@_deciding
@click.pass_obj
def abort(choice: Choice, app: str, release: str | None, how: How) -> None:
    """Take the candidate back.

    Or, while it is watched after its promotion, the new stable release.
    """
    cluster, standing = _look(choice, app)
    named = standing.find(release) if release else None
    _send(cluster, decide(standing, Action.ABORT, named, reason=how.reason, ttl=how.ttl), how)


@click.command()
@app_argument
@click.option("--to", metavar="RELEASE", type=ReleaseName(), help="An earlier release: name, hash, prompt's version.")
@_deciding
@click.pass_obj
def undo(choice: Choice, app: str, to: str | None, how: How) -> None:
    """Go from the stable release back to an earlier one.

    To the one that was promoted before, unless another is named. The spec stays as it is, and is not followed until
    it changes.
    """
    cluster, standing = _look(choice, app)
    target = standing.find(to) if to else standing.before()
    spec = decide(standing, Action.UNDO, to=target, reason=how.reason, ttl=how.ttl)
    now = standing.called(standing.status.stable_release)
    click.echo(one_line(f"{app} goes from {now} back to {standing.called(target)}"), err=True)
    _send(cluster, spec, how)


@click.command()
@app_argument
@click.argument("release", required=False, type=ReleaseName())
@_deciding
@click.pass_obj
def restart(choice: Choice, app: str, release: str | None, how: How) -> None:
    """Replace the pods of a release, a few at a time.

    Of the stable one, unless another is named: by its name, the beginning of its hash, its prompt's version.
    """
    cluster, standing = _look(choice, app)
    named = standing.find(release) if release else None
    _send(cluster, decide(standing, Action.RESTART, named, reason=how.reason, ttl=how.ttl), how)


def _plainly(action: Action, tells: str) -> click.Command:
    """A command for a decision that says nothing more."""

    @click.command(action.lower(), help=tells)
    @app_argument
    @_deciding
    @click.pass_obj
    def command(choice: Choice, app: str, how: How) -> None:
        cluster, standing = _look(choice, app)
        _send(cluster, decide(standing, action, reason=how.reason, ttl=how.ttl), how)

    return command


COMMANDS: tuple[click.Command, ...] = (
    promote,
    approve,
    reject,
    abort,
    undo,
    restart,
    _plainly(Action.RETRY, "Roll out again what was taken back.\n\nFrom its first step on."),
    _plainly(Action.PAUSE, "Hold a rollout where it is.\n\nIt is measured on, and a breach still aborts it."),
    _plainly(Action.RESUME, "Let a rollout that is held go on.\n\nWhoever holds it."),
)


def _look(choice: Choice, app: str) -> tuple[Cluster, Standing]:
    cluster = Cluster.connect(choice)
    found = cluster.get("LLMApp", app)
    return cluster, Standing.of(found, cluster.list(Query("Release", labels=f"{APP}={app}"))[0])


def _judge(choice: Choice, app: str, action: Action, release: str | None, yes: bool, how: How) -> None:
    """Approve or reject by content: what is shown is what is sent."""
    cluster, standing = _look(choice, app)
    username = cluster.username() if action is Action.APPROVE else ""
    about, stable = standing.find(release) if release else standing.about(action), standing.status.stable_release
    spec = decide(standing, action, about, reason=how.reason, ttl=how.ttl, username=username)
    compared = differences.compare(standing.releases.get(stable or ""), standing.releases[about])
    terminal.show(screen.difference(plain(compared)), err=True)
    if not yes and sys.stdin.isatty() and not click.confirm(f"{action} {one_line(standing.called(about))}?", err=True):
        raise Refused(f"{about} was left as it is")
    _send(cluster, spec, how)


def _send(cluster: Cluster, spec: ReleaseActionSpec, how: How) -> None:
    """Create the ReleaseAction, wait for its answer, and print what is asked for."""
    made = cluster.create(manifest(spec))
    answered = answer_to(cluster, made, how.timeout) if how.wait else made
    name = f"releaseaction.genaiops.dev/{made['metadata']['name']}"
    if how.form:
        answered["metadata"].pop("managedFields", None)
        click.echo(f"{name}\n" if how.form == "name" else dump(answered, how.form), nl=False)
    tells = require_applied(answered) if how.wait else f"{name} created"
    if not how.form:
        click.echo(one_line(f"{spec.app}: {tells}"))
