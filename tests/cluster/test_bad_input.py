"""What is wrong is said with the field, the reason and the remedy; what serves goes on, and so does everybody else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from controlplane import ControlPlane, ControlPlaneError
from harness import Manifest, Objects, OperatorProcess, eventually
from kubernetes import client
from simulation import DataPlane
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy, refusal, version

pytestmark = pytest.mark.usefixtures("operator")


# --- refused at apply -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"replica": 2}, "spec.replica: field not declared in schema"),
        ({"replicas": "two"}, r"spec.replicas: Invalid value: \"string\"|expected numeric"),
        ({"prompt": {"ref": "support"}}, "spec.prompt: Invalid value: .*version, label: write exactly one"),
        ({"rollout": {"steps": [{"setWeight": 120}]}}, r"spec.rollout.steps\[0\].setWeight: Invalid value: 120"),
        ({"rollout": {}, "rolloutPolicyRef": "careful"}, "spec: Invalid value: .*rollout, rolloutPolicyRef"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_path_of_the_field(
    controlplane: ControlPlane, namespace: str, spec: Manifest, said: str
) -> None:
    app = {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "LLMApp",
        "metadata": {"name": "support"},
        "spec": {"model": {"ref": "llm"}, "prompt": {"ref": "support", "version": "v1"}, **spec},
    }
    with pytest.raises(ControlPlaneError, match=said):
        controlplane.kubectl("-n", namespace, "apply", "--server-side", "-f", "-", stdin=json.dumps(app))


# --- what only the operator can see ---------------------------------------------------------------------------


WRONG_REFERENCES: list[tuple[Manifest, tuple[str, ...]]] = [
    ({"model": {"ref": "lost"}}, ("spec.model.ref: there is no Model 'lost' in namespace", "create it or correct")),
    (
        {"model": {"ref": "llm", "fallbacks": [{"ref": "lost"}]}},
        ("spec.model.fallbacks[0].ref: there is no Model 'lost'", "create it or correct"),
    ),
    ({"model": {"ref": "retired"}}, ("spec.model.ref: Model 'retired' is retired", "'llm'")),
    ({"prompt": {"ref": "lost", "version": "v1"}}, ("spec.prompt.ref: there is no Prompt 'lost'", "create it or")),
    ({"prompt": {"ref": "support", "version": "v9"}}, ("spec.prompt.version: ", "no version 'v9'", "v1, v2, v3")),
    ({"prompt": {"ref": "support", "label": "beta"}}, ("spec.prompt.label: ", "no label 'beta'", "live")),
    (
        {"prompt": {"ref": "broken", "version": "v1"}},
        ("Prompt 'broken' can't be used: spec.versions[0].messages[0]", "undeclared variable 'nobody': add it"),
    ),
    ({"guardrails": [{"ref": "lost"}]}, ("spec.guardrails[0].ref: there is no GuardrailPolicy 'lost'", "create it")),
    (
        {"guardrails": [{"ref": "broken"}]},
        (
            "spec.guardrails[0].ref: GuardrailPolicy 'broken'",
            "spec.input[0].detector.patterns[0]: is no RE2 expression",
        ),
    ),
    (
        {"rollout": None, "rolloutPolicyRef": "lost"},
        ("spec.rolloutPolicyRef: there is no RolloutPolicy 'lost'", "create it or correct"),
    ),
]


async def test_a_reference_that_leads_nowhere_is_a_condition_and_stable_goes_on(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves, and objects that can't be used
    a_model_and_a_prompt(objects)
    retired = {"stage": "Retired", "replacement": "llm"}
    objects.create("Model", "retired", {"model": "m", "endpoint": "http://old/v1", "lifecycle": retired})
    objects.create("Prompt", "broken", {"versions": [version("v1", "Hello {{ nobody }}")]})
    wrong = {"name": "regex", "detector": {"type": "Regex", "patterns": ["("]}}
    objects.create("GuardrailPolicy", "broken", {"input": [wrong]})
    an_app(objects, rollout=AT_ONCE, replicas=1)
    stable = await healthy(objects)
    good = objects.get("LLMApp", "support")["spec"]
    for change, said in WRONG_REFERENCES:
        # when a change asks for what is not there
        objects.replace_spec("LLMApp", "support", {**good, **change})
        # then the condition names field, reason and remedy
        ready = await refusal(objects, "LLMApp", "support", *said, f"{stable} goes on serving")
        assert objects.condition("LLMApp", "support", "Stalled")["reason"] == ready["reason"]
    # and stable goes on
    assert objects.condition("LLMApp", "support", "Available")["status"] == "True"
    assert (objects.status()["phase"], objects.status()["stableRelease"]) == ("Degraded", stable)
    assert set(objects.deployments()) == {stable, "support-gateway"}
    # when the change is taken back
    objects.replace_spec("LLMApp", "support", good)
    # then all is well, with the release that there was
    assert await healthy(objects) == stable
    assert len(objects.status()["history"]) == 1


async def test_objects_that_cant_be_used_say_so_themselves(objects: Objects) -> None:
    objects.create("Prompt", "broken", {"versions": [version("v1", "Hello {{ nobody }}")]})
    objects.create("Prompt", "unclosed", {"versions": [version("v1", "Hello {{ name")]})
    objects.create("Prompt", "spare", {"versions": [{**version("v1", "Hello"), "variables": [{"name": "unused"}]}]})
    schema = {"name": "json", "detector": {"type": "JSONSchema", "schema": {"type": 7}}}
    objects.create("GuardrailPolicy", "schema", {"output": [schema]})
    undeclared = "spec.versions[0].messages[0].content: uses the undeclared variable 'nobody': add it to variables"
    await refusal(objects, "Prompt", "broken", undeclared)
    await refusal(objects, "Prompt", "unclosed", "spec.versions[0].messages[0].content: line 1: ")
    await refusal(objects, "GuardrailPolicy", "schema", "spec.output[0].detector.schema: is no JSON Schema")
    # a warning stops nobody
    await eventually("a warning", lambda: "unused" in objects.condition("Prompt", "spare").get("message", ""))
    assert objects.condition("Prompt", "spare")["status"] == "True"
    assert objects.events("Invalid", "broken") == [undeclared]


async def test_a_candidate_that_never_gets_ready_is_taken_back_at_its_deadline(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**AT_ONCE, "progressDeadline": "2s"})
    stable = await healthy(objects)
    # when the pods of a change do not get ready
    dataplane.ready = lambda pod: pod.release in ("", stable)
    ask_for(objects, "v2")
    # then it is taken back, and says why
    await refusal(objects, "LLMApp", "support", "no progress for 2s: 0 of 2 pods of", f"{stable} goes on serving")
    assert objects.status()["history"][-1]["reason"] == "ProgressDeadlineExceeded"
    await eventually("its pods go", lambda: set(objects.deployments()) == {stable, "support-gateway"})


# --- objects that are not ours, objects that are refused ------------------------------------------------------


async def test_a_service_of_somebody_elses_is_never_taken_over(objects: Objects, dataplane: DataPlane) -> None:
    # given a Service that has the app's name
    theirs = {"metadata": {"name": "support"}, "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 5000}]}}
    objects.core.create_namespaced_service(objects.namespace, theirs)
    before = objects.core.read_namespaced_service("support", objects.namespace).metadata.resource_version
    # when the app is applied
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    # then the app says so, and starts nothing
    said = "metadata.name: there is a Service 'support' already, and is not the operator's: it is left alone; rename"
    ready = await refusal(objects, "LLMApp", "support", said)
    assert ready["reason"] == "NameTaken"
    assert objects.core.read_namespaced_service("support", objects.namespace).metadata.resource_version == before
    assert objects.all("Release") == []
    # when it is out of the way, then the app starts
    objects.core.delete_namespaced_service("support", objects.namespace)
    await healthy(objects)


async def test_two_owners_want_one_name(objects: Objects, dataplane: DataPlane) -> None:
    # given a model served here, whose Service is called llm-model
    a_model_and_a_prompt(objects)
    objects.create("Model", "own", {"model": "m", "serving": {"image": "llm:1"}})
    await eventually("its server runs", lambda: objects.condition("Model", "own").get("status") == "True")
    # when an app of that name comes
    an_app(objects, "own-model")
    # then the first keeps it
    await refusal(objects, "LLMApp", "own-model", "there is a Service 'own-model' already, and belongs to Model 'own'")
    assert objects.condition("Model", "own")["status"] == "True"


@contextmanager
def no_new_deployments(controlplane: ControlPlane, namespace: str) -> Iterator[None]:
    """The cluster's own rules refuse new Deployments in the namespace."""
    name = f"no-deployments-in-{namespace}"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    selected = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    policy = {
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "false", "message": "no more Deployments here: ask the platform team"}],
        },
    }
    binding = {
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": selected},
    }
    about = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    both = json.dumps({"apiVersion": "v1", "kind": "List", "items": [{**about, **policy}, {**about, **binding}]})
    controlplane.kubectl("apply", "-f", "-", stdin=both)
    try:
        yield
    finally:
        controlplane.kubectl("delete", "-f", "-", stdin=both)


