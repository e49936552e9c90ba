"""What an app's prompt becomes in its release: labels, includes, parameters, the form of the answer, its size."""

from typing import Any

import pytest

from genaiops.api.prompt import PromptSpec
from genaiops.release.lookup import prompts_in
from genaiops.release.prompts import judge
from release.namespace import Namespace, prompt

TONE = {"name": "tone", "prompt": "house-style", "label": "production"}


def house() -> Namespace:
    """The prompt support includes the house's style."""
    namespace = Namespace()
    style = [prompt("v3", "Be kind to {{ who }}.", variables=[{"name": "who", "default": "all"}])]
    namespace.has("Prompt", "house-style", labels={"production": "v3"}, versions=style)
    support = [prompt("v1", "Hello. {% include 'tone' %} Bye.", includes=[TONE])]
    return namespace.has("Prompt", "support", versions=support)


def text(namespace: Namespace) -> str:
    return namespace.target().release.content.prompt.messages[0].content


# --- latest ------------------------------------------------------------------------------------------------


def test_latest_is_the_last_version_whatever_it_is_called() -> None:
    namespace = Namespace().asks(prompt={"ref": "support", "label": "latest"})
    assert namespace.serves().release.source.prompt_version == "v2"

    namespace.has("Prompt", "support", versions=[prompt("v1"), prompt("v2"), prompt("friendly")])

    assert namespace.target().release.source.prompt_version == "friendly"
    assert namespace.target().release.changes == ["prompt v2 → friendly"]


# --- includes ----------------------------------------------------------------------------------------------


def test_a_release_has_the_text_that_its_prompt_includes_and_the_variables_of_it() -> None:
    content = house().target().release.content.prompt

    assert content.messages[0].content == "Hello. Be kind to {{ who }}. Bye."
    assert [variable.name for variable in content.variables] == ["who"]
    assert house().target().release.source.includes == ["house-style/v3"]


def test_a_label_that_moves_in_what_is_included_is_a_new_release() -> None:
    namespace = house()
    before = namespace.serves()
    style = [prompt("v3", "Be kind."), prompt("v4", "Be brief.")]
    namespace.has("Prompt", "house-style", labels={"production": "v4"}, versions=style)

    after = namespace.target()

    assert after.name != before.name
    assert after.release.changes == ["prompt v1 with house-style/v3 → v1 with house-style/v4"]


def test_included_text_and_the_same_text_written_out_are_the_same_release() -> None:
    included = house().target()
    written = prompt("v1", "Hello. Be kind to {{ who }}. Bye.", variables=[{"name": "who", "default": "all"}])

    assert Namespace().has("Prompt", "support", versions=[written]).target().name == included.name


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("a\n{%- include 'tone' -%}\nb", "aBe kind.b"),
        ('{% if 1 %}{% include "tone" %}{% endif %}', "{% if 1 %}Be kind.{% endif %}"),
        ("{% raw %}{% include 'tone' %}{% endraw %}{% include 'tone' %}", None),
        ("{# {% include 'tone' %} #}{% include 'tone' %}", "{# {% include 'tone' %} #}Be kind."),
        ("{{ \"{% include 'tone' %}\" }}{% include 'tone' %}", "{{ \"{% include 'tone' %}\" }}Be kind."),
    ],
)
def test_only_the_statement_itself_is_replaced(template: str, becomes: str | None) -> None:
    namespace = house().has("Prompt", "house-style", labels={"production": "v1"}, versions=[prompt("v1", "Be kind.")])
    namespace.has("Prompt", "support", versions=[prompt("v1", template, includes=[TONE])])

    assert text(namespace) == (becomes or "{% raw %}{% include 'tone' %}{% endraw %}Be kind.")


def test_an_included_text_may_include_and_the_outer_declaration_counts() -> None:
    namespace = house()
    law = [prompt("v1", "By law of {{ who }}.", variables=[{"name": "who", "default": "Rome"}])]
    namespace.has("Prompt", "law", versions=law)
    deep = [{"name": "law", "prompt": "law", "label": "latest"}]
    style = [prompt("v3", "Kind. {% include 'law' %}", includes=deep, variables=[{"name": "who", "enum": ["UK"]}])]
    namespace.has("Prompt", "house-style", labels={"production": "v3"}, versions=style)

    assert text(namespace) == "Hello. Kind. By law of {{ who }}. Bye."
    assert [variable.values for variable in namespace.target().release.content.prompt.variables] == [["UK"]]
    assert namespace.target().release.source.includes == ["house-style/v3", "law/v1"]


