"""The Helm chart: what it renders, and what a real API server makes of it."""

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml
from chart import (
    APPS,
    CHART,
    SYSTEM,
    Installation,
    RefusedError,
    apply,
    cluster_for_charts,
    documents,
    environment,
    lint,
    of_kind,
    render,
    render_text,
)
from controlplane import REPOSITORY, ControlPlane, ControlPlaneError

from genaiops.api.tracing import Tracing
from genaiops.controller.settings import parse_settings
from genaiops.controller.webhook.certificates import issue
from genaiops.manifests.labels import OPERATOR
from genaiops.manifests.release import HTTP_PORT, METRICS_PORT
from genaiops.traffic.envoy.names import READ_ONLY_PORT

HOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
BUNDLE = base64.b64encode(issue(["webhook"], datetime.now(UTC), timedelta(days=1))[0]).decode()
DIGEST = f"sha256:{'a' * 64}"
PLACEMENT = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions"
EVERYTHING = (
    "replicas=2",
    "networkPolicy.enabled=true",
    "priorityClassName=system-cluster-critical",
    "imagePullSecrets[0].name=pull",
    "nodeSelector.disk=ssd",
    "tolerations[0].operator=Exists",
    "podAnnotations.team=genai",
    "serviceAccount.annotations.team=genai",
    f"{PLACEMENT}[0].key=gpu,{PLACEMENT}[0].operator=DoesNotExist",
)

PROMPT = """
apiVersion: genaiops.dev/v1alpha1
kind: Prompt
metadata: {name: support, namespace: apps}
spec: {versions: [{name: v1, messages: [{role: system, content: Be brief.}]}]}
"""


# --- what it renders ------------------------------------------------------------------------------------------


def test_helm_finds_nothing_to_complain_about() -> None:
    assert "0 chart(s) failed" in lint()


def test_chart_and_code_have_the_same_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("images.operater.tag=1", "at '/images': additional properties 'operater' not allowed"),
        ("replica=2", "additional properties 'replica' not allowed"),
        ("tracing.endpoint=otel:4318", "at '/tracing/endpoint': 'otel:4318' does not match"),
        ("replicas=two", "at '/replicas': got string, want integer"),
        ("images.operator.tag=7", "at '/images/operator/tag': got number, want string"),
        ("watchNamespaces={Team_A}", "at '/watchNamespaces/0': 'Team_A' does not match"),
        ("images.operator.repository=a/b:1", "at '/images/operator/repository': 'a/b:1' does not match"),
        ("images.gateway.digest=latest", "at '/images/gateway/digest': 'latest' does not match"),
        ("images.operator.pullPolicy=Sometimes", "at '/images/operator/pullPolicy': value must be one of"),
        ("crds.keep=maybe", "at '/crds/keep': got string, want boolean"),
        ("webhook.certManager.issuerRef.kind=Isuer", "at '/webhook/certManager/issuerRef/kind': value must be one of"),
        ("serviceAccount.create=false", "serviceAccount.name: name the ServiceAccount to use"),
    ],
)
def test_wrong_value_is_refused_by_name(value: str, said: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(said)):
        render(value)


