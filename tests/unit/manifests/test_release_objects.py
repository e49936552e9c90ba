"""The objects that run a release."""

import json
from typing import Any

import pytest

from genaiops.api.release import ReleaseSpec
from genaiops.manifests.labels import owner
from genaiops.manifests.release import address_objects, deployment, disruption_budget, release_object
from manifests.releases import CONTAINER, CREDENTIALS, MODEL, release

NAME, OWNER = "bot-0123456789", owner("LLMApp", "bot", "uid-1")


def runs(spec: ReleaseSpec, replicas: int = 2) -> dict[str, Any]:
    """The Deployment."""
    return deployment(NAME, "shop", spec, replicas, OWNER)


def containers(spec: ReleaseSpec) -> dict[str, dict[str, Any]]:
    """The pod's containers by name."""
    return {one["name"]: one for one in runs(spec)["spec"]["template"]["spec"]["containers"]}


def everything(spec: ReleaseSpec) -> list[dict[str, Any]]:
    """All objects of a release."""
    return [release_object(NAME, "shop", spec, OWNER), *address_objects(NAME, "shop", spec, OWNER), runs(spec)]


def test_the_same_release_makes_the_same_objects_to_the_byte() -> None:
    assert json.dumps(everything(release())) == json.dumps(everything(release()))


