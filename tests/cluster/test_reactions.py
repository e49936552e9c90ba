"""A change of anything that an app refers to is a change of the app."""

import base64
from typing import Any

import pytest
from harness import Manifest, Objects, eventually
from simulation import DataPlane
from stories import (
    ANALYSIS,
    AT_ONCE,
    UNTIL_PROMOTED,
    a_model_and_a_prompt,
    an_app,
    ask_for,
    healthy,
    paused_at_25,
    refusal,
)

pytestmark = pytest.mark.usefixtures("operator")

WITH_KEY = {"endpoint": "http://llm:8080/v1", "model": "m"} | {
    "credentials": {"secretRef": {"name": "openai", "key": "api-key"}}
}


def a_secret(objects: Objects, **keys: str) -> None:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in keys.items()}
    objects.core.create_namespaced_secret(objects.namespace, {"metadata": {"name": "openai"}, "data": data})


def changes(objects: Objects, app: str = "support") -> list[str]:
    """What the last rollout changed."""
    found: list[str] = objects.status(app)["history"][-1]["changes"]
    return found


async def test_a_prompts_label_moves_and_every_app_that_follows_it_rolls(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given two apps that follow a label, and one that stays at a version
    a_model_and_a_prompt(objects)
    following: Manifest = {"prompt": {"ref": "support", "label": "live"}, "rollout": AT_ONCE, "replicas": 1}
    an_app(objects, "chat", **following)
    an_app(objects, "mail", **following)
    an_app(objects, "fixed", rollout=AT_ONCE, replicas=1)
    before = {app: await healthy(objects, app) for app in ("chat", "mail", "fixed")}
    # when the label moves
    objects.patch("Prompt", "support", {"spec": {"labels": {"live": "v2"}}})
    # then both roll, the third does not
    for app in ("chat", "mail"):
        await healthy(objects, app, other_than=before[app])
        assert changes(objects, app) == ["prompt v1 → v2"]
    assert objects.status("fixed")["stableRelease"] == before["fixed"]
    assert len(objects.status("fixed")["history"]) == 1


async def test_a_label_moves_in_a_prompt_that_another_includes(objects: Objects, dataplane: DataPlane) -> None:
    # given an app whose prompt includes the house's style
    a_model_and_a_prompt(objects)
    style = [{"name": name, "messages": [{"role": "system", "content": f"Be {name}."}]} for name in ("kind", "brief")]
    objects.create("Prompt", "house", {"labels": {"live": "kind"}, "versions": style})
    said = [{"role": "system", "content": "Hello. {% include 'tone' %}"}]
    version = {"name": "v1", "includes": [{"name": "tone", "prompt": "house", "label": "live"}], "messages": said}
    objects.create("Prompt", "greeter", {"versions": [version]})
    an_app(objects, prompt={"ref": "greeter", "label": "latest"}, rollout=AT_ONCE)
    before = await healthy(objects)
    # when the label moves there
    objects.patch("Prompt", "house", {"spec": {"labels": {"live": "brief"}}})
    # then the app gets the other text
    after = await healthy(objects, other_than=before)
    assert changes(objects) == ["prompt v1 with house/kind → v1 with house/brief"]
    content = objects.get("Release", after)["spec"]["content"]["prompt"]
    assert content["messages"][0]["content"] == "Hello. Be brief."


async def test_a_models_endpoint_changes(objects: Objects, dataplane: DataPlane) -> None:
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    before = await healthy(objects)
    objects.patch("Model", "llm", {"spec": {"endpoint": "http://other:8080/v1"}})
    await healthy(objects, other_than=before)
    assert changes(objects) == ["model llm endpoint http://llm:8080/v1 → http://other:8080/v1"]


async def test_a_guardrail_changes(objects: Objects, dataplane: DataPlane) -> None:
    def output(action: str) -> Manifest:
        return {"output": [{"name": "secrets", "detector": {"type": "Secrets"}, "action": action}]}

    a_model_and_a_prompt(objects)
    objects.create("GuardrailPolicy", "safety", output("Flag"))
    an_app(objects, rollout=AT_ONCE, guardrails=[{"ref": "safety"}])
    before = await healthy(objects)
    objects.patch("GuardrailPolicy", "safety", {"spec": output("Redact")})
    await healthy(objects, other_than=before)
    assert changes(objects) == ["guardrails safety changed"]


async def test_a_rollout_policy_changes_in_the_middle_of_a_rollout(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout whose policy waits for a person
    a_model_and_a_prompt(objects)
    objects.create("RolloutPolicy", "careful", UNTIL_PROMOTED)
    an_app(objects, rollout=None, rolloutPolicyRef="careful")
    await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    # when the policy asks for more weight instead
    steps: list[Manifest] = [{"setWeight": 25}, {"setWeight": 50}, {"pause": {}}]
    objects.patch("RolloutPolicy", "careful", {"spec": {"steps": steps, "analysis": {**ANALYSIS, "metrics": []}}})
    # then the same rollout goes on by it
    await eventually("50 percent", lambda: objects.status()["rollout"]["weight"] == 50)
    after = objects.status()["rollout"]
    assert (after["release"], after["startedAt"]) == (before["release"], before["startedAt"])
    assert len(objects.all("Release")) == 2


async def test_an_app_starts_when_what_it_waits_for_is_there(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that comes before its model and prompt, as files do in a folder
    an_app(objects)
    await refusal(objects, "LLMApp", "support", "spec.prompt.ref: there is no Prompt 'support'")
    # when they come
    a_model_and_a_prompt(objects)
    # then it starts
    await healthy(objects)


async def test_a_prompt_waits_for_what_it_includes(objects: Objects, dataplane: DataPlane) -> None:
    # given an app whose prompt includes one that is not there yet
    a_model_and_a_prompt(objects)
    said = [{"role": "system", "content": "{% include 'tone' %}"}]
    version = {"name": "v1", "includes": [{"name": "tone", "prompt": "house", "version": "v1"}], "messages": said}
    objects.create("Prompt", "greeter", {"versions": [version]})
    an_app(objects, prompt={"ref": "greeter", "version": "v1"})
    missing = "greeter/v1 includes another: there is no Prompt 'house'"
    await refusal(objects, "LLMApp", "support", f"spec.prompt.version: {missing}")
    # its own Prompt is in order, and says what is missing
    await eventually("the Prompt tells it", lambda: missing in objects.condition("Prompt", "greeter")["message"])
    assert objects.condition("Prompt", "greeter")["status"] == "True"
    # when it comes
    words = [{"name": "v1", "messages": [{"role": "system", "content": "Be kind."}]}]
    objects.create("Prompt", "house", {"versions": words})
    # then the app starts and the Prompt has nothing more to say
    await healthy(objects)
    await eventually("no more", lambda: objects.condition("Prompt", "greeter")["message"] == "can be used")


async def test_a_secret_comes_and_goes(objects: Objects, dataplane: DataPlane) -> None:
    # given a model whose key is not there
    a_model_and_a_prompt(objects)
    objects.create("Model", "keyed", WITH_KEY)
    an_app(objects, model={"ref": "keyed"}, rollout=AT_ONCE)
    missing = "there is no Secret 'openai'; create it with key 'api-key'"
    await refusal(objects, "Model", "keyed", missing)
    await refusal(objects, "LLMApp", "support", "spec.model.ref", "Secret 'openai'", "create it with key 'api-key'")
    # when it is created with another key
    a_secret(objects, token="k1")
    await refusal(objects, "Model", "keyed", "Secret 'openai' has no key 'api-key'; it has token")
    # and then with the right one
    objects.core.patch_namespaced_secret("openai", objects.namespace, {"stringData": {"api-key": "sk-secret-value"}})
    # then the app starts
    release = await healthy(objects)

    # when the key is removed, nothing new starts but what serves goes on
    objects.core.patch_namespaced_secret("openai", objects.namespace, {"data": {"api-key": None}})
    await refusal(objects, "LLMApp", "support", "key 'api-key'", f"{release} goes on serving")
    objects.core.delete_namespaced_secret("openai", objects.namespace)
    await refusal(objects, "LLMApp", "support", "Secret 'openai', which does not exist", f"{release} goes on serving")
    assert objects.condition("LLMApp", "support", "Available")["status"] == "True"
    assert objects.deployments()[release].spec.replicas == 2

    # when it comes back, nothing has changed: a key is no part of a release
    a_secret(objects, **{"api-key": "sk-another-value"})
    assert await healthy(objects) == release
    assert len(objects.status()["history"]) == 1
    everything: list[Any] = [objects.all("Release"), objects.status(), objects.get("Model", "keyed")]
    told = f"{everything}{objects.core.list_namespaced_event(objects.namespace)}"
    assert "sk-" not in f"{told}{objects.core.list_namespaced_config_map(objects.namespace)}"


async def test_a_model_served_here_holds_its_apps_until_its_server_is_ready(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given a model whose server does not get ready
    dataplane.ready = lambda pod: pod.component != "model-server"
    a_model_and_a_prompt(objects)
    objects.create("Model", "served", {"model": "m", "serving": {"image": "llm:1", "replicas": 1}})
    an_app(objects, model={"ref": "served"}, rollout=AT_ONCE)
    await refusal(objects, "Model", "served", "0 of 1 server pods are ready")
    await refusal(objects, "LLMApp", "support", "waiting for the server of Model 'served'")
    assert objects.status()["phase"] == "Pending"
    # when it does
    dataplane.ready = lambda pod: True
    # then the app starts
    await healthy(objects)
    content = objects.all("Release")[0]["spec"]["content"]
    assert content["model"]["endpoint"] == f"http://served-model.{objects.namespace}.svc:8080/v1"