@pytest.mark.parametrize(
    ("values", "image"),
    [
        (("images.operator.tag=1.2.0",), "genaiops/operator:1.2.0"),
        (("images.operator.repository=mirror:5000/own", "images.operator.tag=v1"), "mirror:5000/own:v1"),
        ((f"images.operator.digest={DIGEST}",), f"genaiops/operator@{DIGEST}"),
        (("images.operator.reference=localhost/operator:dev", "images.operator.tag=x"), "localhost/operator:dev"),
    ],
)
def test_image_is_named_in_parts_or_whole(values: tuple[str, ...], image: str) -> None:
    (deployment,) = of_kind(render(*values), "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_operator_understands_what_the_chart_tells_it() -> None:
    # given
    objects = render(
        "images.runtime.tag=v7",
        "images.gateway.reference=own/envoy:8",
        "images.evaluator.tag=v7",
        "watchNamespaces={a,b}",
        "workers=3",
        "tracing.endpoint=http://otel-collector.observability:4318",
        "tracing.sampleRate=0.25",
    )

    # when
    settings = parse_settings([], environment(objects))

    # then
    assert settings.runtime_image == "genaiops/runtime:v7"
    assert settings.gateway_image == "own/envoy:8"
    assert settings.evaluator_image == "genaiops/evaluator:v7"
    assert settings.namespaces == ("a", "b")
    assert (settings.lease_namespace, settings.lease_name) == (SYSTEM, "genaiops-operator")
    assert settings.identity.startswith("pod-")
    assert settings.workers == 3
    assert settings.tracing == Tracing(endpoint="http://otel-collector.observability:4318", sample_rate=Decimal("0.25"))
    assert settings.pod_access == "direct"
    (deployment,) = of_kind(objects, "Deployment")
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert settings.webhook is not None
    assert {port["name"]: port["containerPort"] for port in ports} == {
        "metrics": settings.port,
        "webhook": settings.webhook.port,
    }


def test_gateways_know_the_operator_by_its_label_whatever_its_name() -> None:
    (deployment,) = of_kind(render("fullnameOverride=other", release="other"), "Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= OPERATOR.items()


def test_only_one_of_several_replicas_may_be_evicted_at_a_time() -> None:
    assert of_kind(render("replicas=1"), "PodDisruptionBudget") == []
    (budget,) = of_kind(render("replicas=3"), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def test_network_policy_opens_the_ports_on_which_the_operator_asks_pods() -> None:
    (policy,) = of_kind(render("networkPolicy.enabled=true", "watchNamespaces={a}"), "NetworkPolicy")
    (to_pods,) = (rule for rule in policy["spec"]["egress"] if "to" in rule)
    assert {port["port"] for port in to_pods["ports"]} == {HTTP_PORT, METRICS_PORT, READ_ONLY_PORT}
    assert to_pods["to"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["a"]


def test_network_policy_lets_the_api_server_call_the_webhook() -> None:
    (policy,) = of_kind(render("networkPolicy.enabled=true"), "NetworkPolicy")
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == {8080, 9443}


@pytest.mark.parametrize("certificates", ["webhook.certManager.enabled=false", "webhook.certManager.enabled=true"])
def test_webhook_is_called_by_the_name_in_its_certificate(certificates: str) -> None:
    # given
    objects = render(certificates, "fullnameOverride=other")
    settings = parse_settings([], environment(objects)).webhook
    assert settings is not None

    # then the API server calls a Service that leads to the operator's port
    hooks = [hook for kind in HOOKS for item in of_kind(objects, kind) for hook in item["webhooks"]]
    called = {(hook["clientConfig"]["service"]["name"], hook["clientConfig"]["service"]["port"]) for hook in hooks}
    services = {service["metadata"]["name"]: service["spec"]["ports"][0] for service in of_kind(objects, "Service")}
    ((name, port),) = called
    assert services[name] == {"name": "webhook", "port": port, "targetPort": "webhook", "appProtocol": "https"}

    # and it finds that name in the certificate, whoever makes it
    assert settings.hosts == (f"{name}.{SYSTEM}.svc",)
    for certificate in of_kind(objects, "Certificate"):
        assert certificate["spec"].get("dnsNames", [*settings.hosts]) == [*settings.hosts]

    # and the operator changes the objects that are there
    assert {item["metadata"]["name"] for kind in HOOKS for item in of_kind(objects, kind)} == {settings.configuration}
    assert settings.secret in {secret["metadata"]["name"] for secret in of_kind(objects, "Secret")}
    assert settings.namespace == SYSTEM


def test_only_decisions_wait_for_the_webhook() -> None:
    hooks = {hook["name"]: hook for kind in HOOKS for item in of_kind(render(), kind) for hook in item["webhooks"]}
    must = {name for name, hook in hooks.items() if hook["failurePolicy"] == "Fail"}
    assert must == {"requester.genaiops.dev", "decision.genaiops.dev"}
    for name in must:
        (rule,) = hooks[name]["rules"]
        assert (rule["resources"], rule["operations"]) == (["releaseactions"], ["CREATE"])


def test_webhook_of_some_namespaces_is_asked_in_these_only() -> None:
    objects = render("watchNamespaces={a,b}")
    for hook in (hook for kind in HOOKS for item in of_kind(objects, kind) for hook in item["webhooks"]):
        (rule,) = hook["namespaceSelector"]["matchExpressions"]
        assert rule == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}


def test_cert_managers_certificate_is_mounted_where_the_operator_looks() -> None:
    # given
    objects = render("webhook.certManager.enabled=true")
    certificates = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "Certificate")}
    serving, authority = certificates["genaiops-operator-webhook"], certificates["genaiops-operator-webhook-ca"]

    # then its Secret is in the folder that the operator is told
    (deployment,) = of_kind(objects, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (volume,) = (volume for volume in pod["volumes"] if "secret" in volume)
    (mount,) = (mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == volume["name"])
    settings = parse_settings([], environment(objects)).webhook
    assert settings is not None
    assert (volume["secret"]["secretName"], mount["mountPath"]) == (serving["secretName"], settings.certificates)

    # and cert-manager tells the API server whom to trust
    for item in (item for kind in HOOKS for item in of_kind(objects, kind)):
        told = item["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert told == f"{SYSTEM}/genaiops-operator-webhook"

    # and an authority that lasts signs it
    issuers = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "Issuer")}
    assert issuers[serving["issuerRef"]["name"]] == {"ca": {"secretName": authority["secretName"]}}
    assert issuers[authority["issuerRef"]["name"]] == {"selfSigned": {}}


def test_cert_manager_can_be_given_an_issuer() -> None:
    issuer = "webhook.certManager.issuerRef"
    objects = render("webhook.certManager.enabled=true", f"{issuer}.name=corporate,{issuer}.kind=ClusterIssuer")
    (certificate,) = of_kind(objects, "Certificate")
    assert certificate["spec"]["issuerRef"] == {"name": "corporate", "kind": "ClusterIssuer"}
    assert of_kind(objects, "Issuer") == []


def test_without_the_webhook_nothing_is_left_of_it() -> None:
    objects = render("webhook.enabled=false", "webhook.certManager.enabled=true")
    assert "webhook" not in yaml.safe_dump_all(objects).lower()
    assert parse_settings([], environment(objects)).webhook is None


def test_service_monitor_finds_the_metrics_service() -> None:
    objects = render("metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.labels.prometheus=main")
    (monitor,) = of_kind(objects, "ServiceMonitor")
    (service,) = (item for item in of_kind(objects, "Service") if item["metadata"]["name"].endswith("-metrics"))
    assert monitor["metadata"]["labels"]["prometheus"] == "main"
    assert service["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


def test_installs_for_two_teams_share_no_name() -> None:
    def names(team: str) -> set[tuple[str, str, str]]:
        objects = render(f"watchNamespaces={{{team}}}", "rbac.userRoles=false", release=team)
        return {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in objects}

    assert not names("team-a") & names("team-b")


# --- what a cluster makes of it -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with cluster_for_charts(tmp_path_factory.mktemp("chart")) as running:
        yield running


@pytest.fixture
def chart(cluster: ControlPlane) -> Iterator[Installation]:
    installation = Installation(cluster)
    yield installation
    installation.uninstall()
    cluster.kubectl("-n", APPS, "delete", "prompts", "--all")


@pytest.mark.parametrize(
    "values",
    [(), EVERYTHING, (*EVERYTHING, f"watchNamespaces={{{APPS},{SYSTEM}}}")],
    ids=["defaults", "everything", "namespaced"],
)
def test_api_server_accepts_every_field(cluster: ControlPlane, values: tuple[str, ...]) -> None:
    text = render_text(*values)
    accepted = apply(cluster, text, "--dry-run=server")
    assert len(accepted.splitlines()) == len(documents(text))


def test_restricted_namespace_takes_the_operators_pods(cluster: ControlPlane, chart: Installation) -> None:
    # given a namespace that refuses any other
    with pytest.raises(ControlPlaneError, match="violates PodSecurity"):
        cluster.kubectl("-n", SYSTEM, "run", "careless", "--image=any", "--dry-run=server")

    # when
    chart.install("replicas=2")

    # then
    wait = ("wait", "deployment/genaiops-operator", "--for=jsonpath={.status.replicas}=2", "--timeout=20s")
    cluster.kubectl("-n", SYSTEM, *wait)


def test_upgrade_keeps_the_webhooks_key_and_whom_the_api_server_trusts(
    cluster: ControlPlane, chart: Installation
) -> None:
    # given what the operator wrote
    chart.install()
    name = parse_settings([], environment(render())).webhook
    assert name is not None
    cluster.kubectl("-n", SYSTEM, "patch", "secret", name.secret, "-p", '{"data": {"stamp.key": "a2V5"}}')
    told = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": BUNDLE}]
    cluster.kubectl("patch", HOOKS[0], name.configuration, "--type=json", "-p", json.dumps(told))

    # when
    chart.upgrade("workers=6")

    # then
    key = cluster.kubectl("-n", SYSTEM, "get", "secret", name.secret, "-o=jsonpath={.data.stamp\\.key}")
    kept = cluster.kubectl("get", HOOKS[0], name.configuration, "-o=jsonpath={.webhooks[0].clientConfig.caBundle}")
    assert (key, kept) == ("a2V5", BUNDLE)


def test_upgrade_changes_what_was_asked_and_keeps_the_rest(cluster: ControlPlane, chart: Installation) -> None:
    def deployed(path: str) -> str:
        return cluster.kubectl("-n", SYSTEM, "get", "deployment/genaiops-operator", f"-o=jsonpath={{{path}}}")

    # given
    chart.install("workers=5")
    apply(cluster, PROMPT)

    # when
    chart.upgrade("images.operator.tag=next", "replicas=2")

    # then
    assert deployed(".spec.template.spec.containers[0].image") == "genaiops/operator:next"
    assert deployed(".spec.replicas") == "2"
    assert deployed(".spec.template.spec.containers[0].env[?(@.name=='GENAIOPS_WORKERS')].value") == "5"
    cluster.kubectl("-n", SYSTEM, "get", "poddisruptionbudget/genaiops-operator")
    cluster.kubectl("-n", APPS, "get", "prompt/support")


def test_uninstalling_leaves_only_kinds_and_what_people_wrote(cluster: ControlPlane, chart: Installation) -> None:
    # given
    chart.install()
    apply(cluster, PROMPT)

    # when
    chart.uninstall()

    # then
    kinds = "deployments,services,secrets,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings"
    kinds += ",mutatingwebhookconfigurations,validatingwebhookconfigurations"
    assert cluster.kubectl("get", kinds, "-A", "-l", "app.kubernetes.io/part-of=genaiops", "-o", "name") == ""
    cluster.kubectl("-n", APPS, "get", "prompt/support")

    # and the next install takes them over
    chart.install()
    cluster.kubectl("-n", APPS, "get", "prompt/support")


def test_uninstalling_removes_the_kinds_that_are_not_to_be_kept(cluster: ControlPlane, chart: Installation) -> None:
    # given kinds that are in use: the API server is slow to delete one that nobody ever read
    chart.install("crds.keep=false")
    cluster.kubectl("get", "genaiops", "-A")

    # when
    chart.uninstall()

    # then
    assert cluster.kubectl("get", "crds", "-o", "name") == ""
    chart.install()


def test_kinds_can_come_from_elsewhere(cluster: ControlPlane, chart: Installation) -> None:
    notes = chart.install("crds.enabled=false", "crds.keep=false")
    assert "crds.enabled=false" in notes
    chart.uninstall()
    cluster.kubectl("get", "crd", "llmapps.genaiops.dev")


def test_release_fits_in_its_secret_with_room_to_grow(cluster: ControlPlane, chart: Installation) -> None:
    # An object of more than 1 MiB is refused, and helm keeps the whole chart in one Secret.
    chart.install()
    path = "-o=jsonpath={.data.release}"
    assert len(cluster.kubectl("-n", SYSTEM, "get", "secret/sh.helm.release.v1.genaiops.v1", path)) < 512 * 1024


def test_first_app_of_the_notes_can_be_applied_as_it_stands(cluster: ControlPlane, chart: Installation) -> None:
    notes = chart.install(f"watchNamespaces={{{APPS}}}")
    (manifests,) = re.findall(r"kubectl -n apps apply -f - <<'END'\n(.*?)\nEND\n", notes, re.DOTALL)
    accepted = apply(cluster, manifests, "-n", APPS, "--dry-run=server")
    assert len(accepted.splitlines()) == 3
