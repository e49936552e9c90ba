"""What an author is told of a version beside its templates."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from genaiops.api.prompt import PromptVersion
from genaiops.problem import Problem
from genaiops.prompts import problems
from genaiops.prompts.dialect import read, splice


def of(*messages: tuple[str, str], **fields: Any) -> list[Problem]:
    said = [{"role": role, "content": content} for role, content in messages]
    return problems(PromptVersion.model_validate({"name": "v1", "messages": said, **fields}))


@pytest.mark.parametrize(
    ("roles", "index", "told"),
    [
        (["system", "system"], 1, "a second system message"),
        (["user", "system"], 1, "a system message after one of the user"),
        (["system", "user", "assistant", "system"], 3, "a system message after one of the assistant"),
        (["assistant"], 0, "before anyone asked"),
        (["system", "assistant", "user"], 1, "before anyone asked"),
        (["user", "assistant", "assistant"], 2, "twice in a row"),
    ],
)
def test_roles_that_models_refuse_are_a_warning(roles: list[str], index: int, told: str) -> None:
    [problem] = of(*((role, "Hi") for role in roles))

    assert (problem.field, problem.warning) == (f"messages[{index}].role", True)
    assert told in problem.message


def test_examples_before_the_caller_s_question_are_in_order() -> None:
    assert of(("system", "Be brief"), *[("user", "2+2?"), ("assistant", "4")] * 2) == []


def test_an_include_is_declared_and_used() -> None:
    includes = [{"name": "tone", "prompt": "house", "version": "v1"}]

    [undeclared] = of(("system", "{% include 'law' %}{% include 'tone' %}"), includes=includes)
    assert (undeclared.field, undeclared.warning) == ("messages[0].content", False)
    assert "includes 'law', which is no entry of includes" in undeclared.message
    [unused] = of(("system", "Hello"), includes=includes)
    assert (unused.field, unused.warning) == ("includes[0]", True)


@pytest.mark.parametrize(
    "include",
    [
        "name",
        "'a' ignore missing",
        "['a', 'b']",
        "'a' without context",
        "'a' 'b'",
        "('a')",
        "'\\x61'",
        "'a' ~ 'b'",
        "'A'",
    ],
)
def test_an_include_is_a_name_in_quotes(include: str) -> None:
    content = f"{{% include {include} %}}"
    told = of(("system", content), variables=[{"name": "name"}])

    assert ["in quotes and nothing else" in problem.message for problem in told] == [True]


_PIECES = [
    "{% ",
    "{%- ",
    " %}",
    "-%}",
    "include ",
    "'a'",
    '"b"',
    "{{ ",
    " }}",
    "x",
    "raw",
    "endraw",
    "{# ",
    " #}",
    " ",
    "\n",
]
_STATEMENTS = ["{% include 'a' %}", '{%- include "b" -%}', "{% if x %}", "{% endif %}", "{% raw %}", "{% endraw %}"]


@given(st.lists(st.sampled_from(_PIECES + _STATEMENTS), max_size=14).map("".join))
def test_what_can_be_read_can_be_put_together(template: str) -> None:
    found = read(template)
    assume(not found.problems)

    whole = splice(template, dict.fromkeys(found.includes, "TEXT"))

    assert read(whole).problems == ()
    assert read(whole).includes == frozenset()
    assert ("TEXT" in whole) == bool(found.includes)


def test_a_response_s_schema_is_checked() -> None:
    wrong = {"type": "json_schema", "schema": {"type": "objekt"}}

    [problem] = of(("system", "Hi"), responseFormat=wrong)

    assert problem.field == "responseFormat.schema"
    assert "is no JSON Schema" in problem.message
    assert of(("system", "Hi"), responseFormat={"type": "json_schema", "schema": {"type": "object"}}) == []
