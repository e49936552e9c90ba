"""Completion of `kubectl genaiops` in every shell in which kubectl completes.

kubectl runs `kubectl_complete-genaiops` from the PATH with the words typed so far, the last one being completed, and
expects what cobra's `__complete` prints: a candidate per line, after a tab what it means, at the end a colon and a
directive (https://pkg.go.dev/k8s.io/kubectl/pkg/cmd/plugin, https://github.com/spf13/cobra/blob/main/completions.go).
"""

import sys
from typing import TYPE_CHECKING, Final

from click.shell_completion import ShellComplete

from genaiops.cli.untrusted import one_line

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

# cobra's ShellCompDirectives.
_FILES: Final = 0
_NO_FILES: Final = 4


def complete(command: "click.Command", words: list[str]) -> str:
    """What to print for these words."""
    *before, incomplete = words or [""]
    items = ShellComplete(command, {}, "kubectl genaiops", "").get_completions(before, incomplete)
    names = any(item.type in ("file", "dir") for item in items)
    return "".join([*map(_line, items), f":{_FILES if names else _NO_FILES}\n"])


def _line(item: "CompletionItem[str]") -> str:
    if item.type != "plain":
        return ""
    return f"{one_line(item.value)}\t{one_line(item.help)}\n" if item.help else f"{one_line(item.value)}\n"


def main() -> None:
    """Print the completions of the words on the command line."""
    from genaiops.cli.commands import cli

    sys.stdout.write(complete(cli, sys.argv[1:]))
