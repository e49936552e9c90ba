"""The fixture itself: what tests rely on when they count writes or wait for controllers."""

import json
from datetime import UTC, datetime

from controlplane import ControlPlane
from kubernetes import client, config


def test_writes_are_counted_by_user_namespace_and_time(
    controlplane: ControlPlane, admin: client.ApiClient, namespace: str
) -> None:
    core = client.CoreV1Api(admin)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "before"}})
    since = datetime.now(UTC)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "after"}})
    core.read_namespaced_config_map("after", namespace)
    writes = controlplane.writes(since=since, user="admin", namespace=namespace)
    assert [(write.verb, write.resource, write.code) for write in writes] == [("create", "configmaps", 201)]
    assert controlplane.writes(since=since, user="nobody", namespace=namespace) == []


def test_another_user_may_do_what_rbac_allows(
    controlplane: ControlPlane, admin: client.ApiClient, namespace: str
) -> None:
    role_binding = {
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}],
    }
    client.RbacAuthorizationV1Api(admin).create_namespaced_role_binding(namespace, role_binding)
    with config.new_client_from_config(str(controlplane.kubeconfig_for("viewer"))) as viewer:
        review = client.AuthorizationV1Api(viewer).create_self_subject_access_review

        def may(verb: str) -> bool:
            attributes = {"verb": verb, "resource": "configmaps", "namespace": namespace}
            return bool(review({"spec": {"resourceAttributes": attributes}}).status.allowed)

        assert may("list")
        assert not may("create")


def test_deployments_become_replica_sets_and_owners_take_what_they_own(
    controlplane: ControlPlane, namespace: str
) -> None:
    def kubectl(*arguments: str, stdin: str | None = None) -> str:
        return controlplane.kubectl("-n", namespace, *arguments, stdin=stdin)

    prompt = {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "Prompt",
        "metadata": {"name": "owner"},
        "spec": {"versions": [{"name": "v1", "messages": [{"role": "system", "content": "Hello"}]}]},
    }
    uid = kubectl("apply", "-f", "-", "-o", "jsonpath={.metadata.uid}", stdin=json.dumps(prompt))
    owner = {"apiVersion": prompt["apiVersion"], "kind": "Prompt", "name": "owner", "uid": uid}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "owned", "ownerReferences": [owner]},
        "spec": {
            "selector": {"matchLabels": {"app": "owned"}},
            "template": {
                "metadata": {"labels": {"app": "owned"}},
                "spec": {"containers": [{"name": "main", "image": "nothing:1"}]},
            },
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(deployment))
    kubectl("wait", "--for=create", "replicaset,pod", "-l", "app=owned", "--timeout=30s")
    kubectl("delete", "prompt/owner")
    kubectl("wait", "--for=delete", "deployment/owned", "--timeout=30s")
