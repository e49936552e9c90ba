"""`kubectl genaiops prompt`: prompts from and to the files of other tools."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from genaiops.cli.cluster import Choice, Cluster
from genaiops.cli.exchange import TOOLS, Tool
from genaiops.cli.failure import Failure
from genaiops.cli.options import ObjectName, place
from genaiops.cli.untrusted import one_line

_FILE = click.Path(dir_okay=False, allow_dash=True)
_target = click.option("-o", "--output", "target", metavar="FILE", type=click.Path(dir_okay=False), help="Write here.")


@click.group("prompt")
def prompt() -> None:
    """Exchange prompts with other tools."""


@prompt.command("import")
@click.option("--from", "tool", type=click.Choice(TOOLS), required=True, help="Whose file it is.")
@click.argument("file", type=_FILE)
@click.option("--name", metavar="NAME", help="Name of the Prompt; the file's own where it has one.")
@click.option("--prompt", "chosen", metavar="NAME", help="Which of the file's prompts.")
@click.option("--role", type=click.Choice(["system", "user"]), help="Who says a text that is no chat.")
@click.option("--prefix", metavar="TEXT", default="v", show_default=True, help="Before the numbers of versions.")
@click.option("--merge", is_flag=True, help="Add the versions to the Prompt of that name on the cluster.")
@_target
@place
@click.pass_obj
def import_(
    choice: Choice,
    tool: Tool,
    file: str,
    name: str | None,
    chosen: str | None,
    role: str | None,
    prefix: str,
    merge: bool,
    target: str | None,
) -> None:
    """Print the Prompt that a file of another tool says.

    What had to be changed or left out is told on standard error. FILE may be - for standard input. Nothing is applied.
    """
    from genaiops.cli.exchange import source, transfer

    found = transfer.read_file(tool, file, _text(file), chosen, role, name)
    spec, notices = transfer.specification(found, prefix), found.notices
    if merge and (present := source.on_cluster_if_any(Cluster.connect(choice), found.name)):
        spec, more = transfer.merged(found.name, present, spec)
        notices = [*notices, *more]
    _tell([*notices, *transfer.warnings(spec)])
    _write(transfer.manifest(found.name, spec), target)


@prompt.command("export")
@click.option("--to", "tool", type=click.Choice(TOOLS), required=True, help="Whose file it is to be.")
@click.argument("name", metavar="[PROMPT]", required=False, type=ObjectName("Prompt"))
@click.option(
    "-f", "--filename", "file", metavar="FILE", type=_FILE, help="A manifest, instead of a Prompt on the cluster."
)
@_target
@place
@click.pass_obj
def export(choice: Choice, tool: Tool, name: str | None, file: str | None, target: str | None) -> None:
    """Print a Prompt as a file of another tool.

    What that can't hold is told on standard error.
    """
    from genaiops.cli.exchange import source, transfer

    if name and not file:
        spec = source.on_cluster(Cluster.connect(choice), name)
    elif file and not name:
        name, spec = source.in_manifest(file)
    else:
        raise click.UsageError("name a Prompt, or a manifest with -f")
    _tell(transfer.losses(tool, name, spec))
    _write(transfer.as_text(tool, name, spec), target)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"can't read {file}: {error}") from error


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        click.echo(f"note: {one_line(notice)}", err=True)


def _write(text: str, target: str | None) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text)
    except OSError as error:
        raise Failure(f"can't write {target}: {error}") from error
