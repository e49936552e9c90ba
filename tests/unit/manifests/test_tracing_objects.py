"""How an app's pods are told where traces go, and what they need to get there."""

from typing import Any

from genaiops.api.tracing import Tracing, TracingSettings
from genaiops.manifests.labels import owner
from genaiops.manifests.release import deployment
from genaiops.manifests.tracing import tracing_objects

from .releases import release

OWNER = owner("LLMApp", "bot", "uid-1")


def pod() -> dict[str, Any]:
    return deployment("bot-0123456789", "shop", release(), 1, OWNER)["spec"]["template"]["spec"]


def told(**tracing: Any) -> dict[str, Any]:
    (made,) = tracing_objects("bot", "shop", Tracing.model_validate(tracing), OWNER)
    return made


def test_runtimes_are_told_where_traces_go_and_whose_they_are() -> None:
    made = told(endpoint="http://otel:4318", sampleRate="0.1", content=True)

    assert (made["metadata"]["name"], made["metadata"]["ownerReferences"]) == ("bot-tracing", [OWNER])
    settings = TracingSettings.model_validate_json(made["data"]["tracing.json"])
    assert settings.to_manifest() == {
        "endpoint": "http://otel:4318",
        "sampleRate": "0.1",
        "content": True,
        "namespace": "shop",
    }


def test_content_stays_in_the_pod_unless_it_is_asked_for() -> None:
    assert (
        TracingSettings.model_validate_json(told(endpoint="http://otel:4318")["data"]["tracing.json"]).content is False
    )


def test_every_pod_has_room_for_both_and_starts_without_either() -> None:
    (volume,) = [one for one in pod()["volumes"] if one["name"] == "tracing"]
    config, secret = volume["projected"]["sources"]
    assert config["configMap"] == {
        "name": "bot-tracing",
        "optional": True,
        "items": [{"key": "tracing.json", "path": "tracing.json"}],
    }
    assert secret["secret"] == {
        "name": "bot-tracing",
        "optional": True,
        "items": [{"key": "headers", "path": "headers"}],
    }
    mounts = pod()["containers"][0]["volumeMounts"]
    assert {"name": "tracing", "mountPath": "/etc/genaiops/tracing", "readOnly": True} in mounts
