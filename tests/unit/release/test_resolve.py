"""What an app refers to becomes a release, or a problem that says which field, what is wrong and what to do."""

from typing import Any

import pytest

from genaiops.release.resolve import ReferenceProblem
from release.namespace import Namespace, prompt

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def tells(problem: ReferenceProblem, reason: str, field: str, *texts: str) -> None:
    """The problem has this reason and field, and these texts in its message."""
    assert (problem.reason, problem.field) == (reason, field)
    for text in texts:
        assert text in problem.message
    assert str(problem).startswith(f"{field}: ")


# --- what resolves -----------------------------------------------------------------------------------------


def test_a_minimal_app_becomes_a_release_of_all_that_decides_an_answer() -> None:
    target = Namespace().target()

    assert target.name == f"bot-{target.release.hash[:10]}"
    assert (target.release.source.prompt_version, target.release.source.model) == ("v1", "gpt")
    assert target.release.content.prompt.messages[0].content == "wording v1"
    assert target.release.content.model.endpoint == "http://gpt:8080/v1"
    assert target.release.content.runtime.image == "runtime:1"
    assert (target.release.predecessor, target.release.changes) == (None, [])


def test_a_label_is_followed_as_it_moves() -> None:
    namespace = Namespace().asks(prompt={"ref": "support", "label": "production"})
    before = namespace.serves()

    namespace.has("Prompt", "support", labels={"production": "v2"}, versions=[prompt("v1"), prompt("v2")])
    after = namespace.target()

    assert after.release.source.prompt_version == "v2"
    assert (after.release.predecessor, after.release.changes) == (before.name, ["prompt v1 → v2"])


def test_a_label_that_moves_to_the_same_wording_is_no_change() -> None:
    namespace = Namespace().asks(prompt={"ref": "support", "label": "production"})
    before = namespace.serves()

    namespace.has("Prompt", "support", labels={"production": "v2"}, versions=[prompt("v2", "wording v1")])

    assert namespace.target() == before


def test_a_served_model_is_reached_inside_the_cluster_once_its_server_is_ready() -> None:
    namespace = Namespace().has("Model", "gpt", model="smollm", serving={"image": "llm:1", "port": 9000})
    problem = namespace.problem()
    tells(problem, "ModelNotReady", "spec.model.ref", "waiting", "kubectl describe model gpt")
    assert problem.waits

    namespace.objects["Model", "gpt"]["status"] = READY

    assert namespace.target().release.content.model.endpoint == "http://gpt-model.shop.svc:9000/v1"


def test_a_key_is_named_and_never_held() -> None:
    credentials = {"secretRef": {"name": "openai", "key": "api-key"}}
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", credentials=credentials)
    namespace.has_secret("openai", "api-key")

    ref = namespace.target().release.content.model.credentials
    assert ref
    assert (ref.name, ref.key) == ("openai", "api-key")


def test_the_rollout_comes_from_the_app_the_policy_or_the_safe_defaults() -> None:
    steps: list[dict[str, Any]] = [{"setWeight": 7}]

    def first_weight(namespace: Namespace) -> int | None:
        return namespace.resolve().rollout.steps[0].set_weight

    assert first_weight(Namespace()) == 5
    assert first_weight(Namespace().asks(rollout={"steps": steps})) == 7
    policy = Namespace().has("RolloutPolicy", "careful", steps=steps).asks(rolloutPolicyRef="careful")
    assert first_weight(policy) == 7


# --- what does not resolve ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "reason", "field"),
    [
        ({"model": {"ref": "no"}}, "ModelNotFound", "spec.model.ref"),
        ({"model": {"ref": "gpt", "fallbacks": [{"ref": "no"}]}}, "ModelNotFound", "spec.model.fallbacks[0].ref"),
        ({"prompt": {"ref": "no", "version": "v1"}}, "PromptNotFound", "spec.prompt.ref"),
        ({"guardrails": [{"ref": "no"}]}, "GuardrailPolicyNotFound", "spec.guardrails[0].ref"),
        ({"rolloutPolicyRef": "no"}, "RolloutPolicyNotFound", "spec.rolloutPolicyRef"),
    ],
)
def test_a_reference_to_nothing(asks: dict[str, Any], reason: str, field: str) -> None:
    tells(Namespace().asks(**asks).problem(), reason, field, "'no'", "namespace 'shop'", "create it or correct")


def test_a_version_that_the_prompt_does_not_have() -> None:
    problem = Namespace().asks(prompt={"ref": "support", "version": "v9"}).problem()
    tells(problem, "PromptVersionNotFound", "spec.prompt.version", "'support'", "'v9'", "v1, v2", "add it or choose")


def test_a_label_that_the_prompt_does_not_have() -> None:
    problem = Namespace().asks(prompt={"ref": "support", "label": "canary"}).problem()
    tells(problem, "PromptLabelNotFound", "spec.prompt.label", "'canary'", "production", "add it or choose")


def test_a_template_that_cannot_be_read() -> None:
    namespace = Namespace().has("Prompt", "support", versions=[prompt("v1", "Hello {{ name }")])
    tells(namespace.problem(), "PromptInvalid", "spec.prompt.version", "'support'", "spec.versions[0].messages[0]")


