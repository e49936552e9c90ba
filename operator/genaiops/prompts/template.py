"""A prompt filled in: its messages for given values."""

from collections.abc import Mapping

from jinja2.exceptions import TemplateError, UndefinedError

from genaiops.api.release import PromptContent
from genaiops.prompts.check import problems
from genaiops.prompts.dialect import ENVIRONMENT
from genaiops.prompts.values import Variables


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
        self._variables = Variables(prompt.variables)

    def render(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The messages ``{role, content}`` for these values.

        Raises VariableError for a value that is undeclared, missing or not what its declaration asks for, RenderError
        where the template itself fails.
        """
        filled = self._variables.fill(values)
        rendered = []
        for index, (role, template) in enumerate(self._messages):
            try:
                content = template.render(filled)
            except UndefinedError as error:
                raise RenderError(f"messages[{index}].content: {error.message}") from error
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise RenderError(f"messages[{index}].content: {type(error).__name__}") from error
            rendered.append({"role": role, "content": content})
        return rendered
