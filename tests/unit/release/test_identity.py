"""What makes two releases the same, and what a person is told of their difference."""

from decimal import Decimal
from typing import Any

import pytest

from genaiops.api.release import ReleaseContent
from genaiops.release.hashing import content_hash, release_name
from release.namespace import Namespace, prompt

FIXED: dict[str, Any] = {
    "prompt": {
        "messages": [{"role": "system", "content": "You are the agent of {{ company }}. Ünïcödé ✓"}],
        "variables": [{"name": "company", "default": "Contoso"}],
    },
    "model": {
        "name": "gpt",
        "provider": "OpenAI",
        "model": "gpt-4",
        "endpoint": "https://llm.example/v1",
        "credentials": {"name": "openai", "key": "api-key"},
        "pricing": {"inputPerMillion": "0.15", "outputPerMillion": "0.6"},
    },
    "parameters": {"temperature": "0.2", "maxTokens": 200, "stop": ["\n"]},
    "fallbacks": [{"name": "backup", "provider": "OpenAI", "model": "small", "endpoint": "http://backup/v1"}],
    "timeout": "30s",
    "maxRetries": 2,
    "guardrails": [
        {"output": [{"name": "pii", "detector": {"type": "PII", "entities": ["EMAIL"]}, "action": "Redact"}]}
    ],
    "container": {"image": "registry/app:1.2"},
    "runtime": {"image": "runtime:1"},
}


def hash_of(**changes: Any) -> str:
    """The hash of FIXED with other fields."""
    return content_hash(ReleaseContent.model_validate({**FIXED, **changes}))


def test_the_hash_of_a_content_stays_the_same_from_version_to_version() -> None:
    """It names what runs in users' clusters: with another value here an upgrade rolls out every app anew."""
    assert hash_of() == "5115832e24168dbf2a343f540dbda4b69803e63f2af83fa70673ed2524c13ce4"


def test_the_name_is_the_app_and_ten_digits_of_the_hash() -> None:
    assert release_name("support", "0123456789abcdef" * 4) == "support-0123456789"


def test_writing_out_a_default_changes_nothing() -> None:
    with_defaults = {
        "variables": [{"name": "company", "default": "Contoso", "description": None}],
        "messages": FIXED["prompt"]["messages"],
    }
    assert hash_of(prompt=with_defaults) == hash_of()
    container = {"image": "registry/app:1.2", "port": 8000, "args": [], "resources": {"requests": {}, "limits": {}}}
    assert hash_of(container=container) == hash_of()
    guardrails = [{**FIXED["guardrails"][0], "onError": "Block", "timeout": "1s", "input": []}]
    assert hash_of(guardrails=guardrails) == hash_of()


@pytest.mark.parametrize("temperature", ["0.20", 0.2, "0.200", Decimal("0.2")])
def test_a_number_is_the_same_however_it_is_written(temperature: object) -> None:
    assert hash_of(parameters={**FIXED["parameters"], "temperature": temperature}) == hash_of()


