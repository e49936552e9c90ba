"""Templates of tools that fill in `{{ name }}` and nothing else, to Jinja and back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from jinja2 import TemplateSyntaxError

from genaiops.cli.cluster import Raw
from genaiops.prompts.dialect import ENVIRONMENT, read

FIRST_BRACES: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
"""Places as Langfuse's TemplateParser finds them: from the first two braces to the next two that close."""
AROUND_A_NAME: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
"""Places as MLflow's pattern finds them: two braces right around a name."""
_OPENS: Final = re.compile(r"\{[{%#]")
_OPENED: Final = re.compile(r"\{\{ '(\{[{%#]?)' \}\}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_RESERVED: Final = {
    *("and", "or", "not", "in", "is", "if", "else", "elif", "for"),
    *("true", "false", "none", "True", "False", "None", "loop", "self"),
}
"""What an identifier is in Jinja that is no name of a variable."""
_LIKE_A_NAME: Final = re.compile(r"[\w .:-]+")


@dataclass(frozen=True)
class Jinja:
    """A template in our dialect, with the names that had to be changed."""

    text: str
    renamed: dict[str, str]


def to_jinja(text: str, places: "re.Pattern[str]") -> Jinja:
    """The Jinja template that says what `text` says where only `{{ name }}` is filled in, in these places."""
    renamed: dict[str, str] = {}
    parts, end = [], 0
    for place in places.finditer(text):
        before, name = _literal(text[end : place.start()]), place[1]
        # A brace just before the two of a place would make three, which Jinja reads as something else.
        parts.append(f"{before[:-1]}{{{{ '{{' }}}}" if before.endswith("{") else before)
        if _IDENTIFIER.fullmatch(name) and name not in _RESERVED:
            parts.append(place[0])
        elif _LIKE_A_NAME.fullmatch(name):
            renamed[name] = _identifier(name)
            parts.append(f"{{{{ {renamed[name]} }}}}")
        else:
            parts.append(_literal(place[0]))
        end = place.end()
    parts.append(_literal(text[end:]))
    return Jinja("".join(parts), renamed)


def from_jinja(text: str, include: Callable[[str], str | None]) -> str:
    """What `to_jinja` makes this of, as far as there is such a text; what else is in it stays as it is.

    `include` gives what stands for an include of that name, None where there is no such thing.
    """
    try:
        return "".join(_said(text, include))
    except TemplateSyntaxError:
        return text


def variables(texts: list[str]) -> list[Raw]:
    """The variables that Jinja templates use, as declarations, in the order in which they come."""
    names: dict[str, int] = {}
    for index, text in enumerate(texts):
        for name in read(text).free:
            first = re.search(rf"\b{name}\b", text)
            names.setdefault(name, index * 1_000_000 + (first.start() if first else 0))
    return [{"name": name} for name in sorted(names, key=lambda name: names[name])]


def _identifier(name: str) -> str:
    made = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:61] or "value"
    return made if _IDENTIFIER.fullmatch(made) and made not in _RESERVED else f"_{made}"


def _literal(text: str) -> str:
    return _OPENS.sub(lambda found: f"{{{{ '{found[0]}' }}}}", text)


def _said(text: str, include: Callable[[str], str | None]) -> Iterator[str]:
    tokens: list[tuple[str, str]] = []
    for _, kind, token in ENVIRONMENT.lex(text):
        tokens.append((kind, token))
        if kind.endswith("_begin") and kind != "raw_begin":
            continue
        opened = tokens[0][0].removesuffix("_begin")
        if tokens[0][0].endswith("_begin") and kind != f"{opened}_end" and opened != "raw":
            continue
        whole = "".join(token for _, token in tokens)
        words = [token for inner, token in tokens[1:-1] if inner != "whitespace"]
        stands_for = include(words[1][1:-1]) if opened == "block" and words[:-1] == ["include"] else None
        yield stands_for or _OPENED.sub(r"\1", whole)
        tokens = []
    yield "".join(token for _, token in tokens)
