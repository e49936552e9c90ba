"""Every pod of ours: the restricted Pod Security Standard, no service account token, nothing secret."""

from typing import Any

import pytest

from genaiops.api.model import ModelSpec
from genaiops.api.release import ReleaseSpec
from genaiops.manifests.labels import owner
from genaiops.manifests.release import deployment
from genaiops.manifests.serving import serving_objects
from genaiops.traffic.envoy import GatewayRoutes, gateway_config
from genaiops.traffic.objects import gateway_objects
from manifests.pod_security import violations
from manifests.releases import CONTAINER, CREDENTIALS, release

OWNER = owner("LLMApp", "bot", "uid-1")


def _runtime(spec: ReleaseSpec) -> dict[str, Any]:
    return deployment("bot-0123456789", "shop", spec, 2, OWNER)


def _model_server() -> dict[str, Any]:
    spec = ModelSpec.model_validate({"model": "smollm", "serving": {"image": "llm:1"}})
    return serving_objects("smollm", "shop", spec, OWNER)[1]


def _gateway() -> dict[str, Any]:
    found = gateway_objects(
        "bot",
        "shop",
        owner=OWNER,
        image="gateway:1",
        replicas=1,
        service_port=80,
        config=gateway_config("bot", "shop", GatewayRoutes()),
    )
    return next(one for one in found if one["kind"] == "Deployment")


PODS = {
    "runtime alone": _runtime(release()),
    "runtime with keys": _runtime(release(model={"credentials": CREDENTIALS})),
    "runtime beside an app": _runtime(release(container=CONTAINER)),
    "model server": _model_server(),
    "gateway": _gateway(),
}


@pytest.fixture(params=PODS, name="pod")
def every_pod(request: pytest.FixtureRequest) -> dict[str, Any]:
    spec: dict[str, Any] = PODS[request.param]["spec"]["template"]["spec"]
    return spec


def test_the_restricted_standard_holds(pod: dict[str, Any]) -> None:
    assert violations(pod) == []


def test_no_pod_gets_a_service_account_token(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    projected = [volume["projected"]["sources"] for volume in pod.get("volumes", ()) if "projected" in volume]
    assert not any("serviceAccountToken" in source for sources in projected for source in sources)


def test_the_service_environment_of_a_namespace_stays_out(pod: dict[str, Any]) -> None:
    assert pod["enableServiceLinks"] is False


def test_our_own_images_run_on_a_root_file_system_that_is_read_only(pod: dict[str, Any]) -> None:
    ours = [one for one in pod["containers"] if one["name"] not in {"app", "server"}]
    assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in ours)


def test_a_volume_is_mounted_by_name_and_every_mount_has_its_volume(pod: dict[str, Any]) -> None:
    volumes = [volume["name"] for volume in pod.get("volumes", ())]
    mounts = {mount["name"] for one in pod["containers"] for mount in one.get("volumeMounts", ())}
    assert len(volumes) == len(set(volumes))
    assert mounts == set(volumes)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, "volume host"),
        ({"securityContext": {}}, "runtime: runAsNonRoot"),
        ({"securityContext": {"runAsNonRoot": True}}, "runtime: seccompProfile"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(change: dict[str, Any], found: str) -> None:
    pod = PODS["runtime alone"]["spec"]["template"]["spec"]
    assert found in violations({**pod, **change})
