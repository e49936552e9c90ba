"""The language of templates: Jinja2 in its immutable sandbox, without what a prompt has no use for."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

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


_IN_QUOTES: Final = re.compile(r"(['\"])([a-z0-9-]+)\1")


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
        includes = [piece for piece in _pieces(template) if piece.include is not None]
        if any(not piece.include for piece in includes):
            return Read(('an include is a name in quotes and nothing else, such as {% include "tone" %}',))
        # Parsing knows the grammar; only compiling knows the names of filters and tests.
        ENVIRONMENT.compile(template)
        return Read(
            free=frozenset(_free_names(tree)),
            includes=frozenset(piece.include or "" for piece in includes),
            literal="".join(data.data for data in tree.find_all(nodes.TemplateData)),
        )
    except TemplateSyntaxError as error:
        return Read((f"line {error.lineno}: {error.message}",))
    except (SyntaxError, RecursionError, ValueError, MemoryError) as error:
        # What Python refuses of the code that Jinja makes of it: blocks or brackets nested too deeply, endless numbers.
        return Read((f"it is too complicated to be read ({type(error).__name__}): nest less",))


def splice(template: str, texts: Mapping[str, str]) -> str:
    """The template with each `{% include "name" %}` replaced by the text of that name; it is readable."""
    return "".join(texts[piece.include] if piece.include else piece.text for piece in _pieces(template))


class _Piece(NamedTuple):
    """A part of a template as it is written."""

    text: str
    include: str | None = None
    """Of a statement that includes: the name, or nothing where it has another form."""


def _pieces(template: str) -> Iterator[_Piece]:
    statement: list[tuple[str, str]] = []
    for _, kind, text in ENVIRONMENT.lex(template):
        if kind == "block_begin":
            statement = [(kind, text)]
        elif statement:
            statement.append((kind, text))
            if kind == "block_end":
                words = [word for inner, word in statement[1:-1] if inner != "whitespace"]
                yield _Piece("".join(word for _, word in statement), _included(words))
                statement = []
        else:
            yield _Piece(text)


def _included(words: list[str]) -> str | None:
    if words[:1] != ["include"]:
        return None
    name = _IN_QUOTES.fullmatch(words[1]) if len(words) == 2 else None
    return name[2] if name else ""


def _free_names(tree: nodes.Template) -> set[str]:
    """Names that are read and that the template does not set itself. Jinja's own finder computes constants."""
    names = list(tree.find_all(nodes.Name))
    read = {name.name for name in names if name.ctx == "load"}
    written = {name.name for name in names if name.ctx != "load"}
    return read - written - {"loop"}