def test_an_include_that_is_missing_is_told_like_a_missing_prompt() -> None:
    problem = house().lacks("Prompt", "house-style").problem()

    assert (problem.reason, problem.field) == ("PromptNotFound", "spec.prompt.version")
    assert "support/v1 includes another: there is no Prompt 'house-style' in namespace 'shop'" in problem.message


@pytest.mark.parametrize(
    ("style", "reason", "told"),
    [
        ({"versions": [prompt("v3")]}, "PromptLabelNotFound", "has no label 'production'"),
        ({"versions": []}, "PromptInvalid", "Prompt 'house-style' can't be used"),
        ({"versions": [prompt("v3", "{{ x")]}, "PromptInvalid", "support/v1 → house-style/v3 can't be used"),
        (
            {"versions": [{"name": "v3", "messages": [{"role": "user", "content": "a"}] * 2}]},
            "PromptInvalid",
            "has 2 messages, only the text of one",
        ),
        (
            {"versions": [prompt("v3", "{% include 'back' %}", includes=[{**TONE, "name": "back"}])]},
            "PromptInvalid",
            "support/v1 → house-style/v3 → house-style/v3 goes in a circle",
        ),
        ({"versions": [prompt("v3", "x" * 32768)]}, "PromptInvalid", "32,780 characters with what it includes"),
    ],
)
def test_an_include_that_can_not_be_used_is_told_with_the_way_to_it(
    style: dict[str, Any], reason: str, told: str
) -> None:
    labels = {} if reason == "PromptLabelNotFound" else {"production": "v3"}
    problem = house().has("Prompt", "house-style", labels=labels, **style).problem()

    assert (problem.reason, problem.field) == (reason, "spec.prompt.version")
    assert told in problem.message


def test_includes_end_somewhere() -> None:
    namespace = Namespace()
    for level in range(6):
        below = [{"name": "next", "prompt": f"p{level + 1}", "version": "v1"}]
        namespace.has("Prompt", f"p{level}", versions=[prompt("v1", "{% include 'next' %}", includes=below)])
    namespace.asks(prompt={"ref": "p0", "version": "v1"})

    assert "p0/v1 → p1/v1 → p2/v1 → p3/v1 → p4/v1 → p5/v1 is nested deeper than 4" in namespace.problem().message
    namespace.has("Prompt", "p4", versions=[prompt("v1", "the end")])
    assert text(namespace) == "the end"


def test_texts_that_disagree_on_a_variable_are_refused_until_the_version_decides() -> None:
    namespace = Namespace()
    namespace.has("Prompt", "a", versions=[prompt("v1", "{{ x }}", variables=[{"name": "x", "default": "1"}])])
    namespace.has("Prompt", "b", versions=[prompt("v1", "{{ x }}", variables=[{"name": "x", "default": "2"}])])
    includes = [{"name": name, "prompt": name, "version": "v1"} for name in "ab"]
    both = "{% include 'a' %}{% include 'b' %}"
    namespace.has("Prompt", "support", versions=[prompt("v1", both, includes=includes)])
    assert "a/v1 and b/v1, which declare the variable 'x' in different ways" in namespace.problem().message

    own = [{"name": "x", "default": "3"}]
    namespace.has("Prompt", "support", versions=[prompt("v1", both, includes=includes, variables=own)])

    assert [variable.default for variable in namespace.target().release.content.prompt.variables] == ["3"]


# --- parameters and the form of the answer -----------------------------------------------------------------


def test_a_version_s_parameters_hold_where_the_app_says_nothing() -> None:
    suggested = prompt("v1", parameters={"temperature": 0.2, "maxTokens": 200})
    namespace = Namespace().has("Prompt", "support", versions=[suggested])
    namespace.asks(model={"ref": "gpt", "parameters": {"temperature": 0.7}})

    assert namespace.target().release.content.parameters.to_manifest() == {"temperature": "0.7", "maxTokens": 200}