def is_refused(objects: Objects) -> bool:
    """Whether the API server follows the rule already."""
    template = {"metadata": {"labels": {"app": "probe"}}, "spec": {"containers": [{"name": "probe", "image": "none"}]}}
    spec = {"selector": {"matchLabels": {"app": "probe"}}, "template": template}
    try:
        objects.apps.create_namespaced_deployment(
            objects.namespace, {"metadata": {"name": "probe"}, "spec": spec}, dry_run="All"
        )
    except client.ApiException as refused:
        return "platform team" in refused.body
    return False


async def test_an_object_that_the_cluster_refuses_tells_why_on_the_app(
    controlplane: ControlPlane, objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves, in a namespace where no Deployment may be added any more
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    with no_new_deployments(controlplane, objects.namespace):
        await eventually("the rule holds", lambda: is_refused(objects))
        # when it changes
        ask_for(objects, "v2")
        # then it says what keeps it waiting
        await refusal(objects, "LLMApp", "support", "Deployment support-", "ask the platform team")
        assert objects.condition("LLMApp", "support", "Available")["status"] == "True"
        # and an app that can't even have a gateway says it too
        an_app(objects, "second", rollout=AT_ONCE)
        await refusal(objects, "LLMApp", "second", "Deployment second-gateway", "ask the platform team")
    # when it may, then all go on
    await healthy(objects, other_than=stable)
    await healthy(objects, "second")


# --- malformed objects ----------------------------------------------------------------------------------------


@contextmanager
def crd_without_rules(controlplane: ControlPlane, plural: str) -> Iterator[None]:
    """The kind as it might have been before its rules: everything is let in."""
    name = f"{plural}.genaiops.dev"
    strict = json.loads(controlplane.kubectl("get", "crd", name, "-o", "json"))["spec"]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    loose = json.loads(json.dumps(strict))
    loose["versions"][0]["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "properties": {"spec": anything, "status": anything},
    }

    def replace(spec: Manifest) -> None:
        # The kind is longer than an argument may be.
        patch = json.dumps([{"op": "replace", "path": "/spec", "value": spec}])
        controlplane.kubectl("patch", "crd", name, "--type=json", "--patch-file=/dev/stdin", stdin=patch)

    replace(loose)
    try:
        yield
    finally:
        replace(strict)


async def told(objects: Objects, name: str, *said: str) -> None:
    """Wait for an Event: where the CRD's rules can't even be tried on an object, no status of it can be written."""

    def events() -> bool:
        return any(all(part in message for part in said) for message in objects.events("InvalidSpec", name))

    await eventually(f"{said} is told of {name}", events)


async def test_a_malformed_app_stops_no_other(
    controlplane: ControlPlane, objects: Objects, dataplane: DataPlane
) -> None:
    a_model_and_a_prompt(objects)
    with crd_without_rules(controlplane, "llmapps"):
        # given apps that no operator can read, made before there were rules
        def let_in(name: str, spec: Manifest) -> bool:
            try:
                objects.create("LLMApp", name, spec)
            except client.ApiException:
                return False
            return True

        await eventually("anything is let in", lambda: let_in("empty", {}))
        let_in("odd", {"model": "llm", "prompt": ["v1"], "guardrails": {"ref": 7}})
    # when another one is applied
    an_app(objects, rollout=AT_ONCE)
    # then that one serves, and of the others is told which field is wrong
    await healthy(objects)
    await told(objects, "empty", "spec.model: Field required; spec.prompt: Field required")
    await told(objects, "odd", "spec.model: Input should be", "what runs is left as it is")


async def test_a_malformed_prompt_is_told_of_itself_and_of_the_apps_that_follow_it(
    controlplane: ControlPlane, objects: Objects, dataplane: DataPlane
) -> None:
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    with crd_without_rules(controlplane, "prompts"):
        # when a prompt loses what it has to have
        def loses_its_versions() -> bool:
            try:
                objects.patch("Prompt", "support", {"spec": {"versions": "gone"}})
            except client.ApiException:
                return False
            return True

        await eventually("the prompt is written", loses_its_versions)
    # then it is told of both, and the app goes on serving
    await told(objects, "support", "spec.versions: Input should be a valid list")
    await refusal(objects, "LLMApp", "support", "Prompt 'support' can't be used", f"{stable} goes on serving")


async def test_a_status_of_a_newer_operator_is_left_alone(
    controlplane: ControlPlane, operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    with crd_without_rules(controlplane, "llmapps"):
        # when its status has fields of a later version, and this one is installed again
        def is_kept() -> bool:
            written = objects.patch_status("LLMApp", "support", {"shadow": {"release": stable}})
            return "shadow" in written["status"]

        await eventually("it is written", is_kept)
        operator.stop()
        operator.start()
        # then the app says what to do, and nothing of it is touched
        ready = await refusal(objects, "LLMApp", "support", "status.shadow: Extra inputs", "upgrade this one")
        assert ready["reason"] == "InvalidStatus"
        assert objects.status()["shadow"] == {"release": stable}
        assert set(objects.deployments()) == {stable, "support-gateway"}
        # and another app is none the worse for it
        an_app(objects, "second", rollout=AT_ONCE)
        await healthy(objects, "second")
        # when it can be read again, then it goes on
        objects.patch_status("LLMApp", "support", {"shadow": None})
        assert await healthy(objects) == stable


async def test_a_cluster_without_the_gateway_api_is_told_of(objects: Objects, dataplane: DataPlane) -> None:
    a_model_and_a_prompt(objects)
    an_app(objects, traffic={"gatewayAPI": {"httpRoute": "shop"}})
    said = "the cluster has no kind HTTPRoute (gateway.networking.k8s.io/v1): install the Gateway API"
    assert (await refusal(objects, "LLMApp", "support", said))["reason"] == "NoGatewayAPI"
