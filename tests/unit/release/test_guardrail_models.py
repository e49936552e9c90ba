"""What guardrails ask becomes part of the release, and is refused like the app's own model where it is missing."""

from release.namespace import Namespace


def guarded(*detectors: dict[str, object]) -> Namespace:
    guardrails = [{"name": f"g{index}", "detector": detector} for index, detector in enumerate(detectors)]
    namespace = Namespace().has("GuardrailPolicy", "safe", input=guardrails)
    return namespace.asks(guardrails=[{"ref": "safe"}])


MODERATION = {"type": "Moderation", "model": "guard"}
WEBHOOK = {"type": "Webhook", "url": "http://hook/", "secretRef": {"name": "hook", "key": "token"}}


def test_a_model_that_guardrails_ask_is_resolved_once() -> None:
    namespace = guarded(MODERATION, {**MODERATION, "categories": ["hate"]})
    namespace.has("Model", "guard", model="omni", endpoint="http://guard/v1")

    [model] = namespace.target().release.content.guardrail_models

    assert (model.name, model.endpoint) == ("guard", "http://guard/v1")


def test_another_address_of_it_is_another_release() -> None:
    namespace = guarded(MODERATION).has("Model", "guard", model="omni", endpoint="http://guard/v1")
    before = namespace.serves()

    namespace.has("Model", "guard", model="omni", endpoint="http://guard/v2")

    assert namespace.target().name != before.name
    assert namespace.target().release.changes == ["guardrail models guard changed"]


def test_its_price_is_no_part_of_the_release() -> None:
    namespace = guarded(MODERATION).has("Model", "guard", model="omni", endpoint="http://guard/v1")
    before = namespace.serves()
    pricing = {"inputPerMillion": 1, "outputPerMillion": 1}

    namespace.has("Model", "guard", model="omni", endpoint="http://guard/v1", pricing=pricing)

    assert namespace.target().name == before.name


def test_a_model_that_is_missing_is_told_with_the_detector_that_names_it() -> None:
    problem = guarded(MODERATION).problem()

    assert (problem.reason, problem.field) == ("ModelNotFound", "spec.guardrails[0].ref")
    assert "GuardrailPolicy 'safe', spec.input[0].detector: there is no Model 'guard'" in problem.message


def test_a_model_whose_server_is_not_ready_is_waited_for() -> None:
    namespace = guarded(MODERATION).has("Model", "guard", model="omni", serving={"image": "guard:1"})

    assert namespace.problem().waits


def test_a_webhook_s_secret_has_to_be_there() -> None:
    namespace = guarded(WEBHOOK)
    assert namespace.problem().reason == "SecretNotFound"

    namespace.has_secret("hook", "other")
    assert "no key" not in namespace.problem().message
    assert "the webhook takes its API key from key 'token' of Secret 'hook'" in namespace.problem().message

    namespace.has_secret("hook", "token")
    assert namespace.target()
