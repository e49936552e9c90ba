"""What is wrong with a prompt that its CRD can't see, and what may be."""

from collections.abc import Iterator, Sequence

import jsonschema_rs

from genaiops.api.prompt import Message, PromptSpec, PromptVersion, ResponseFormat, Role
from genaiops.api.release import PromptContent
from genaiops.problem import Problem
from genaiops.prompts.dialect import read
from genaiops.prompts.values import declaration_problems


def problems(prompt: PromptVersion | PromptContent, at: str = "") -> list[Problem]:
    """What is wrong with one version. `at` is put before every path, such as ``versions[1].``."""
    return [
        *(
            Problem(f"{at}variables[{index}].{field}", message)
            for index, variable in enumerate(prompt.variables)
            for field, message in declaration_problems(variable)
        ),
        *_template_problems(prompt, at),
        *(
            Problem(f"{at}messages[{index}].role", message, warning=True)
            for index, message in _odd_roles(prompt.messages)
        ),
        *_format_problems(prompt.response_format, f"{at}responseFormat.schema"),
    ]


def spec_problems(prompt: PromptSpec) -> list[Problem]:
    """What is wrong with any version of a Prompt; paths start at ``versions[i]``."""
    return [
        problem for index, version in enumerate(prompt.versions) for problem in problems(version, f"versions[{index}].")
    ]


def _template_problems(prompt: PromptVersion | PromptContent, at: str) -> Iterator[Problem]:
    declared = {variable.name for variable in prompt.variables}
    includes = [include.name for include in prompt.includes or ()] if isinstance(prompt, PromptVersion) else []
    used, included, all_read = set[str](), set[str](), True
    for index, message in enumerate(prompt.messages):
        field = f"{at}messages[{index}].content"
        template = read(message.content)
        yield from (Problem(field, problem) for problem in template.problems)
        for name in sorted(template.free - declared):
            yield Problem(field, f"uses the undeclared variable {name!r}: add it to variables")
        for name in sorted(template.includes.difference(includes)):
            yield Problem(field, f"includes {name!r}, which is no entry of includes: add it there")
        used |= template.free
        included |= template.includes
        all_read &= not template.problems
    if not all_read:  # what is used is unknown
        return
    for index, variable in enumerate(prompt.variables):
        # What is included may use it, too: only the release knows.
        if variable.name not in used and not includes:
            yield Problem(f"{at}variables[{index}]", f"no message uses the variable {variable.name!r}", warning=True)
    for index, name in enumerate(includes):
        if name not in included:
            yield Problem(f"{at}includes[{index}]", f"no message includes {name!r}", warning=True)


def _odd_roles(messages: Sequence[Message]) -> Iterator[tuple[int, str]]:
    """What chat templates of models refuse, or servers reorder.

    A prompt that ends with the assistant is in order: the caller's own messages come after it.
    """
    before: Role | None = None
    for index, message in enumerate(messages):
        role = message.role
        if role is Role.SYSTEM and before is Role.SYSTEM:
            yield index, "a second system message: many models know one only; join them"
        elif role is Role.SYSTEM and before is not None:
            yield index, f"a system message after one of the {before}: many models take it first or not at all"
        elif role is Role.ASSISTANT and before in (None, Role.SYSTEM):
            yield index, "the assistant answers before anyone asked: put the user's message before it"
        elif role is Role.ASSISTANT and before is Role.ASSISTANT:
            yield index, "the assistant speaks twice in a row: many models want turns; join them"
        before = role


def _format_problems(form: ResponseFormat | None, field: str) -> Iterator[Problem]:
    if form is None or form.json_schema is None:
        return
    try:
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **form.json_schema})
    except (jsonschema_rs.ValidationError, ValueError) as error:
        message = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
        yield Problem(field, f"is no JSON Schema (2020-12): {message}")