def test_parameters_count_in_effect_only() -> None:
    plain = Namespace().asks(model={"ref": "gpt", "parameters": {"temperature": 0.7}})
    overridden = Namespace().asks(model={"ref": "gpt", "parameters": {"temperature": 0.7}})
    overridden.has("Prompt", "support", versions=[prompt("v1", parameters={"temperature": 0.2})])

    assert overridden.target().name == plain.target().name


def test_the_form_of_the_answer_is_part_of_the_release() -> None:
    namespace = Namespace()
    before = namespace.serves()

    namespace.has("Prompt", "support", versions=[prompt("v1", responseFormat={"type": "json_object"})])

    assert namespace.target().name != before.name
    assert namespace.target().release.changes == ["prompt v1 changed"]


# --- size --------------------------------------------------------------------------------------------------


def sized(window: int, characters: int, max_tokens: int) -> Namespace:
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", contextWindow=window)
    namespace.has("Prompt", "support", versions=[prompt("v1", "x" * characters)])
    return namespace.asks(model={"ref": "gpt", "parameters": {"maxTokens": max_tokens}})


def test_a_prompt_that_can_not_fit_the_model_is_refused() -> None:
    problem = sized(1000, characters=3200, max_tokens=200).problem()

    assert (problem.reason, problem.field) == ("PromptTooLong", "spec.prompt")
    assert "about 804 tokens and maxTokens reserves 200, of the 1,000" in problem.message


def test_a_prompt_that_leaves_users_little_room_is_told_and_works() -> None:
    resolution = sized(1000, characters=3000, max_tokens=200).resolve()

    assert resolution.target
    assert [near.reason for near in resolution.warnings] == ["PromptNearlyTooLong"]
    assert sized(1000, characters=2000, max_tokens=200).resolve().warnings == ()


def test_every_model_that_may_answer_counts_and_no_judge() -> None:
    namespace = sized(10_000, characters=3200, max_tokens=200)
    namespace.has("Model", "small", model="s", endpoint="http://s/v1", contextWindow=500)
    judge = {"name": "good", "type": "Relevance", "model": "small"}
    dataset = {"builtIn": "RedTeam"}
    namespace.has("EvaluationSuite", "golden", dataset=dataset, evaluators=[judge])
    assert namespace.asks(evaluations=[{"suite": "golden"}]).target()

    namespace.asks(model={"ref": "gpt", "fallbacks": [{"ref": "small"}]})

    assert "contextWindow of Model 'small'" in namespace.problem().message


def test_a_release_that_serves_already_is_not_measured_anew() -> None:
    namespace = sized(1000, characters=3000, max_tokens=200)
    serving = namespace.serves()
    namespace.has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", contextWindow=500)

    assert namespace.target() == serving


# --- everything that is wrong with a Prompt ----------------------------------------------------------------


def told(namespace: Namespace, name: str) -> list[tuple[str, bool, str]]:
    spec = PromptSpec.model_validate(namespace.objects["Prompt", name]["spec"])
    find = prompts_in(lambda kind, other: namespace.objects.get((kind, other)), "shop")
    return [(problem.field, problem.warning, problem.message) for problem in judge(name, spec, find)]


def test_a_secret_in_a_prompt_is_told_and_not_repeated() -> None:
    key = "sk-" + "a1B2" * 8
    versions = [prompt("v1", f"Use {key}", variables=[{"name": "x", "default": "password = h7k2p9q4"}])]

    found = told(Namespace().has("Prompt", "support", versions=versions), "support")

    about_secrets = [item for item in found if "secret" in item[2]]
    assert [(field, warning) for field, warning, _ in about_secrets] == [
        ("versions[0].messages[0].content", True),
        ("versions[0].variables[0].default", True),
    ]
    assert "API_KEY" in about_secrets[0][2]
    assert all(key not in message for _, _, message in found)


def test_a_prompt_waits_for_what_it_includes_and_is_wrong_where_that_is() -> None:
    [(field, warning, message)] = told(house().lacks("Prompt", "house-style"), "support")
    assert (field, warning) == ("versions[0].includes", True)
    assert "there is no Prompt 'house-style'" in message

    broken = house().has("Prompt", "house-style", labels={"production": "v3"}, versions=[prompt("v3", "{{ x")])
    [(field, warning, _)] = told(broken, "support")
    assert (field, warning) == ("versions[0].includes", False)
    assert told(house(), "support") == []
