"""Prompt templates: Jinja2 in its immutable sandbox, an undefined variable is an error.

One place for the dialect, so that what the operator calls correct is what the runtime can render.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import TemplateError, UndefinedError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from genaiops.api.prompt import PromptSpec, PromptVersion
from genaiops.api.release import PromptContent
from genaiops.problem import Problem


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
    nodes.Include: "include another: write its text here",
    nodes.Extends: "extend another: write its text here",
    nodes.Import: "import another: write its text here",
    nodes.FromImport: "import another: write its text here",
    nodes.Pow: "compute with **",
    nodes.Mul: "compute with *",
    nodes.Mod: "compute with %",
    nodes.Call: "call functions",
}
"""What a prompt has no use for, and could stall a pod with."""


class VariableError(ValueError):
    """The values for a prompt's variables don't fit it. `variable` is the name of the first that doesn't."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(message)
        self.variable = variable


class RenderError(ValueError):
    """A template that compiles failed on these values. The message names the place, never a value."""


class PromptTemplate:
    """A prompt's messages, compiled once.

    Raises ValueError with every problem of the templates where one of them can't be used.
    """

    def __init__(self, prompt: PromptContent) -> None:
        if errors := [problem for problem in problems(prompt) if not problem.warning]:
            raise ValueError("; ".join(map(str, errors)))
        self._messages = [(message.role.value, ENVIRONMENT.from_string(message.content)) for message in prompt.messages]
        self._defaults = {v.name: v.default for v in prompt.variables if v.default is not None}
        self._declared = {v.name for v in prompt.variables}

    def render(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The messages ``{role, content}`` for these values.

        Raises VariableError for a value that is undeclared, missing or no string, RenderError where the template
        itself fails.
        """
        for name, value in values.items():
            if name not in self._declared:
                known = ", ".join(sorted(self._declared)) or "none"
                raise VariableError(name, f"the prompt declares no variable {name!r}; it declares: {known}")
            if not isinstance(value, str):
                raise VariableError(name, f"the variable {name!r} must be a string")
        merged = {**self._defaults, **values}
        for name in sorted(self._declared):
            if name not in merged:
                raise VariableError(name, f"the variable {name!r} has no default: give it in prompt.variables")
        rendered = []
        for index, (role, template) in enumerate(self._messages):
            try:
                content = template.render(merged)
            except UndefinedError as error:
                raise RenderError(f"messages[{index}].content: {error.message}") from error
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise RenderError(f"messages[{index}].content: {type(error).__name__}") from error
            rendered.append({"role": role, "content": content})
        return rendered


def problems(prompt: PromptVersion | PromptContent, at: str = "") -> list[Problem]:
    """What is wrong with one version's templates. `at` is put before every path, such as ``versions[1].``."""
    declared = {variable.name for variable in prompt.variables}
    found, used, all_read = [], set[str](), True
    for index, message in enumerate(prompt.messages):
        field = f"{at}messages[{index}].content"
        template = _read(message.content)
        found += [Problem(field, problem) for problem in template.problems]
        undeclared = sorted(template.free - declared)
        found += [Problem(field, f"uses the undeclared variable {name!r}: add it to variables") for name in undeclared]
        used |= template.free
        all_read &= not template.problems
    if all_read:  # else what it uses is unknown
        found += [
            Problem(f"{at}variables[{index}]", f"no message uses the variable {variable.name!r}", warning=True)
            for index, variable in enumerate(prompt.variables)
            if variable.name not in used
        ]
    return found


def spec_problems(prompt: PromptSpec) -> list[Problem]:
    """What is wrong with any version of a Prompt; paths start at ``versions[i]``."""
    return [
        problem for index, version in enumerate(prompt.versions) for problem in problems(version, f"versions[{index}].")
    ]


class _Read(NamedTuple):
    """What reading a template found out."""

    problems: tuple[str, ...] = ()
    free: frozenset[str] = frozenset()


@lru_cache(maxsize=1024)  # at most 32 MB of the longest messages
def _read(template: str) -> _Read:
    """Read a template once: every reconcile of every app judges its prompt, and parsing takes milliseconds."""
    try:
        tree = ENVIRONMENT.parse(template)
        unavailable = {node: what for kind, what in _UNAVAILABLE.items() for node in tree.find_all(kind)}
        if unavailable:
            return _Read(tuple(f"line {node.lineno}: a prompt can't {what}" for node, what in unavailable.items()))
        # Parsing knows the grammar; only compiling knows the names of filters and tests.
        ENVIRONMENT.compile(template)
        return _Read(free=frozenset(_free_names(tree)))
    except TemplateSyntaxError as error:
        return _Read((f"line {error.lineno}: {error.message}",))
    except (SyntaxError, RecursionError, ValueError, MemoryError) as error:
        # What Python refuses of the code that Jinja makes of it: blocks or brackets nested too deeply, endless numbers.
        return _Read((f"it is too complicated to be read ({type(error).__name__}): nest less",))


def _free_names(tree: nodes.Template) -> set[str]:
    """Names that are read and that the template does not set itself. Jinja's own finder computes constants."""
    names = list(tree.find_all(nodes.Name))
    read = {name.name for name in names if name.ctx == "load"}
    written = {name.name for name in names if name.ctx != "load"}
    return read - written - {"loop"}
