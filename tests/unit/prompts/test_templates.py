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
    assert spec_problems(spec("{% set x = 1 %}{% for i in [1, 2] %}{{ i + x }}, {{ loop.index }}{% endfor %}")) == []


@pytest.mark.parametrize(
    "content",
    [
        "{{ 9**(9**9) }}",
        "{{ 'x' * 10**9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ range(10**9) | list }}",
        "{{ 'x' | center(10**9) }}",
        "{{ 1" + "0" * 5000 + " }}",
        "{{ " + "(" * 400 + "1" + ")" * 400 + " }}",
        "{% for a in 'x' %}" * 25 + "{% endfor %}" * 25,
        "{% if 1 %}" * 150 + "{% endif %}" * 150,
    ],
)
def test_no_prompt_can_stall_or_break_whoever_checks_it(content: str) -> None:
    problems = spec_problems(spec(content))

    assert [problem.field for problem in problems] == ["versions[1].messages[0].content"] * len(problems)
    assert problems


def test_a_filter_is_applied_when_a_request_comes_and_not_before() -> None:
    # A constant of a gigabyte: computed while it is checked, this would be felt.
    assert spec_problems(spec("{{ 'x' | center(1000000000) }}")) == []


@pytest.mark.parametrize("content", ["{{ ''.__class__.__mro__ }}", "{{ name.__init__ }}", "{{ 1 / 0 }}"])
def test_a_template_can_not_reach_out_of_its_sandbox(content: str) -> None:
    prompt = PromptContent.model_validate(
        {"messages": [{"role": "system", "content": content}], "variables": [{"name": "name", "default": "x"}]}
    )

    with pytest.raises(ValueError, match=r"messages\[0\].content"):
        PromptTemplate(prompt).render({})
