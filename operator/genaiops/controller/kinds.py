"""Which objects the operator watches, and how each is addressed."""

from dataclasses import dataclass
from typing import Any, Final

from genaiops.api import GROUP, VERSION
from genaiops.manifests.labels import MANAGED_BY, MANAGER


@dataclass(frozen=True)
class Resource:
    """A resource of the Kubernetes API."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    selector: str | None = None
    """Label selector, judged by the API server: what is not ours is never sent."""

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """URL path of the collection or of one object."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


_OURS: Final = f"{MANAGED_BY}={MANAGER}"

CUSTOM: Final = tuple(
    Resource(kind, plural, GROUP, VERSION)
    for kind, plural in (
        ("Model", "models"),
        ("Prompt", "prompts"),
        ("GuardrailPolicy", "guardrailpolicies"),
        ("RolloutPolicy", "rolloutpolicies"),
        ("LLMApp", "llmapps"),
        ("Release", "releases"),
        ("ReleaseAction", "releaseactions"),
        ("EvaluationSuite", "evaluationsuites"),
        ("Evaluation", "evaluations"),
    )
)
OWNED: Final = (
    Resource("ConfigMap", "configmaps", selector=_OURS),
    Resource("Service", "services", selector=_OURS),
    Resource("Pod", "pods", selector=_OURS),
    Resource("Deployment", "deployments", "apps", selector=_OURS),
    Resource("PodDisruptionBudget", "poddisruptionbudgets", "policy", selector=_OURS),
    Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io", selector=_OURS),
)
SECRETS: Final = Resource("Secret", "secrets")
HTTP_ROUTES: Final = Resource("HTTPRoute", "httproutes", "gateway.networking.k8s.io")
REQUIRED: Final = (*CUSTOM, *OWNED, SECRETS)
OPTIONAL: Final = (HTTP_ROUTES,)
"""What a cluster may lack, or get later."""
WATCHED: Final = (*REQUIRED, *OPTIONAL)
ENDPOINT_SLICES: Final = Resource("EndpointSlice", "endpointslices", "discovery.k8s.io")

EVENTS: Final = Resource("Event", "events")
ACCESS_REVIEWS: Final = Resource("SubjectAccessReview", "subjectaccessreviews", "authorization.k8s.io")
WEBHOOKS: Final = (
    Resource("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
    Resource("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", "admissionregistration.k8s.io"),
)
JOBS: Final = Resource("Job", "jobs", "batch")
CONFIG_MAPS: Final = Resource("ConfigMap", "configmaps")
"""Anybody's, as against the operator's own, which are watched."""
CLAIMS: Final = Resource("PersistentVolumeClaim", "persistentvolumeclaims")
BY_KIND: Final = {resource.kind: resource for resource in (*WATCHED, *WEBHOOKS, EVENTS, JOBS)}


def resource_of(manifest: dict[str, Any]) -> Resource:
    """The resource that a manifest is one of."""
    return BY_KIND[manifest["kind"]]
