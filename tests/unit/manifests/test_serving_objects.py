"""The objects that serve a model in the cluster."""

from typing import Any

from genaiops.api.model import ModelSpec
from genaiops.manifests.labels import owner
from genaiops.manifests.serving import serving_objects
from genaiops.release.resolve import serving_endpoint

OWNER = owner("Model", "smollm", "uid-1")


def model(**spec: Any) -> ModelSpec:
    return ModelSpec.model_validate({"model": "SmolLM2", **spec})


def test_a_model_that_is_served_elsewhere_needs_nothing() -> None:
    assert serving_objects("gpt", "shop", model(endpoint="http://gpt/v1"), OWNER) == []


def test_releases_find_the_server_at_its_service() -> None:
    spec = model(serving={"image": "llm:1", "args": ["--threads", "2"], "replicas": 3, "port": 9000})
    service, server = serving_objects("smollm", "shop", spec, OWNER)

    url = f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:9000/v1"
    assert serving_endpoint("smollm", "shop", spec) == url
    assert service["spec"]["selector"].items() <= server["spec"]["template"]["metadata"]["labels"].items()
    container = server["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["args"], server["spec"]["replicas"]) == ("llm:1", ["--threads", "2"], 3)
    assert container["ports"][0]["containerPort"] == service["spec"]["ports"][0]["targetPort"] == 9000


def test_a_large_model_has_half_an_hour_to_load() -> None:
    server = serving_objects("smollm", "shop", model(serving={"image": "llm:1"}), OWNER)[1]
    probe = server["spec"]["template"]["spec"]["containers"][0]["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] == 30 * 60
    assert probe["httpGet"]["path"] == "/v1/models"


def test_the_same_model_makes_the_same_objects_that_go_with_it() -> None:
    spec = model(serving={"image": "llm:1"})

    assert serving_objects("smollm", "shop", spec, OWNER) == serving_objects("smollm", "shop", spec, OWNER)
    for made in serving_objects("smollm", "shop", spec, OWNER):
        assert made["metadata"]["ownerReferences"] == [OWNER]
        assert made["metadata"]["labels"]["genaiops.dev/model"] == "smollm"
