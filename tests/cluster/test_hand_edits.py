"""What somebody changes by hand is put right again; what is theirs is left alone."""

from contextlib import suppress

import pytest
from harness import Objects, eventually
from kubernetes import client
from simulation import DataPlane
from stories import AT_ONCE, UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25

pytestmark = pytest.mark.usefixtures("operator")


async def test_edited_objects_are_put_right(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    core, apps, namespace = objects.core, objects.apps, objects.namespace
    routes = core.read_namespaced_config_map("support-gateway", namespace).data["rds.json"]
    # when somebody edits what is ours
    image = {"spec": {"template": {"spec": {"containers": [{"name": "runtime", "image": "mine:1"}]}}, "replicas": 5}}
    apps.patch_namespaced_deployment(stable, namespace, image)
    core.patch_namespaced_service("support", namespace, {"spec": {"selector": {"genaiops.dev/app": "another"}}})
    core.patch_namespaced_config_map("support-gateway", namespace, {"data": {"rds.json": "nonsense"}})
    core.patch_namespaced_config_map(stable, namespace, {"metadata": {"labels": {"genaiops.dev/app": "another"}}})

    # then it is as it was
    def right() -> bool:
        spec = objects.deployments()[stable].spec
        return (
            (spec.template.spec.containers[0].image, spec.replicas) == ("runtime:1", 2)
            and core.read_namespaced_service("support", namespace).spec.selector["genaiops.dev/app"] == "support"
            and core.read_namespaced_config_map("support-gateway", namespace).data["rds.json"] == routes
            and core.read_namespaced_config_map(stable, namespace).metadata.labels["genaiops.dev/app"] == "support"
        )

    await eventually("it is put right", right)
    # and the rollout is where it was
    after = objects.status()["rollout"]
    assert (after["step"], after["startedAt"]) == (before["step"], before["startedAt"])


async def test_what_others_add_stays(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    release = await healthy(objects)
    # when somebody adds a label, an annotation and a node selector
    mine = {"metadata": {"labels": {"cost-center": "7"}, "annotations": {"note": "mine"}}}
    objects.core.patch_namespaced_service("support", objects.namespace, mine)
    node = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}
    objects.apps.patch_namespaced_deployment(release, objects.namespace, node)
    # then the next change of the app leaves them there
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3, "traffic": {"gateway": {"port": 8000}}}})
    await eventually("3 replicas", lambda: objects.deployments()[release].spec.replicas == 3)
    service = objects.core.read_namespaced_service("support", objects.namespace)
    assert service.spec.ports[0].port == 8000
    assert (service.metadata.labels["cost-center"], service.metadata.annotations["note"]) == ("7", "mine")
    assert objects.deployments()[release].spec.template.spec.node_selector == {"disk": "ssd"}


async def test_deleted_objects_come_back(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    candidate, names = before["release"], {name for name in objects.names() if not name.startswith("Pod/")}
    # when everything that the operator made is deleted by hand
    for release in (stable, candidate):
        objects.delete("Release", release)
        objects.core.delete_namespaced_config_map(release, objects.namespace)
        objects.core.delete_namespaced_service(release, objects.namespace)
        objects.apps.delete_namespaced_deployment(release, objects.namespace)
    for delete in (objects.core.delete_namespaced_service, objects.apps.delete_namespaced_deployment):
        delete("support" if "service" in delete.__name__ else "support-gateway", objects.namespace)
    # then it is made again
    await eventually("all is there", lambda: names <= objects.names())


async def test_a_release_deleted_by_hand_takes_nothing_down(objects: Objects, dataplane: DataPlane) -> None:
    # given a stable release that is not what the spec asks for
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    deployed = objects.deployments()[stable].metadata
    # when its Release is deleted by hand
    objects.delete("Release", stable)
    # then it comes back, and its pods were never touched
    await eventually("it is back", lambda: f"Release/{stable}" in objects.names())
    await eventually("its role is told", lambda: objects.get("Release", stable).get("status", {}).get("role"))
    assert objects.get("Release", stable)["status"]["role"] == "Stable"
    assert objects.deployments()[stable].metadata.uid == deployed.uid
    assert objects.status()["rollout"]["startedAt"] == before["startedAt"]


async def test_a_config_map_made_anew_with_other_content_is_replaced(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    release = await healthy(objects)
    ours = objects.core.read_namespaced_config_map(release, objects.namespace)
    # when somebody replaces what can't be changed
    theirs = client.V1ConfigMap(
        metadata=client.V1ObjectMeta(
            name=release, labels=ours.metadata.labels, owner_references=ours.metadata.owner_references
        ),
        immutable=True,
        data={"release.json": "{}"},
    )
    objects.core.delete_namespaced_config_map(release, objects.namespace)
    with suppress(client.ApiException):  # the operator was faster: then there is nothing to put right
        objects.core.create_namespaced_config_map(objects.namespace, theirs)

    # then it is the release's again
    def data() -> dict[str, str]:
        maps = objects.core.list_namespaced_config_map(objects.namespace).items
        return {name: text for item in maps if item.metadata.name == release for name, text in item.data.items()}

    await eventually("it is right", lambda: data() == ours.data)
