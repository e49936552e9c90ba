"""The gateway's Kubernetes objects."""

import ast
import sys
from typing import Any

import pytest

from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config
from genaiops.traffic.objects import DRAIN_SCRIPT, gateway_objects

STABLE, CANDIDATE = "shop-aaaaaaaaaa", "shop-bbbbbbbbbb"
BACKENDS = (Backend(STABLE, STABLE), Backend(CANDIDATE, CANDIDATE))
OWNER = {"apiVersion": "genaiops.dev/v1alpha1", "kind": "LLMApp", "name": "shop", "uid": "u-1", "controller": True}


def objects(routes: GatewayRoutes = GatewayRoutes(), **changes: Any) -> dict[str, dict[str, Any]]:  # noqa: B008
    settings: dict[str, Any] = {
        "owner": OWNER,
        "image": "gateway:1",
        "replicas": 2,
        "service_port": 80,
        "config": gateway_config("shop", "team", routes),
    }
    return {found["kind"]: found for found in gateway_objects("shop", "team", **{**settings, **changes})}


def pod(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    template: dict[str, Any] = found["Deployment"]["spec"]["template"]
    return template


def test_a_new_weight_restarts_nothing() -> None:
    before = objects(GatewayRoutes(STABLE, CANDIDATE, 5, BACKENDS))
    after = objects(GatewayRoutes(STABLE, CANDIDATE, 50, BACKENDS))
    assert before["ConfigMap"] != after["ConfigMap"]
    assert {**before, "ConfigMap": None} == {**after, "ConfigMap": None}


def test_a_new_bootstrap_rolls_the_pods() -> None:
    config = gateway_config("shop", "team", GatewayRoutes())
    before = objects(config=config)
    after = objects(config={**config, "envoy.json": config["envoy.json"] + "\n"})
    assert pod(before) != pod(after)


def test_everything_is_found_by_label_and_goes_with_its_app() -> None:
    for kind, found in objects().items():
        metadata = found["metadata"]
        assert metadata["ownerReferences"] == [OWNER], kind
        assert metadata["namespace"] == "team"
        assert metadata["labels"] == {
            "app.kubernetes.io/managed-by": "genaiops",
            "genaiops.dev/app": "shop",
            "genaiops.dev/component": "gateway",
        }


def test_callers_reach_the_gateways_pods_under_the_apps_name() -> None:
    found = objects(service_port=8000)
    service = found["Service"]
    assert service["metadata"]["name"] == "shop"
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8000, 8080)
    labels = pod(found)["metadata"]["labels"]
    selectors = (
        service["spec"]["selector"],
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    )
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()


def test_the_pod_keeps_to_the_restricted_pod_security_standard() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    spec = pod(objects())["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
    assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} == {"configMap"}


def test_nobody_but_the_operator_reads_what_is_live() -> None:
    to_all, to_operator = objects()["NetworkPolicy"]["spec"]["ingress"]
    assert to_all == {"ports": [{"port": 8080, "protocol": "TCP"}]}
    assert to_operator["ports"] == [{"port": 9902, "protocol": "TCP"}]
    assert to_operator["from"] == [
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "genaiops-operator"}}}
    ]


def test_the_pod_is_given_the_time_its_drain_may_take() -> None:
    spec = pod(objects())["spec"]
    (container,) = spec["containers"]
    settle, longest = map(float, container["lifecycle"]["preStop"]["exec"]["command"][-2:])
    assert settle + longest < spec["terminationGracePeriodSeconds"]


def test_the_drain_script_needs_nothing_but_python() -> None:
    """It runs in the gateway's image, where this package is not installed."""
    imports = [node for node in ast.walk(ast.parse(DRAIN_SCRIPT)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name.split(".")[0] for node in imports for alias in node.names}
    assert modules <= sys.stdlib_module_names


@pytest.mark.parametrize("replicas", [1, 3])
def test_an_update_never_has_fewer_pods_than_asked_for(replicas: int) -> None:
    deployment = objects(replicas=replicas)["Deployment"]["spec"]
    assert deployment["replicas"] == replicas
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
