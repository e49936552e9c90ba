"""What the chart lets the operator and people do: all they need, and no more."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from admission import Installed
from chart import APPS, SYSTEM, Installation, Object, cluster_for_charts, environment, of_kind, render
from controlplane import REPOSITORY, ControlPlane
from harness import Objects, eventually
from kubernetes import client

from genaiops.api.action import Action
from genaiops.controller.kinds import (
    ACCESS_REVIEWS,
    BY_KIND,
    CLAIMS,
    CUSTOM,
    ENDPOINT_SLICES,
    EVENTS,
    HTTP_ROUTES,
    JOBS,
    OWNED,
    SECRETS,
    WATCHED,
    WEBHOOKS,
    Resource,
)
from ports import lasting_port

OPERATOR = f"system:serviceaccount:{SYSTEM}:genaiops-operator"


class Permission(NamedTuple):
    """One verb on one resource."""

    verb: str
    group: str
    resource: str
    name: str = ""
    """Of the one object that it is for."""


def on(resource: Resource, *verbs: str, sub: str = "", name: str = "") -> set[Permission]:
    return {Permission(verb, resource.group, resource.plural + sub, name) for verb in verbs}


def used_in_a_namespace() -> set[Permission]:
    """What the controller asks for, from its own table of kinds."""
    used: set[Permission] = on(EVENTS, "create", "patch") | on(BY_KIND["Pod"], "patch")
    for resource in WATCHED:
        used |= on(resource, "list", "watch")
    for resource in CUSTOM:
        used |= on(resource, "update", sub="/status")
    for resource in (BY_KIND["Release"], BY_KIND["Evaluation"], *OWNED):
        if resource.kind != "Pod":
            used |= on(resource, "create", "patch", "delete")
    used |= on(BY_KIND["ReleaseAction"], "delete") | on(HTTP_ROUTES, "patch") | on(ENDPOINT_SLICES, "list")
    used |= on(JOBS, "list", "create", "patch", "delete") | on(CLAIMS, "list")
    for kind in ("LLMApp", "Model", "Evaluation"):
        used |= on(BY_KIND[kind], "update", sub="/finalizers")
    return used


def used_by_the_webhook(environment: dict[str, str]) -> set[Permission]:
    """What the webhook asks for of the whole cluster."""
    used = on(ACCESS_REVIEWS, "create")
    if "GENAIOPS_WEBHOOK_CERTIFICATES" not in environment:
        for resource in WEBHOOKS:
            used |= on(resource, "get", "patch", name=environment["GENAIOPS_WEBHOOK_CONFIGURATION"])
    return used


def used_in_its_own_namespace(environment: dict[str, str]) -> set[Permission]:
    """Leadership, and the webhook's Secret."""
    leases = Resource("Lease", "leases", "coordination.k8s.io")
    used = on(leases, "create") | on(leases, "get", "update", name=environment["GENAIOPS_LEASE_NAME"])
    if "GENAIOPS_WEBHOOK" in environment:
        used |= on(SECRETS, "get", "update", name=environment["GENAIOPS_WEBHOOK_SECRET"])
    return used


