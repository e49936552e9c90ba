"""Traces: runtimes are told where they go as soon as somebody asks for them, and nobody is stopped by it."""

import json
from typing import Any

import pytest
from harness import Manifest, Objects, eventually
from simulation import DataPlane
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy

pytestmark = pytest.mark.usefixtures("operator")
ENDPOINT = "http://otel-collector.observability:4318"


def told(objects: Objects) -> Manifest:
    return objects.condition("LLMApp", "support", "TracingReady")


def settings(objects: Objects) -> Any:
    data = objects.core.read_namespaced_config_map("support-tracing", objects.namespace).data
    return json.loads(data["tracing.json"])


async def until_told(objects: Objects, status: str, words: str) -> None:
    def says() -> bool:
        now = told(objects)
        return now.get("status") == status and words in now["message"]

    await eventually(f"TracingReady is {status}: {words}", says)


async def test_traces_come_change_and_go_and_restart_nothing(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    release = await healthy(objects)
    before = objects.deployments()[release].metadata.generation
    # when its people want traces
    objects.patch("LLMApp", "support", {"spec": {"tracing": {"endpoint": ENDPOINT}}})
    # then its runtimes are told where to send them, without a word of what was asked
    await until_told(objects, "True", f"100 % of requests to {ENDPOINT}, without what was asked")
    assert settings(objects) == {
        "endpoint": ENDPOINT,
        "sampleRate": "1",
        "content": False,
        "namespace": objects.namespace,
    }
    # and fewer of them
    objects.patch("LLMApp", "support", {"spec": {"tracing": {"sampleRate": "0.05", "content": True}}})
    await until_told(objects, "True", "5 % of requests")
    await eventually("runtimes are told", lambda: settings(objects)["content"] is True)
    # when they want them no more
    objects.patch("LLMApp", "support", {"spec": {"tracing": None}})
    await eventually("the settings are gone", lambda: "ConfigMap/support-tracing" not in objects.names())
    # then nobody says anything of it, and no release was touched
    await eventually("nobody tells of it", lambda: not told(objects))
    assert objects.status()["stableRelease"] == release
    assert objects.deployments()[release].metadata.generation == before


async def test_somebody_else_s_object_of_that_name_is_left_alone_and_stops_no_rollout(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given a ConfigMap that has the name
    a_model_and_a_prompt(objects)
    theirs = {"metadata": {"name": "support-tracing"}, "data": {"theirs": "yes"}}
    objects.core.create_namespaced_config_map(objects.namespace, theirs)
    # when an app wants traces
    an_app(objects, rollout=AT_ONCE, tracing={"endpoint": ENDPOINT})
    # then the app serves, and tells why it has none
    stable = await healthy(objects)
    await until_told(objects, "False", "is not the operator's")
    # and a change is rolled out
    ask_for(objects, "v2")
    await healthy(objects, other_than=stable)
    kept = objects.core.read_namespaced_config_map("support-tracing", objects.namespace)
    assert kept.data == {"theirs": "yes"}
