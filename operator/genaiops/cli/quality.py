"""`kubectl genaiops quality` and `feedback`: what an app's collector keeps of live answers."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from genaiops.api.samples import REPORTS_PORT
from genaiops.cli import terminal
from genaiops.cli.cluster import Choice, Cluster, Refusal
from genaiops.cli.failure import Failure
from genaiops.cli.options import app_argument, output, place
from genaiops.cli.screen import plain_table
from genaiops.cli.untrusted import dump, one_line, plain
from genaiops.manifests.release import quality_name

KINDS: Final = ("flagged", "corrected", "low-scored", "negative")
_since = click.option("--since", metavar="WHEN", help="How far back: 24h, or 2026-01-31T00:00:00Z.")
_COLUMNS: Final = ("RELEASE", "SAMPLES", "FLAGGED", "SAID BY", "OF", "SCORE", "NOT GOOD", "INTERVAL", "NOT JUDGED")


@click.command()
@app_argument
@_since
@output
@place
@click.pass_obj
def quality(choice: Choice, app: str, since: str | None, form: str | None) -> None:
    """Show how releases do on live answers.

    Samples, what evaluators say of them, and feedback, by release. An interval holds the true share in 19 of 20 cases.
    """
    cluster = Cluster.connect(choice)
    told = json.loads(_asked(cluster, app, "/v1/summary", {"since": since})[0])["releases"]
    if form:
        click.echo(dump(told, form), nl=False)
    elif told:
        terminal.show(table(plain(told)))
    else:
        click.echo(f"nothing is kept of {app} {f'since {one_line(since)}' if since else 'yet'}", err=True)


@click.group()
def feedback() -> None:
    """What people said of live answers."""


@feedback.command()
@app_argument
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Why an answer is worth a row.")
@_since
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="The newest so many.")
@click.option("-o", "--output", "target", metavar="FILE", type=click.Path(dir_okay=False), help="Write here.")
@place
@click.pass_obj
def export(choice: Choice, app: str, kind: str, since: str | None, limit: int, target: str | None) -> None:
    """Print live questions as rows of a dataset.

    JSON, one row a line, as EvaluationSuites read it: the question, and the correction as the expected answer. Read the
    rows before you use them: users wrote them.
    """
    question = {"kind": kind, "limit": str(limit), "since": since}
    body, headers = _asked(Cluster.connect(choice), app, "/v1/rows", question)
    rows = [json.loads(line) for line in body.splitlines()]
    # A file is for an editor, which shows what a terminal would obey.
    text = "".join(json.dumps(row, ensure_ascii=target is None and sys.stdout.isatty()) + "\n" for row in rows)
    if target:
        try:
            Path(target).write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failure(f"can't write {target}: {error.strerror}") from error
    else:
        click.echo(text, nl=False)
    left_out = int(headers.get("x-genaiops-left-out") or 0)
    remark = f"; {left_out} left out: too long for a row" if left_out else ""
    click.echo(f"{len(rows)} rows{remark}", err=True)


def _asked(cluster: Cluster, app: str, path: str, question: Mapping[str, str | None]) -> tuple[str, Mapping[str, str]]:
    if (cluster.get("LLMApp", app).get("spec") or {}).get("quality") is None:
        raise Failure(f"{app} has no quality: nothing is sampled and no feedback kept (docs/quality.md)")
    given = {name: value for name, value in question.items() if value is not None}
    name = quality_name(app)
    try:
        return cluster.ask(name, REPORTS_PORT, path, given)
    except Refusal as refusal:
        if refusal.status == 403:
            raise Failure(
                f"{refusal.message}; who may read what users write is told by `get` on `services/proxy` of "
                f"http:{name}:{REPORTS_PORT} (docs/quality.md)"
            ) from refusal
        if refusal.status in (404, 502, 503, 504):
            raise Failure(
                f"the collector of {app} does not answer: {refusal.message}; the condition QualityReady tells why: "
                f"kubectl describe llmapp {app}"
            ) from refusal
        raise


def table(releases: list[dict[str, Any]]) -> Table:
    """A line for each evaluator of a release, and one for feedback."""
    made = plain_table(*_COLUMNS)
    for release in releases:
        head = (release["release"], str(release["samples"]), str(release["flagged"]))
        for line in _lines(release):
            made.add_row(*map(Text, (*head, *line)))
            head = ("", "", "")
    return made


def _lines(release: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in release["evaluators"]:
        yield one["name"], str(one["judged"]), _number(one["score"]), *_share(one["defects"]), str(one["errors"])
    if said := release["feedback"]:
        yield "feedback", str(said["up"] + said["down"]), _number(said["score"]), *_share(said["negative"]), ""
    if not release["evaluators"] and not said:
        yield "", "", "", "", "", ""


def _share(share: dict[str, Any] | None) -> tuple[str, str]:
    if share is None:
        return "", ""
    return f"{share['share']:.1%}", f"{share['lower']:.1%} to {share['upper']:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
