"""`kubectl genaiops eval`: runs of suites on releases, asked for, followed, compared and told."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from genaiops.api import API_VERSION
from genaiops.cli import scores, terminal
from genaiops.cli.cluster import Choice, Cluster, Query, Raw
from genaiops.cli.decision import Standing
from genaiops.cli.failure import Failure
from genaiops.cli.follow import follow
from genaiops.cli.options import Duration, ObjectName, ReleaseName, app_argument, output, place
from genaiops.cli.progress import View
from genaiops.cli.untrusted import dump, one_line, plain
from genaiops.manifests.labels import APP, EVALUATION

_CONTAINER = "evaluator"
_name = click.argument("name", metavar="EVALUATION", type=ObjectName("Evaluation"))
_timeout = click.option("--timeout", default="1h", show_default=True, type=Duration(), help="How long to wait.")


@click.group("eval")
def evaluate() -> None:
    """Evaluate releases offline.

    Exit codes of run --wait and watch: 0 the release passed, 1 it failed, 2 there is no result.
    """


@evaluate.command("run")
@app_argument
@click.option("--suite", type=ObjectName("EvaluationSuite"), help="Name of the suite; the app's where it has only one.")
@click.option("--release", type=ReleaseName(), help="The candidate, else the stable release, unless given.")
@click.option("--baseline", type=ReleaseName(), help="What it is compared with; the stable release, unless given.")
@click.option("--fresh", is_flag=True, help="Run even where an equal run has a result.")
@click.option("--wait/--no-wait", default=False, show_default=True, help="Wait for the result.")
@_timeout
@output
@place
@click.pass_obj
def run_(
    choice: Choice,
    app: str,
    suite: str | None,
    release: str | None,
    baseline: str | None,
    fresh: bool,
    wait: bool,
    timeout: float,
    form: str | None,
) -> None:
    """Ask for a run of a suite on a release.

    RELEASE is a name, the beginning of a hash (4 digits or more), or a prompt's version.
    """
    cluster = Cluster.connect(choice)
    found = cluster.get("LLMApp", app)
    standing = Standing.of(found, cluster.list(Query("Release", labels=f"{APP}={app}"))[0])
    spec = _spec(standing, suite or _only_suite(found), release, baseline, fresh)
    made = cluster.create(
        {
            "apiVersion": API_VERSION,
            "kind": "Evaluation",
            "metadata": {"generateName": f"{spec['suite']}-", "labels": {APP: app}},
            "spec": spec,
        }
    )
    name = made["metadata"]["name"]
    if wait:
        _show(_end_of(cluster, name, timeout), form)
    elif form:
        click.echo(dump(scores.view(made), form), nl=False)
    else:
        against = f" against {standing.called(spec['baseline'])}" if "baseline" in spec else ""
        click.echo(one_line(f"{name}: {spec['suite']} on {standing.called(spec['release'])}{against}"))


@evaluate.command("watch")
@_name
@_timeout
@output
@place
@click.pass_obj
def watch(choice: Choice, name: str, timeout: float, form: str | None) -> None:
    """Follow a run to its end.

    Progress goes to standard error, the results to standard output.
    """
    cluster = Cluster.connect(choice)
    cluster.get("Evaluation", name)
    _show(_end_of(cluster, name, timeout), form)


@evaluate.command("compare")
@click.argument("first", metavar="EVALUATION", type=ObjectName("Evaluation"))
@click.argument("second", metavar="EVALUATION", type=ObjectName("Evaluation"))
@output
@place
@click.pass_obj
def compare(choice: Choice, first: str, second: str, form: str | None) -> None:
    """Show two finished runs side by side."""
    cluster = Cluster.connect(choice)
    both = [scores.view(cluster.get("Evaluation", name)) for name in (first, second)]
    for seen in both:
        if seen["phase"] not in ("Passed", "Failed"):
            raise Failure(f"{scores.line(seen)}: only runs with a result can be compared")
    if form:
        click.echo(dump(both, form), nl=False)
    else:
        terminal.show(scores.side_by_side(*map(plain, both)))
    for caveat in scores.caveats(*both):
        click.echo(f"note: {caveat}", err=True)


@evaluate.command("report")
@_name
@click.option("-o", "--output", "file", type=click.Path(dir_okay=False), help="File to write; NAME.html, unless given.")
@place
@click.pass_obj
def report(choice: Choice, name: str, file: str | None) -> None:
    """Write a finished run's report: one HTML page with its rows.

    The rows come from the log of the run's pod, which is kept for a day.
    """
    from genaiops.evaluation.report import report as page

    cluster = Cluster.connect(choice)
    seen = scores.view(cluster.get("Evaluation", name))
    if not scores.finished(seen):
        raise Failure(f"{scores.line(seen)}: it is not finished; kubectl genaiops eval watch {name}")
    summary = scores.summary(seen)
    rows = _rows(cluster, seen["cachedFrom"] or name)
    if len(rows) < summary.done:
        click.echo(f"note: {len(rows)} of {summary.done} rows are in the pod's log; the store has them all", err=True)
    against = f" against {seen['baseline']}" if seen["baseline"] else ""
    try:
        text = page(rows, summary, title=f"{name}: {seen['release']}{against}")
    except ValueError as error:
        raise Failure(f"another version of genaiops wrote the rows of {name}; use that one ({error})") from error
    path = Path(file or f"{name}.html")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from error
    click.echo(f"{path}: {len(rows)} rows")


def _spec(standing: Standing, suite: str, release: str | None, baseline: str | None, fresh: bool) -> Raw:
    status = standing.status
    judged = standing.find(release) if release else status.candidate_release or status.stable_release
    if not judged:
        raise Failure(f"{standing.app} has no release yet; name one with --release")
    compared = standing.find(baseline) if baseline else status.stable_release
    if baseline and compared == judged:
        raise Failure(f"--baseline: {judged} is not compared with itself; name another release, or leave it out")
    spec: dict[str, Any] = {"app": standing.app, "suite": suite, "release": judged, "fresh": fresh}
    return spec | ({"baseline": compared} if compared and compared != judged else {})


def _only_suite(app: Raw) -> str:
    suites = [use["suite"] for use in app["spec"].get("evaluations") or ()]
    if len(suites) != 1:
        has = f"has {len(suites)}: {', '.join(suites)}" if suites else "names none in spec.evaluations"
        raise Failure(f"--suite: name one; {app['metadata']['name']} {has}")
    return str(suites[0])


def _end_of(cluster: Cluster, name: str, seconds: float) -> View:
    """The run once it is finished; on the way its progress on standard error."""
    told = ""
    try:
        with closing(follow(cluster, [Query("Evaluation", name=name)], seconds)) as states:
            for state in states:
                found = state.objects["Evaluation"].get(name)
                if found is None:
                    raise Failure(f"the evaluation {name!r} was deleted")
                seen = scores.view(found)
                if scores.finished(seen):
                    return seen
                now = "; ".join([scores.line(seen), *state.problems.values()])
                if now != told:
                    told = now
                    click.echo(one_line(told), err=True)
    except TimeoutError:
        raise Failure(f"{name} is not finished after {seconds:g} s, and goes on: {told}") from None
    raise AssertionError("a watch ends only by an exception")


def _show(seen: View, form: str | None) -> None:
    """The results. Raises Refused or Failure unless the release passed."""
    if form:
        click.echo(dump(seen, form), nl=False)
    else:
        if seen["evaluators"]:
            terminal.show(scores.results(plain(seen)))
        if seen["worst"]:
            click.echo()
            terminal.show(scores.worst(plain(seen)))
    said = scores.require_passed(seen)
    click.echo(one_line(said), err=bool(form))


def _rows(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """The rows in the log of a run's pod. Raises Failure where there is none any more."""
    pods, _ = cluster.list(Query("Pod", labels=f"{EVALUATION}={name}"))
    # A pod that was replaced handed its rows on to the next only where they are in a store.
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True):
        rows = {(row["id"], row.get("repeat", 0)): row for row in _rows_in(cluster, pod)}
        if rows:
            return list(rows.values())
    raise Failure(
        f"there is no log with the rows of {name} any more; where the suite has a store, report.html is there"
    )


def _rows_in(cluster: Cluster, pod: Raw) -> Iterator[dict[str, Any]]:
    for text in cluster.log(pod["metadata"]["name"], _CONTAINER):
        try:
            value = json.loads(text)
        except ValueError:
            continue  # a line that the kubelet cut off where it began a new file, or of the interpreter's own
        if isinstance(value, dict) and "candidate" in value and "id" in value:
            yield value
