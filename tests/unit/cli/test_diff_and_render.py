"""What differs between releases, and what a model is told."""

import json

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type


def test_diff_shows_what_an_app_s_candidate_changes(genaiops: Type) -> None:
    printed = genaiops("diff", "support")

    assert printed.out == (
        """\
--- support-aaaaaaaaaa (prompt support/v1, model gpt)
+++ support-bbbbbbbbbb (prompt support/v2, model gpt)

prompt
@@ -1,4 +1,4 @@
 variable {"default": "Contoso", "name": "company"}
 --- system
 You are the agent of {{ company }}.
-Be kind.
+Be brief.

parameters
@@ -1 +1 @@
-temperature: '0.2'
+temperature: '0.7'
"""
    )


def test_diff_of_two_releases_names_guardrails_and_what_came_new(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.release("other", given.V1, guardrails=[{"onError": "Allow"}], fallbacks=[{"name": "backup"}]))

    changes = json.loads(genaiops("diff", given.STABLE, "other", "-o", "json").out)["changes"]

    assert [change["part"] for change in changes] == ["guardrails no-leaks", "fallbacks"]
    assert changes[0]["after"] == "onError: Allow"
    assert changes[1] == {
        "part": "fallbacks",
        "before": None,
        "after": "- name: backup",
        "diff": ["@@ -0,0 +1 @@", "+- name: backup"],
    }


def test_diff_after_an_abort_shows_what_was_taken_back(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.aborted()))

    assert "+Be brief." in genaiops("diff", "support").out


def test_diff_with_nothing_to_compare_says_what_to_do(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.healthy()))

    assert genaiops("diff", "support").err == (
        "error: support has neither a candidate nor an aborted release to compare; name two of its releases "
        "(kubectl get releases -l genaiops.dev/app=support)\n"
    )
    assert genaiops("diff", given.STABLE, given.STABLE).out.splitlines()[-1] == "no difference"


def test_a_prompt_can_not_steer_the_terminal(cluster: ApiServer, genaiops: Type) -> None:
    evil = given.prompt_version("v3", "\x1b]0;title\x07 [bold]{{ company }}[/] hid\U000e0041den\n\u202eover")
    cluster.put(given.prompt(evil))
    cluster.put(given.release("evil", evil))

    rendered = genaiops("render", "prompt/support", "--set", "company=\x1b[2J").out
    compared = genaiops("diff", given.STABLE, "evil").out

    assert rendered == ("--- system\n\\x1b]0;title\\x07 [bold]\\x1b[2J[/] hid\\U000e0041den\n\\u202eover\n")
    assert "+\\x1b]0;title\\x07 [bold]{{ company }}[/]" in compared


def test_render_shows_what_users_of_the_app_get_now(genaiops: Type) -> None:
    printed = genaiops("render", "support", "--set", "company=Fabrikam")

    assert printed.out == "--- system\nYou are the agent of Fabrikam.\nBe kind.\n"
    assert printed.err == "# support-aaaaaaaaaa: prompt v1\n"


def test_render_of_another_version_and_of_the_newest(genaiops: Type) -> None:
    assert "Be brief." in genaiops("render", "support", "--version", "v2").out
    assert json.loads(genaiops("render", "prompt/support", "-o", "json").out) == [
        {"role": "system", "content": "You are the agent of Contoso.\nBe brief."}
    ]


def test_render_follows_the_label_of_an_app_that_serves_nothing_yet(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app({"phase": "Pending"}, prompt={"ref": "support", "label": "live"}))
    cluster.put(given.prompt(given.V1, given.V2, live="v1"))

    assert "Be kind." in genaiops("render", "support").out


def test_render_says_which_values_are_missing_or_unknown(cluster: ApiServer, genaiops: Type) -> None:
    needy = given.prompt_version("v3", "{{ user }} at {{ shop }}", variables=[{"name": "user"}, {"name": "shop"}])
    cluster.put(given.prompt(needy))

    missing = genaiops("render", "prompt/support", "--set", "shop=x")
    unknown = genaiops("render", "prompt/support", "--set", "user=a", "--set", "shop=b", "--set", "shoe=c")

    assert missing.code == 2
    assert missing.err == "error: Prompt support: v3: variables without a default need a value: --set user=...\n"
    assert "declares no variable 'shoe'; it declares: shop, user" in unknown.err
    assert "write name=value" in genaiops("render", "support", "--set", "user").err


def test_render_puts_in_what_a_prompt_includes_and_reads_values_as_their_type(
    cluster: ApiServer, genaiops: Type
) -> None:
    version = given.prompt_version("v3", "{% include 'tone' %} {{ seats + 1 }} seats.")
    version["variables"] = [{"name": "seats", "type": "integer", "required": False}]
    version["includes"] = [{"name": "tone", "prompt": "support-house", "label": "latest"}]
    house = given.prompt(given.prompt_version("v1", "Kind to {{ company }}."))
    house["metadata"]["name"] = "support-house"
    cluster.put(given.prompt(version))
    cluster.put(house)

    assert "Kind to Contoso. 4 seats." in genaiops("render", "prompt/support", "--set", "seats=3").out
    assert "the variable 'seats' must be an integer" in genaiops("render", "prompt/support", "--set", "seats=x").err


def test_diff_shows_the_form_of_the_answer(cluster: ApiServer, genaiops: Type) -> None:
    other = given.release("other", given.V1)
    other["spec"]["content"]["prompt"]["responseFormat"] = {"type": "json_object"}
    cluster.put(other)

    assert "+--- response format\n+type: json_object\n" in genaiops("diff", given.STABLE, "other").out


def test_render_of_nothing_says_so(genaiops: Type) -> None:
    assert "neither an LLMApp nor a Prompt 'x'" in genaiops("render", "x").err
    assert "one of its versions: v1, v2" in genaiops("render", "support", "--version", "v9").err
    assert "there is no Prompt 'x'" in genaiops("render", "prompt/x").err
    assert "write NAME, llmapp/NAME or prompt/NAME" in genaiops("render", "model/x").err