def test_a_template_with_an_unknown_variable() -> None:
    namespace = Namespace().has("Prompt", "support", versions=[prompt("v1", "Hello {{ name }}")])
    tells(namespace.problem(), "PromptInvalid", "spec.prompt.version", "'name'", "add it to variables")


def test_a_broken_version_that_nobody_asks_for_is_in_nobodys_way() -> None:
    versions = [prompt("v1"), prompt("v2", "Hello {{ name }")]
    assert Namespace().has("Prompt", "support", versions=versions).target()


def test_a_secret_that_is_missing() -> None:
    credentials = {"secretRef": {"name": "openai", "key": "api-key"}}
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", credentials=credentials)
    tells(namespace.problem(), "SecretNotFound", "spec.model.ref", "Model 'gpt'", "'openai'", "create it with key")


def test_a_secret_without_the_key() -> None:
    credentials = {"secretRef": {"name": "openai", "key": "api-key"}}
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", credentials=credentials)
    problem = namespace.has_secret("openai", "token", "other").problem()
    tells(problem, "SecretKeyNotFound", "spec.model.ref", "'api-key'", "'openai'", "other, token", "add the key or")


def test_a_retired_model_starts_nothing_new_and_names_its_replacement() -> None:
    retired = {"stage": "Retired", "replacement": "gpt5"}
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", lifecycle=retired)
    tells(namespace.problem(), "ModelRetired", "spec.model.ref", "'gpt'", "move the app to its replacement 'gpt5'")


def test_a_model_that_is_retired_without_a_replacement_says_what_to_do_too() -> None:
    namespace = Namespace().has("Model", "gpt", model="gpt-4", endpoint="http://gpt/v1", lifecycle={"stage": "Retired"})
    tells(namespace.problem(), "ModelRetired", "spec.model.ref", "move the app to another Model")


def test_a_model_that_retires_under_a_running_release_disturbs_nothing() -> None:
    namespace = Namespace()
    before = namespace.serves()

    namespace.has("Model", "gpt", model="gpt-4", endpoint="http://gpt:8080/v1", lifecycle={"stage": "Retired"})

    assert namespace.target() == before
    tells(
        namespace.asks(prompt={"ref": "support", "version": "v2"}).problem(),
        "ModelRetired",
        "spec.model.ref",
        "retired",
    )


def test_a_model_server_that_restarts_under_a_running_release_disturbs_nothing() -> None:
    namespace = Namespace().has("Model", "gpt", model="smollm", serving={"image": "llm:1"})
    namespace.objects["Model", "gpt"]["status"] = READY
    before = namespace.serves()

    del namespace.objects["Model", "gpt"]["status"]

    assert namespace.target() == before


def test_an_object_that_cannot_be_read_names_the_field_inside_it() -> None:
    problem = Namespace().has("Model", "gpt", model="gpt-4", endpoint="gpt").problem()
    tells(problem, "ModelInvalid", "spec.model.ref", "Model 'gpt' can't be used", "spec.endpoint")


def test_a_guardrail_that_cannot_be_built() -> None:
    output = [{"name": "names", "detector": {"type": "Regex", "patterns": ["(open"]}}]
    namespace = Namespace().has("GuardrailPolicy", "safe", output=output).asks(guardrails=[{"ref": "safe"}])
    tells(
        namespace.problem(),
        "GuardrailPolicyInvalid",
        "spec.guardrails[0].ref",
        "'safe'",
        "spec.output[0].detector.patterns[0]",
    )


def test_all_problems_are_told_at_once() -> None:
    asks = {"model": {"ref": "no"}, "prompt": {"ref": "support", "version": "v9"}, "guardrails": [{"ref": "no"}]}
    problems = Namespace().asks(**asks).resolve().problems

    assert {problem.reason for problem in problems} == {
        "ModelNotFound",
        "PromptVersionNotFound",
        "GuardrailPolicyNotFound",
    }


# --- the operator's own runtime image ----------------------------------------------------------------------


def test_an_upgraded_operator_changes_no_release_that_is_there() -> None:
    namespace = Namespace()
    before = namespace.serves()

    namespace.runtime_image = "runtime:2"

    assert namespace.target() == before


def test_a_new_release_takes_the_upgraded_operators_runtime() -> None:
    namespace = Namespace()
    namespace.serves()
    namespace.runtime_image = "runtime:2"

    new = namespace.asks(prompt={"ref": "support", "version": "v2"}).serves().release
    assert new.content.runtime.image == "runtime:2"
    assert new.changes == ["prompt v1 → v2", "runtime image runtime:1 → runtime:2"]

    back = namespace.asks(prompt={"ref": "support", "version": "v1"}).target()
    assert back.release.content.runtime.image == "runtime:1", "an earlier release is gone back to as it was"


def test_an_image_that_the_app_names_is_the_image() -> None:
    namespace = Namespace()
    before = namespace.serves()

    pinned = namespace.asks(runtime={"image": "mine:1"}).target()

    assert pinned.name != before.name
    assert pinned.release.changes == ["runtime image runtime:1 → mine:1"]


def test_an_image_that_the_app_no_longer_names_is_the_operators_again() -> None:
    namespace = Namespace().asks(runtime={"image": "mine:1"})
    namespace.serves()

    free = namespace.asks(runtime={}).target()

    assert free.release.changes == ["runtime image mine:1 → runtime:1"]