def test_everything_is_found_by_label_and_goes_with_its_app() -> None:
    for made in everything(release()):
        assert made["metadata"]["ownerReferences"] == [OWNER], made["kind"]
        assert made["metadata"]["labels"]["genaiops.dev/app"] == "bot"
        assert made["metadata"]["labels"]["genaiops.dev/release"] == NAME
        assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "genaiops"
    labels = runs(release())["spec"]["template"]["metadata"]["labels"]
    assert runs(release())["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_runtime_reads_the_release_that_was_hashed() -> None:
    spec = release()
    config, service = address_objects(NAME, "shop", spec, OWNER)

    written = json.loads(config["data"]["release.json"])

    assert written.pop("name") == NAME
    assert ReleaseSpec.model_validate(written) == spec
    assert config["immutable"] is True
    assert "Grüß Gott" in config["data"]["release.json"]
    assert service["spec"]["clusterIP"] == "None"


def test_promotion_and_scaling_restart_no_pod() -> None:
    assert runs(release(), 1)["spec"]["template"] == runs(release(), 50)["spec"]["template"]
    assert runs(release(), 50)["spec"]["replicas"] == 50


def test_an_update_takes_no_pod_before_its_successor_is_ready() -> None:
    assert runs(release())["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_key_is_mounted_as_a_file_and_stands_in_no_object() -> None:
    spec = release(
        model={"credentials": CREDENTIALS},
        fallbacks=[
            {**MODEL, "name": "backup", "credentials": {"name": "backup-keys", "key": "token"}},
            {**MODEL, "name": "open"},
        ],
    )
    pod = runs(spec)["spec"]["template"]["spec"]
    secrets = {volume["name"]: volume["secret"] for volume in pod["volumes"] if "secret" in volume}
    mounts = {
        mount["mountPath"]: secrets[mount["name"]]
        for mount in containers(spec)["runtime"]["volumeMounts"]
        if mount["name"] in secrets
    }

    assert mounts == {
        "/etc/genaiops/credentials/gpt": {
            "secretName": "openai",
            "items": [{"key": "api-key", "path": "api-key"}],
        },
        "/etc/genaiops/credentials/backup": {
            "secretName": "backup-keys",
            "items": [{"key": "token", "path": "api-key"}],
        },
    }
    assert "secretKeyRef" not in json.dumps(everything(spec)), "an environment variable would need a restart"
    config = address_objects(NAME, "shop", spec, OWNER)[0]
    content = json.loads(config["data"]["release.json"])["content"]
    assert content["model"]["credentials"] == CREDENTIALS, "a name and a key, never a value"


def test_what_guardrails_need_to_ask_their_servers_is_mounted_too() -> None:
    def hook(name: str, secret: str, key: str) -> dict[str, Any]:
        ref = {"name": secret, "key": key}
        return {"name": name, "detector": {"type": "Webhook", "url": "http://h/", "secretRef": ref}}

    spec = release(
        guardrails=[{"input": [hook("a", "hooks", "b-token")], "output": [hook("b", "hooks", "a-token")]}],
        guardrailModels=[{**MODEL, "name": "guard", "credentials": {"name": "guard-keys", "key": "token"}}],
    )
    volumes = runs(spec)["spec"]["template"]["spec"]["volumes"]
    secrets = {volume["name"]: volume["secret"] for volume in volumes if "secret" in volume}
    mounts = containers(spec)["runtime"]["volumeMounts"]

    assert {m["mountPath"]: secrets[m["name"]] for m in mounts if m["name"] in secrets} == {
        "/etc/genaiops/credentials/guard": {
            "secretName": "guard-keys",
            "items": [{"key": "token", "path": "api-key"}],
        },
        "/etc/genaiops/credentials/_secrets/hooks": {
            "secretName": "hooks",
            "items": [{"key": "a-token", "path": "a-token"}, {"key": "b-token", "path": "b-token"}],
        },
    }


def test_an_app_talks_to_the_model_through_the_runtime_beside_it() -> None:
    found = containers(release(container=CONTAINER))
    environment = {one["name"]: one["value"] for one in found["app"]["env"]}

    assert list(found) == ["app", "runtime"]
    assert environment["OPENAI_BASE_URL"] == "http://127.0.0.1:8080/v1"
    assert environment["OPENAI_API_KEY"], "OpenAI's clients refuse to start without one"
    assert "volumeMounts" not in found["app"], "the app sees neither keys nor prompts"


@pytest.mark.parametrize(("changes", "port"), [({}, 8080), ({"container": CONTAINER}, 8000)])
def test_the_address_leads_to_who_takes_the_requests(changes: dict[str, Any], port: int) -> None:
    spec = release(**changes)
    service = address_objects(NAME, "shop", spec, OWNER)[1]
    listening = {port["containerPort"] for one in containers(spec).values() for port in one["ports"]}

    http, metrics = service["spec"]["ports"]
    assert (http["port"], http["targetPort"], metrics["port"]) == (port, port, 9464)
    assert {port, 9464} <= listening


def test_the_runtimes_resources_are_the_apps_choice() -> None:
    chosen = {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}}

    assert containers(release(runtime={"image": "r:1", "resources": chosen}))["runtime"]["resources"] == chosen
    assert containers(release())["runtime"]["resources"]["limits"]["memory"]


def test_pods_run_where_the_app_wants_them() -> None:
    asked = {
        "labels": {"team": "support", "app.kubernetes.io/managed-by": "me"},
        "annotations": {"note": "mine"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "llm", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAffinity": {}},
        "topologySpread": [{"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}],
        "priorityClassName": "high",
        "imagePullSecrets": [{"ref": "registry"}],
    }

    template = runs(release(pods=asked))["spec"]["template"]

    labels, annotations, pod = template["metadata"]["labels"], template["metadata"]["annotations"], template["spec"]
    assert labels["team"] == "support"
    assert labels["app.kubernetes.io/managed-by"] == "genaiops", "what finds the pods stays"
    assert annotations["note"] == "mine"
    assert (pod["nodeSelector"], pod["priorityClassName"]) == ({"disk": "ssd"}, "high")
    assert pod["tolerations"] == [{"key": "llm", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["affinity"] == {"podAffinity": {}}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    (spread,) = pod["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("topology.kubernetes.io/zone", "DoNotSchedule")
    assert spread["labelSelector"]["matchLabels"]["genaiops.dev/release"] == NAME


def test_a_drain_of_nodes_takes_one_pod_of_a_release_at_a_time() -> None:
    budget = disruption_budget(NAME, "shop", release(), OWNER)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == runs(release())["spec"]["selector"]
