"""The options that commands share, as kubectl has them: before or after the command's name."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from genaiops.api.base import parse_duration
from genaiops.cli.cluster import Choice, Cluster, Query
from genaiops.cli.failure import Failure
from genaiops.manifests.labels import APP

Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    choice = context.find_root().ensure_object(Choice)
    if value is not None and parameter.name:
        setattr(choice, parameter.name, value)


def place(command: Command) -> Command:
    """Which cluster and namespace: `-n`, `--context`, `--kubeconfig`, into the Choice that is the context's object."""
    for option in (
        click.option("--kubeconfig", metavar="FILE", expose_value=False, callback=_remember, help="The kubeconfig."),
        click.option("--context", metavar="NAME", expose_value=False, callback=_remember, help="One of its contexts."),
        click.option("-n", "--namespace", metavar="NAME", expose_value=False, callback=_remember, help="Namespace."),
    ):
        command = option(command)
    return command


output = click.option("-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print data for programs.")
"""`-o json|yaml`."""


class Duration(click.ParamType[Any]):
    """A length of time as the manifests have it; seconds in code."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


class NameAndValue(click.ParamType[Any]):
    """``name=value``."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r}: write name=value", param, ctx)
        return name, text


class ObjectName(click.ParamType[Any]):
    """The name of an object, completed from the cluster."""

    name = "name"

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        choice = ctx.find_root().ensure_object(Choice)
        try:
            cluster = Cluster.connect(choice)
            names = {item["metadata"]["name"] for kind in self._kinds for item in cluster.list(Query(kind))[0]}
        except Failure as failure:
            return _told(failure)
        return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


class ReleaseName(click.ParamType[Any]):
    """A release of the app before it on the line, completed from the cluster."""

    name = "release"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        choice = ctx.find_root().ensure_object(Choice)
        # After an option whose value is being typed click leaves the arguments unread.
        app = ctx.params.get("app") or next(iter(ctx.args), None)
        labels = f"{APP}={app}" if app else ""
        try:
            releases = Cluster.connect(choice).list(Query("Release", labels=labels))[0]
        except Failure as failure:
            return _told(failure)
        told = {item["metadata"]["name"]: f"prompt {item['spec']['source']['promptVersion']}" for item in releases}
        return [CompletionItem(name, help=told[name]) for name in sorted(told) if name.startswith(incomplete)]


def _told(failure: Failure) -> list[CompletionItem[str]]:
    # cobra shows this below the line that is typed, instead of a candidate.
    return [CompletionItem(f"_activeHelp_ {failure.message}")]


app_argument = click.argument("app", type=ObjectName("LLMApp"))
"""The LLMApp."""
