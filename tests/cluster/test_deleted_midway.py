"""What a rollout needs is deleted while it is under way: what it refers to, or the app itself."""

import pytest
from harness import Manifest, Objects, eventually
from simulation import DataPlane
from stories import AT_ONCE, UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, refusal

pytestmark = pytest.mark.usefixtures("operator")

CLOCKS = ("release", "step", "weight", "startedAt", "stepStartedAt")


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("Model", "llm", "spec.model.ref: there is no Model 'llm'"),
        ("Prompt", "support", "spec.prompt.ref: there is no Prompt 'support'"),
        ("GuardrailPolicy", "safety", "there is no GuardrailPolicy 'safety'"),
        ("RolloutPolicy", "careful", "spec.rolloutPolicyRef: there is no RolloutPolicy 'careful'"),
    ],
)
async def test_what_is_deleted_and_put_back_has_the_rollout_go_on_from_its_step(
    objects: Objects, dataplane: DataPlane, kind: str, name: str, says: str
) -> None:
    # given a rollout that waits at 25 percent
    a_model_and_a_prompt(objects)
    flag = {"name": "secrets", "detector": {"type": "Secrets"}, "action": "Flag"}
    objects.create("GuardrailPolicy", "safety", {"output": [flag]})
    objects.create("RolloutPolicy", "careful", UNTIL_PROMOTED)
    an_app(objects, guardrails=[{"ref": "safety"}], rollout=None, rolloutPolicyRef="careful")
    stable = await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    spec = objects.get(kind, name)["spec"]
    # when something that it refers to is deleted
    objects.delete(kind, name)
    await refusal(objects, "LLMApp", "support", says, f"{stable} goes on serving")
    # then it holds where it is
    held: Manifest = objects.status()["rollout"]
    assert {clock: held[clock] for clock in CLOCKS} == {clock: before[clock] for clock in CLOCKS}
    assert objects.condition("LLMApp", "support", "Available")["status"] == "True"
    assert {stable, before["release"]} <= set(objects.deployments())
    # and when it is put back, it goes on from there, and a person promotes it
    objects.create(kind, name, spec)
    after = await paused_at_25(objects)
    assert {clock: after[clock] for clock in CLOCKS} == {clock: before[clock] for clock in CLOCKS}
    release = objects.get("Release", after["release"])["spec"]["hash"]
    promote = {"app": "support", "action": "Promote", "release": release, "full": True}
    objects.create("ReleaseAction", "promote", promote)
    assert await healthy(objects, other_than=stable) == before["release"]


async def test_an_app_that_is_deleted_while_it_waits_for_an_approval_leaves_nothing(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given a candidate without a pod
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    await healthy(objects)
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"approval": {}}}})
    ask_for(objects, "v2")
    await eventually("it waits", lambda: "gate" in objects.status().get("rollout", {}))
    # when the app is deleted
    objects.delete("LLMApp", "support")
    # then nothing of it remains
    await eventually("all is gone", lambda: not objects.names())
