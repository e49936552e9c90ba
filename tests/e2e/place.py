"""A namespace of a test's own, and an app in it, as a test reads and writes them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from kubernetes.client import ApiException

from cluster import OPERATOR_NAMESPACE, ROOT, Cluster
from genaiops.api import API_VERSION

FIELD_MANAGER = "e2e"
QUICKSTART = ROOT / "examples" / "quickstart"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
Object = dict[str, Any]

# Several tests share a node of two CPUs, of which the cluster itself has reserved the half.
SMALL_RUNTIME: Object = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}}

_RBAC = "rbac.authorization.k8s.io/v1"
_API_VERSIONS = {"Deployment": "apps/v1", "Role": _RBAC, "RoleBinding": _RBAC}
_OURS = {
    *("LLMApp", "Model", "Prompt", "GuardrailPolicy", "RolloutPolicy", "Release", "ReleaseAction"),
    *("EvaluationSuite", "Evaluation"),
}


def eventually(what: str, condition: Callable[[], Any], within: float = 120.0) -> Any:
    """Wait until the condition gives something true, and return that; fails with what it gave last."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last: {found!r}")
        time.sleep(0.2)


class Place:
    """One namespace. It enforces the restricted Pod Security Standard on whatever is made in it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def resource(self, kind: str) -> Any:
        """The dynamic client's resource of a kind."""
        version = API_VERSION if kind in _OURS else _API_VERSIONS.get(kind, "v1")
        return self.cluster.dynamic.resources.get(api_version=version, kind=kind)

    def apply(self, *manifests: Object) -> None:
        """Apply manifests, server-side."""
        for manifest in manifests:
            self.resource(manifest["kind"]).server_side_apply(
                body=manifest, namespace=self.namespace, field_manager=FIELD_MANAGER, force_conflicts=True
            )

    def get(self, kind: str, name: str) -> Object | None:
        """An object, or None."""
        try:
            found: Object = self.resource(kind).get(name=name, namespace=self.namespace).to_dict()
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    def all(self, kind: str, selector: str = "") -> list[Object]:
        """All objects of a kind, or those that the label selector chooses."""
        listed = self.resource(kind).get(namespace=self.namespace, label_selector=selector)
        items: list[Object] = listed.to_dict()["items"]
        return items

    def patch(self, kind: str, name: str, patch: Object) -> None:
        """Merge-patch an object."""
        self.resource(kind).patch(
            body=patch, name=name, namespace=self.namespace, content_type="application/merge-patch+json"
        )

    def delete(self, kind: str, name: str) -> None:
        """Delete an object; what it owns goes with it, later."""
        self.resource(kind).delete(name=name, namespace=self.namespace, body={"propagationPolicy": "Background"})

    def kubectl(self, *arguments: str, check: bool = True, given: str | None = None) -> str:
        """kubectl in this namespace; `given` is its standard input."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, check=check, given=given)

    def person(self, name: str, *verbs: str) -> str:
        """A user who may edit in this namespace and decide on apps with these verbs; for ``kubectl --as``."""
        user = {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        core, ours = {"apiGroup": "rbac.authorization.k8s.io"}, "genaiops.dev"
        rules = [
            {"apiGroups": [ours], "resources": ["*"], "verbs": ["get", "list", "create", "update", "patch"]},
            {"apiGroups": [ours], "resources": ["llmapps"], "verbs": list(verbs)},
        ]
        self.apply(
            {"apiVersion": _RBAC, "kind": "Role", "metadata": {"name": name}, "rules": rules[: 2 if verbs else 1]},
            {
                "apiVersion": _RBAC,
                "kind": "RoleBinding",
                "metadata": {"name": name},
                "roleRef": {**core, "kind": "Role", "name": name},
                "subjects": [user],
            },
        )
        return name

    def answer_of(self, pod: str, port: int, path: str) -> str:
        """The body of a GET to a port of a pod, through the API server."""
        return self.cluster.raw(f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}")

    def log_of(self, pod: str) -> str:
        """What a pod has printed."""
        return self.cluster.raw(f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log")

    def ready(self, pod: str) -> None:
        """Wait for a pod to be Ready."""
        self.kubectl("wait", f"pod/{pod}", "--for=condition=Ready", "--timeout=120s")

    def explain(self) -> str:
        """What a person would look at to learn why something went wrong here."""
        names = self.kubectl("get", "pods", "--output=name", check=False).split()
        logs = [f"--- logs of {name}\n{self.kubectl('logs', name, '--tail=25', check=False)}" for name in names]
        return "\n".join(
            (
                f"namespace {self.namespace}",
                self.kubectl(
                    "get", "pods,releases,models,prompts,guardrailpolicies,evaluations", "--output=wide", check=False
                ),
                self.kubectl("describe", "llmapps", check=False),
                self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False),
                *logs,
                "--- operator",
                self.cluster.kubectl(
                    *(f"--namespace={OPERATOR_NAMESPACE}", "logs", "deploy/genaiops-operator", "--tail=80"),
                    check=False,
                ),
            )
        )


class App:
    """An LLMApp in a place."""

    def __init__(self, place: Place, name: str = "support") -> None:
        self.place = place
        self.name = name

    def status(self) -> Object:
        """Its status, once the operator has judged the spec as it stands; empty before."""
        live = self.place.get("LLMApp", self.name)
        assert live is not None, f"there is no LLMApp {self.name}"
        status: Object = live.get("status") or {}
        return status if status.get("observedGeneration") == live["metadata"]["generation"] else {}

    def change(self, **spec: Any) -> None:
        """Merge-patch the spec."""
        self.place.patch("LLMApp", self.name, {"spec": spec})

    def decide(self, action: str, release: str, *, by: str | None = None, check: bool = True, **spec: Any) -> str:
        """Make a ReleaseAction, as a user if one is named; what kubectl says of it.

        Again while the operator's webhook can't be reached, as a person would: a story beside this one kills it.
        """
        live = self.place.get("Release", release)
        assert live is not None, f"there is no Release {release}"
        manifest = custom("ReleaseAction", "", app=self.name, action=action, release=live["spec"]["hash"], **spec)
        manifest["metadata"] = {"generateName": f"{self.name}-{action.lower()}-"}
        user = [f"--as={by}"] if by else []

        def heard() -> str | None:
            said = self.place.kubectl("create", "-f", "-", *user, check=False, given=yaml.safe_dump(manifest))
            return None if "failed calling webhook" in said else said

        said: str = eventually("the webhook hears of it", heard)
        assert " created" in said or not check, said
        return said

    def phase(self, phase: str, within: float = 120.0) -> Object:
        """Wait until it is in that phase; its status then."""

        def reached() -> Object | None:
            status = self.status()
            return status if status.get("phase") == phase else None

        found: Object = eventually(f"{self.name} is {phase}", reached, within)
        return found

    def serves(self, within: float = 180.0) -> str:
        """Wait until it is Healthy; the release that serves."""
        release: str = self.phase("Healthy", within)["stableRelease"]
        return release

    def ends(self, within: float = 240.0) -> Object:
        """Wait until no rollout is under way and none is about to begin; the last entry of the history."""

        def over() -> Object | None:
            status = self.status()
            ended = status.get("phase") in ("Healthy", "Degraded") and not status.get("rollout")
            return status["history"][-1] if ended and status.get("history") else None

        entry: Object = eventually(f"the rollout of {self.name} ends", over, within)
        return entry

    def condition(self, kind: str) -> Object:
        """A condition of it; empty while there is none."""
        conditions = self.status().get("conditions") or ()
        return next((item for item in conditions if item["type"] == kind), {})

    def told(self, reason: str) -> str:
        """Wait for an Event with that reason; its message."""

        def found() -> str | None:
            for event in self.place.all("Event"):
                if event["involvedObject"]["name"] == self.name and event["reason"] == reason:
                    return str(event["message"])
            return None

        message: str = eventually(f"an Event {reason}", found)
        return message

    def pods(self, release: str) -> list[Object]:
        """The pods of a release that are not on their way out."""
        found = self.place.all("Pod", f"genaiops.dev/app={self.name},genaiops.dev/release={release}")
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def gateways(self) -> list[Object]:
        """The pods of its gateway that are not on their way out."""
        found = self.place.all("Pod", f"genaiops.dev/app={self.name},genaiops.dev/component=gateway")
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def quickstart() -> Iterator[Object]:
    """The manifests of examples/quickstart, as a person applies them."""
    for path in sorted(QUICKSTART.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def custom(kind: str, name: str, **spec: Any) -> Object:
    """The manifest of one of our kinds."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def script_pod(name: str, image: str, script: str, arguments: list[str], **container: Any) -> Iterator[Object]:
    """A ConfigMap with a script, and a pod that runs it: with an image of ours, and as little rights as theirs."""
    metadata = {"name": name, "labels": {"genaiops.dev/e2e": name}}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"script.py": script}}
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "command": ["python3", "/script/script.py", *arguments],
                    "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "script", "mountPath": "/script"}],
                    **container,
                }
            ],
            "volumes": [{"name": "script", "configMap": {"name": name}}],
        },
    }
