"""A newer operator takes over in the middle of a rollout: it goes on, and no pod is restarted by it."""

import json

from harness import Manifest, Objects, OperatorProcess, eventually
from simulation import DataPlane
from stories import a_model_and_a_prompt, an_app, ask_for, healthy, under_traffic

from genaiops.manifests.template import MADE_FOR, MADE_WITH, recorded

OLDER = 77
"""Seconds that pods had to end, for the operator before this one."""


def as_an_older_operator_made_it(objects: Objects, name: str) -> None:
    """Apply a Deployment in the operator's name, with pods that have another time to end, and no spreading."""
    read = objects.apps.read_namespaced_deployment(name, objects.namespace, _preload_content=False)
    live: Manifest = json.loads(read.data)
    metadata, spec = live["metadata"], live["spec"]
    template = json.loads(metadata["annotations"][MADE_WITH])
    template["spec"]["terminationGracePeriodSeconds"] = OLDER
    del template["spec"]["topologySpreadConstraints"]
    manifest: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {field: metadata[field] for field in ("name", "labels", "ownerReferences")},
        "spec": {**{field: spec[field] for field in ("replicas", "selector", "strategy")}, "template": template},
    }
    objects.apps.patch_namespaced_deployment(
        name,
        objects.namespace,
        recorded(manifest, metadata["annotations"][MADE_FOR]),
        field_manager="genaiops",
        force=True,
        _content_type="application/apply-patch+yaml",
    )


def pods(objects: Objects, component: str) -> dict[str, int]:
    """Uid → seconds to end, of the pods that are not ending."""
    labels = f"genaiops.dev/component={component}"
    listed = objects.core.list_namespaced_pod(objects.namespace, label_selector=labels).items
    return {
        pod.metadata.uid: pod.spec.termination_grace_period_seconds
        for pod in listed
        if not pod.metadata.deletion_timestamp
    }


async def test_an_upgrade_in_the_middle_of_a_rollout_restarts_no_pod(
    own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given a rollout at 25 percent, whose pods an older operator made
    a_model_and_a_prompt(objects)
    an_app(objects)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    await eventually("25 percent", lambda: objects.status().get("weight") == 25)
    candidate = objects.status()["candidateRelease"]
    own_operator.stop()
    for name in (stable, candidate, "support-gateway"):
        as_an_older_operator_made_it(objects, name)

    def replaced() -> bool:
        found = (pods(objects, "runtime"), pods(objects, "gateway"))
        return all(set(seconds.values()) == {OLDER} for seconds in found)

    await eventually("the pods are the older operator's", replaced)
    runtimes, gateways = pods(objects, "runtime"), pods(objects, "gateway")
    # when the newer one takes over, and somebody edits a pod template by hand
    own_operator.start()
    await own_operator.leads()
    started = objects.status()["rollout"]["startedAt"]
    template = objects.deployments()[candidate].spec.template
    hand = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}}
    objects.apps.patch_namespaced_deployment(stable, objects.namespace, hand)
    # then the edit is put right, to what the older one made
    await eventually(
        "it is put right",
        lambda: objects.deployments()[stable].spec.template.spec.termination_grace_period_seconds == OLDER,
    )
    # and nothing else was touched
    assert objects.deployments()[candidate].spec.template == template
    assert pods(objects, "gateway") == gateways
    assert objects.status()["rollout"]["startedAt"] == started
    # and the rollout goes on to its end, with the pods that it began with
    of_candidate = {pod.uid for pod in dataplane.of(candidate)}
    assert of_candidate <= runtimes.keys()
    await under_traffic(
        "it is promoted", objects, dataplane, lambda now: now.get("stableRelease") == candidate and "rollout" not in now
    )
    assert of_candidate <= pods(objects, "runtime").keys()
    assert set(pods(objects, "runtime").values()) == {OLDER}
    # and only now the gateway follows
    await eventually("the gateway is replaced", lambda: OLDER not in pods(objects, "gateway").values())
