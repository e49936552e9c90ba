"""What a prompt's author is told, before any request."""

import pytest

from genaiops.api.prompt import PromptSpec
from genaiops.api.release import PromptContent
from genaiops.prompts import PromptTemplate, spec_problems


def spec(*contents: str, variables: list[str] | None = None) -> PromptSpec:
    return PromptSpec.model_validate(
        {
            "versions": [
                {"name": "v1", "messages": [{"role": "system", "content": "Fine."}]},
                {
                    "name": "v2",
                    "variables": [{"name": name} for name in variables or []],
                    "messages": [{"role": "user", "content": content} for content in contents],
                },
            ]
        }
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{{ nobody }}", "undeclared variable 'nobody'"),
        ("line\n{% if %}", "line 2:"),
        ("{{ 'x' | nope }}", "No filter named 'nope'"),
        ("{{ unclosed", "line 1:"),
        ("{% include 'other' %}", "include"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content: str, message: str) -> None:
    [problem] = spec_problems(spec("Fine.", content))

    assert problem.field == "versions[1].messages[1].content"
    assert message in problem.message
    assert not problem.warning


def test_a_variable_that_nothing_uses_is_a_warning() -> None:
    [problem] = spec_problems(spec("Hello {{ name }}", variables=["name", "extra"]))

    assert problem.field == "versions[1].variables[1]"
    assert "'extra'" in problem.message
    assert problem.warning


def test_what_a_template_itself_sets_is_no_variable() -> None:
    assert spec_problems(spec("{% set x = 1 %}{% for i in range(3) %}{{ i + x }}{% endfor %}")) == []


@pytest.mark.parametrize("content", ["{{ ''.__class__.__mro__ }}", "{{ name.__init__ }}", "{{ 1 / 0 }}"])
def test_a_template_can_not_reach_out_of_its_sandbox(content: str) -> None:
    prompt = PromptContent.model_validate(
        {"messages": [{"role": "system", "content": content}], "variables": [{"name": "name", "default": "x"}]}
    )

    with pytest.raises(ValueError, match=r"messages\[0\].content"):
        PromptTemplate(prompt).render({})