WATCH_KINDS = {Permission(verb, "apiextensions.k8s.io", "customresourcedefinitions") for verb in ("list", "watch")}
WATCH_NAMESPACES = {Permission(verb, "", "namespaces") for verb in ("list", "watch")}
TOO_MUCH = (
    Permission("create", "", "pods"),
    Permission("delete", "", "pods"),
    Permission("create", "", "pods/exec"),
    Permission("get", "", "pods/proxy"),
    Permission("get", "", "secrets"),
    Permission("create", "", "secrets"),
    Permission("patch", "", "secrets"),
    Permission("update", "", "secrets"),
    Permission("create", "", "serviceaccounts/token"),
    Permission("patch", "", "nodes"),
    Permission("get", "", "nodes/proxy"),
    Permission("patch", "", "namespaces"),
    Permission("patch", "genaiops.dev", "llmapps"),
    Permission("patch", "genaiops.dev", "prompts"),
    Permission("patch", "apiextensions.k8s.io", "customresourcedefinitions"),
    Permission("create", "rbac.authorization.k8s.io", "rolebindings"),
    Permission("bind", "rbac.authorization.k8s.io", "clusterroles"),
    Permission("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    Permission("impersonate", "", "users"),
    Permission("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    Permission("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    Permission("create", "genaiops.dev", "releaseactions"),
    Permission("approve", "genaiops.dev", "llmapps"),
)


def granted(role: Object) -> set[Permission]:
    return {
        Permission(verb, group, resource, name)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ("",))
    }


def cluster_role(objects: list[Object]) -> Object:
    """The operator's own ClusterRole."""
    (role,) = (role for role in of_kind(objects, "ClusterRole") if role["metadata"]["name"].startswith(SYSTEM))
    return role


# --- what the chart grants ------------------------------------------------------------------------------------


WEBHOOKS_OF = {
    "own certificates": (),
    "cert-manager": ("webhook.certManager.enabled=true",),
    "no webhook": ("webhook.enabled=false",),
}


@pytest.mark.parametrize("values", WEBHOOKS_OF.values(), ids=WEBHOOKS_OF)
def test_whole_cluster_is_granted_exactly_what_the_controller_uses(values: tuple[str, ...]) -> None:
    objects = render(*values)
    told = environment(objects)
    webhook = used_by_the_webhook(told) if "GENAIOPS_WEBHOOK" in told else set()
    assert granted(cluster_role(objects)) == used_in_a_namespace() | WATCH_KINDS | webhook
    (role,) = of_kind(objects, "Role")
    assert role["metadata"]["namespace"] == SYSTEM
    assert granted(role) == used_in_its_own_namespace(told)


def test_namespaced_install_reads_kinds_and_namespaces_elsewhere_and_nothing_else() -> None:
    objects = render("watchNamespaces={team-a,team-b}")
    roles = {role["metadata"]["namespace"]: granted(role) for role in of_kind(objects, "Role")}
    told = environment(objects)
    assert granted(cluster_role(objects)) == WATCH_KINDS | WATCH_NAMESPACES | used_by_the_webhook(told)
    assert roles["team-a"] == roles["team-b"] == used_in_a_namespace()
    assert roles[SYSTEM] == used_in_its_own_namespace(told)
    assert set(roles) == {"team-a", "team-b", SYSTEM}


# --- what the API server makes of it --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with cluster_for_charts(tmp_path_factory.mktemp("permissions")) as running:
        yield running


@pytest.fixture
def chart(cluster: ControlPlane) -> Iterator[Installation]:
    installation = Installation(cluster)
    yield installation
    installation.uninstall()


@pytest.fixture(scope="module")
def api(cluster: ControlPlane) -> Iterator[client.ApiClient]:
    with cluster.client() as connected:
        yield connected


def may(api: client.ApiClient, user: str, permission: Permission, namespace: str) -> bool:
    resource, _, sub = permission.resource.partition("/")
    attributes = {"verb": permission.verb, "group": permission.group, "resource": resource, "subresource": sub}
    attributes["name"] = permission.name
    review = {"spec": {"user": user, "resourceAttributes": {**attributes, "namespace": namespace}}}
    return bool(client.AuthorizationV1Api(api).create_subject_access_review(review).status.allowed)


def test_operator_may_do_its_work_and_no_more(api: client.ApiClient, chart: Installation) -> None:
    chart.install()
    told = environment(render())
    refused = {permission for permission in used_in_a_namespace() if not may(api, OPERATOR, permission, "default")}
    refused |= {item for item in used_by_the_webhook(told) if not may(api, OPERATOR, item, "")}
    refused |= {item for item in used_in_its_own_namespace(told) if not may(api, OPERATOR, item, SYSTEM)}
    too_much = {permission for permission in TOO_MUCH if may(api, OPERATOR, permission, SYSTEM)}
    assert (refused, too_much) == (set(), set())


def test_namespaced_operator_has_no_say_in_other_namespaces(api: client.ApiClient, chart: Installation) -> None:
    chart.install(f"watchNamespaces={{{APPS}}}")
    refused = {permission for permission in used_in_a_namespace() if not may(api, OPERATOR, permission, APPS)}
    elsewhere = {permission for permission in used_in_a_namespace() if may(api, OPERATOR, permission, "default")}
    assert (refused, elsewhere) == (set(), set())


async def test_people_do_what_their_roles_say(
    api: client.ApiClient, cluster: ControlPlane, chart: Installation
) -> None:
    # given
    chart.install()
    for role in ("view", "edit", "admin"):
        cluster.kubectl("-n", APPS, "create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er")

    def verbs_of(user: str, resource: str) -> set[str]:
        verbs = ("get", "list", "watch", "create", "update", "patch", "delete")
        return {verb for verb in verbs if may(api, user, Permission(verb, "genaiops.dev", resource), APPS)}

    # when the cluster's own roles have taken ours in
    await eventually("admin takes ours in", lambda: "delete" in verbs_of("adminer", "releases"))

    # then
    read, write = {"get", "list", "watch"}, {"create", "update", "patch", "delete"}
    for resource in (kind.plural for kind in CUSTOM if kind.kind != "Release"):
        assert verbs_of("viewer", resource) == read
        assert verbs_of("editer", resource) == verbs_of("adminer", resource) == read | write
    assert verbs_of("viewer", "releases") == verbs_of("editer", "releases") == read
    assert verbs_of("adminer", "releases") == read | {"delete"}
    assert verbs_of("adminer", "llmapps/status") == set()
    assert verbs_of("editer", "llmapps/scale") == read | {"update", "patch"}


async def test_people_decide_what_their_roles_say(
    api: client.ApiClient, cluster: ControlPlane, chart: Installation
) -> None:
    # given
    chart.install()
    binding = ("-n", APPS, "create", "rolebinding")
    for role in ("view", "edit", "admin", "genaiops-approver"):
        cluster.kubectl(*binding, f"{role}s", f"--clusterrole={role}", f"--user={role}-user")

    def decisions_of(role: str) -> set[str]:
        verbs = {action.lower() for action in Action}
        return {verb for verb in verbs if may(api, f"{role}-user", Permission(verb, "genaiops.dev", "llmapps"), APPS)}

    # when the cluster's own roles have taken ours in
    await eventually("admin takes ours in", lambda: "approve" in decisions_of("admin"))

    # then who edits does not approve, and who approves does not edit
    approving = {"approve", "reject"}
    assert decisions_of("view") == set()
    assert decisions_of("edit") == {action.lower() for action in Action} - approving
    assert decisions_of("admin") == {action.lower() for action in Action}
    assert decisions_of("genaiops-approver") == approving
    assert may(api, "genaiops-approver-user", Permission("create", "genaiops.dev", "releaseactions"), APPS)
    assert not may(api, "genaiops-approver-user", Permission("patch", "genaiops.dev", "llmapps"), APPS)


# --- the operator itself, as the chart installs it ------------------------------------------------------------


@contextmanager
def operator_as_installed(cluster: ControlPlane, objects: list[Object], folder: Path) -> Iterator[Path]:
    """The operator with the ServiceAccount and the environment of the chart, until the block ends; gives its log."""
    access = yaml.safe_load(cluster.kubeconfig.read_text())
    token = cluster.kubectl("-n", SYSTEM, "create", "token", "genaiops-operator")
    access["users"][0]["user"] = {"token": token.strip()}
    kubeconfig, log = folder / "kubeconfig", folder / "operator.log"
    kubeconfig.write_text(yaml.safe_dump(access))
    told, port = environment(objects), lasting_port()
    # No Service leads to this machine.
    Installed(cluster, told["GENAIOPS_WEBHOOK_CONFIGURATION"], SYSTEM, port).listens_on(port)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
    own = {
        "KUBECONFIG": str(kubeconfig),
        "PYTHONPATH": str(REPOSITORY / "operator"),
        "GENAIOPS_PORT": str(lasting_port()),
    }
    own |= {"GENAIOPS_WEBHOOK_PORT": str(port), "GENAIOPS_WEBHOOK_HOSTS": "127.0.0.1"}
    command = [sys.executable, "-m", "genaiops.controller"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=inherited | told | own, stdout=out, stderr=out)
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(30)
        finally:
            process.kill()
            print(log.read_text())  # noqa: T201  # shown by pytest where the test failed
    assert code == 0


def an_app(objects: Objects) -> None:
    """An app with every kind that people write, and a model that is served in the cluster."""

    def version(name: str) -> dict[str, Any]:
        return {"name": name, "messages": [{"role": "system", "content": f"Be {name}."}]}

    objects.create("Model", "served", {"model": "m", "serving": {"image": "server"}})
    objects.create("Model", "elsewhere", {"model": "m", "endpoint": "http://elsewhere/v1"})
    objects.create("Prompt", "support", {"versions": [version("v1"), version("v2")]})
    objects.create("GuardrailPolicy", "safe", {"output": [{"name": "keys", "detector": {"type": "Secrets"}}]})
    objects.create("RolloutPolicy", "careful", {"steps": [{"setWeight": 5}]})
    app = {
        "model": {"ref": "elsewhere"},
        "prompt": {"ref": "support", "version": "v1"},
        "guardrails": [{"ref": "safe"}],
        "rolloutPolicyRef": "careful",
        "revisionHistoryLimit": 1,
    }
    objects.create("LLMApp", "support", app)


@pytest.mark.parametrize("values", [(), (f"watchNamespaces={{{APPS}}}",)], ids=["whole cluster", "one namespace"])
async def test_operator_is_never_refused(
    api: client.ApiClient, cluster: ControlPlane, chart: Installation, tmp_path: Path, values: tuple[str, ...]
) -> None:
    objects = Objects(api, APPS)
    started = datetime.now(UTC)

    def candidate_pods() -> str | None:
        name: str | None = objects.get("LLMApp", "support").get("status", {}).get("candidateRelease")
        return name if name in objects.deployments() else None

    # given the operator as the chart installs it
    chart.install(*values)
    with operator_as_installed(cluster, render(*values), tmp_path) as log:
        await eventually("its webhook answers", lambda: "webhook: told Validating" in log.read_text())
        # when an app is made, changed again and again, decided on, and deleted
        an_app(objects)
        first = await eventually("a first release is tried", candidate_pods)
        restart = {"app": "support", "action": "Restart", "release": objects.get("Release", first)["spec"]["hash"]}
        objects.create("ReleaseAction", "again", restart)
        await eventually("it is answered", lambda: objects.get("ReleaseAction", "again").get("status"))
        objects.patch("LLMApp", "support", {"spec": {"prompt": {"version": "v2"}}})
        await eventually("another one is tried instead", lambda: candidate_pods() not in (None, first))
        objects.patch("Model", "served", {"spec": {"serving": None, "endpoint": "http://elsewhere/v1"}})
        await eventually("the model's server is gone", lambda: "served-model" not in objects.deployments())
        for kind, name in (
            ("LLMApp", "support"),
            ("Model", "served"),
            ("Model", "elsewhere"),
            ("Prompt", "support"),
            ("GuardrailPolicy", "safe"),
            ("RolloutPolicy", "careful"),
        ):
            objects.delete(kind, name)
        await eventually("all is gone", lambda: not objects.names())

    # then
    writes = cluster.writes(user=OPERATOR, since=started)
    assert [write for write in writes if write.code == 403] == []
    assert {
        ("patch", "releases"),
        ("patch", "pods"),
        ("delete", "deployments"),
        ("create", "subjectaccessreviews"),
        ("update", "releaseactions/status"),
        ("update", "secrets"),
    } <= {(write.verb, write.resource) for write in writes}
    said = log.read_text()
    assert "forbidden" not in said.lower()
    assert "Not enough permissions" not in said
    assert "reconcile failed" not in said
