"""The language of templates: Jinja2 in its immutable sandbox, without what a prompt has no use for."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment


@pass_context
def _when_rendered(_: Context, value: object) -> object:
    """A finalizer that looks at the context, for one reason: Jinja then computes no constant while it compiles.

    Compiling must cost next to nothing, whatever a prompt says: the operator compiles every prompt that anybody writes.
    """
    return value


ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
    optimized=False,
    finalize=_when_rendered,
)
_UNAVAILABLE: Mapping[type[nodes.Node], str] = {
    nodes.Extends: "extend another: write its text here, or include it",
    nodes.Import: "import another: write its text here, or include it",
    nodes.FromImport: "import another: write its text here, or include it",
    nodes.Pow: "compute with **",
    nodes.Mul: "compute with *",
    nodes.Mod: "compute with %",
    nodes.Call: "call functions",
}
"""What a prompt has no use for, and could stall a pod with."""


class Read(NamedTuple):
    """What reading a template found out."""

    problems: tuple[str, ...] = ()
    free: frozenset[str] = frozenset()
    """Names that it reads and does not set itself."""
    includes: frozenset[str] = frozenset()
    literal: str = ""
    """The text that it says whatever the values are, all branches of it."""


@lru_cache(maxsize=1024)  # at most 64 MB of the longest messages
def read(template: str) -> Read:
    """Read a template once: every reconcile of every app judges its prompt, and parsing takes milliseconds."""
    try:
        tree = ENVIRONMENT.parse(template)
        unavailable = {node: what for kind, what in _UNAVAILABLE.items() for node in tree.find_all(kind)}
        if unavailable:
            return Read(tuple(f"line {node.lineno}: a prompt can't {what}" for node, what in unavailable.items()))
        includes = list(tree.find_all(nodes.Include))
        if odd := [include for include in includes if not _is_plain(include)]:
            how = 'an include is a name in quotes and nothing else, such as {% include "tone" %}'
            return Read(tuple(f"line {include.lineno}: {how}" for include in odd))
        # Parsing knows the grammar; only compiling knows the names of filters and tests.
        ENVIRONMENT.compile(template)
        return Read(
            free=frozenset(_free_names(tree)),
            includes=frozenset(include.template.value for include in includes),  # type: ignore[attr-defined]
            literal="".join(data.data for data in tree.find_all(nodes.TemplateData)),
        )
    except TemplateSyntaxError as error:
        return Read((f"line {error.lineno}: {error.message}",))
    except (SyntaxError, RecursionError, ValueError, MemoryError) as error:
        # What Python refuses of the code that Jinja makes of it: blocks or brackets nested too deeply, endless numbers.
        return Read((f"it is too complicated to be read ({type(error).__name__}): nest less",))


def splice(template: str, texts: Mapping[str, str]) -> str:
    """The template with each `{% include "name" %}` replaced by the text of that name; it must be readable."""
    return "".join(_spliced(template, texts))


def _spliced(template: str, texts: Mapping[str, str]) -> Iterator[str]:
    block: list[tuple[str, str]] = []
    for _, kind, text in ENVIRONMENT.lex(template):
        if kind == "block_begin" or block:
            block.append((kind, text))
            if kind != "block_end":
                continue
            words = [word for inner, word in block[1:-1] if inner != "whitespace"]
            if words[0] == "include":
                yield texts[words[1][1:-1]]
            else:
                yield from (word for _, word in block)
            block = []
        else:
            yield text


def _is_plain(include: nodes.Include) -> bool:
    name = include.template
    constant = isinstance(name, nodes.Const) and isinstance(name.value, str)
    return constant and include.with_context and not include.ignore_missing


def _free_names(tree: nodes.Template) -> set[str]:
    """Names that are read and that the template does not set itself. Jinja's own finder computes constants."""
    names = list(tree.find_all(nodes.Name))
    read = {name.name for name in names if name.ctx == "load"}
    written = {name.name for name in names if name.ctx != "load"}
    return read - written - {"loop"}