def test_a_duration_is_the_same_however_it_is_written() -> None:
    assert hash_of(timeout="30000ms") == hash_of() == hash_of(timeout="0.5m")


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": {**FIXED["prompt"], "messages": [{"role": "system", "content": "other"}]}},
        {"prompt": {**FIXED["prompt"], "variables": []}},
        {"prompt": {**FIXED["prompt"], "variables": [{"name": "company", "default": "Contoso", "escape": "Delimit"}]}},
        {"prompt": {**FIXED["prompt"], "responseFormat": {"type": "json_object"}}},
        {"model": {**FIXED["model"], "endpoint": "https://llm.example/v2"}},
        {"model": {**FIXED["model"], "credentials": {"name": "openai", "key": "other"}}},
        {"parameters": {**FIXED["parameters"], "temperature": "0.21"}},
        {"parameters": {"temperature": "0.2", "maxTokens": 200}},
        {"fallbacks": []},
        {"timeout": "31s"},
        {"maxRetries": 3},
        {"guardrails": []},
        {"container": {"image": "registry/app:1.3"}},
        {"runtime": {"image": "runtime:2"}},
        {"pods": {"nodeSelector": {"gpu": "a100"}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_decides_an_answer_decides_the_hash(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) != hash_of()


def test_replicas_and_rollout_settings_are_no_part_of_a_release() -> None:
    namespace = Namespace()
    before = namespace.target()

    assert namespace.asks(replicas=7, rollout={"steps": []}, revisionHistoryLimit=3).target() == before


# --- what changed ------------------------------------------------------------------------------------------


def changes(**asks: Any) -> list[str]:
    """What is told of a release that differs from a minimal one in these fields of the app."""
    namespace = Namespace()
    namespace.has("Model", "claude", model="claude-5", endpoint="http://claude/v1")
    namespace.has("Prompt", "sales", versions=[prompt("v1", "Sell!")])
    namespace.has("GuardrailPolicy", "safe", output=[{"name": "pii", "detector": {"type": "PII"}}])
    namespace.serves()
    return namespace.asks(**asks).target().release.changes


@pytest.mark.parametrize(
    ("asks", "told"),
    [
        ({"prompt": {"ref": "support", "version": "v2"}}, "prompt v1 → v2"),
        ({"prompt": {"ref": "sales", "version": "v1"}}, "prompt support/v1 → sales/v1"),
        ({"model": {"ref": "claude"}}, "model gpt → claude"),
        ({"model": {"ref": "gpt", "parameters": {"maxTokens": 200}}}, "parameters maxTokens none → 200"),
        ({"model": {"ref": "gpt", "fallbacks": [{"ref": "claude"}]}}, "fallbacks none → claude"),
        ({"model": {"ref": "gpt", "timeout": "30s"}}, "model call timeout 1m → 30s"),
        ({"guardrails": [{"ref": "safe"}]}, "guardrails none → safe"),
        ({"container": {"image": "app:1"}}, "container added"),
    ],
)
def test_each_part_that_differs_is_told_in_a_phrase(asks: dict[str, Any], told: str) -> None:
    assert changes(**asks) == [told]


def test_several_parts_are_told_each() -> None:
    assert changes(prompt={"ref": "support", "version": "v2"}, model={"ref": "claude"}) == [
        "prompt v1 → v2",
        "model gpt → claude",
    ]


def test_a_model_that_was_edited_tells_which_field() -> None:
    namespace = Namespace()
    namespace.serves()

    namespace.has("Model", "gpt", model="gpt-4-turbo", endpoint="http://gpt:8080/v1")

    assert namespace.target().release.changes == ["model gpt model gpt-4 → gpt-4-turbo"]


def test_a_fallback_that_was_edited_is_told_by_name() -> None:
    namespace = Namespace().has("Model", "backup", model="small", endpoint="http://backup/v1")
    namespace.asks(model={"ref": "gpt", "fallbacks": [{"ref": "backup"}]}).serves()

    namespace.has("Model", "backup", model="smaller", endpoint="http://backup/v1")

    assert namespace.target().release.changes == ["fallbacks backup changed"]


def test_a_guardrail_policy_that_was_edited_is_told_by_name() -> None:
    namespace = Namespace().has("GuardrailPolicy", "safe", output=[{"name": "pii", "detector": {"type": "PII"}}])
    namespace.asks(guardrails=[{"ref": "safe"}]).serves()

    namespace.has("GuardrailPolicy", "safe", onError="Allow", output=[{"name": "pii", "detector": {"type": "PII"}}])

    assert namespace.target().release.changes == ["guardrails safe changed"]


def test_a_prompt_that_was_made_anew_with_other_words_is_told_as_changed() -> None:
    namespace = Namespace()
    namespace.serves()

    namespace.has("Prompt", "support", versions=[prompt("v1", "other words")])

    assert namespace.target().release.changes == ["prompt v1 changed"]


def test_a_long_value_is_cut() -> None:
    namespace = Namespace()
    namespace.serves()

    namespace.has("Model", "gpt", model="gpt-4", endpoint=f"http://gpt/{'v' * 500}")

    (told,) = namespace.target().release.changes
    assert told.startswith("model gpt endpoint http://gpt:8080/v1 → http://gpt/vvv")
    assert len(told) < 150


def test_a_change_of_price_is_no_release() -> None:
    dearer = {**FIXED["model"], "pricing": {"inputPerMillion": "9", "outputPerMillion": "9"}}
    assert hash_of(model=dearer) == hash_of()
