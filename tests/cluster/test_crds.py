"""What the API server makes of our kinds: what it takes, refuses (and in which words), fills in and shows."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from controlplane import CRDS, REPOSITORY, ControlPlane
from kubernetes import client
from strict import Manifest, Objects, RefusedError

from genaiops.api import API_VERSION, GROUP
from genaiops.api.kinds import KINDS
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.release import ReleaseSpec

CASES = yaml.safe_load((REPOSITORY / "tests/unit/api/rules.yaml").read_text())
WITHOUT_PAST = [case for case in CASES if "before" not in case]
WITH_PAST = [case for case in CASES if "before" in case]


@pytest.fixture
def objects(admin: client.ApiClient, namespace: str) -> Objects:
    return Objects(client.CustomObjectsApi(admin), namespace)


def title(case: Manifest) -> str:
    return f"{case['kind']}: {case['rule']}"


def server_message(case: Manifest) -> str:
    message = case["message"]
    return message if isinstance(message, str) else message["server"]


def an_app(**fields: Any) -> Manifest:
    return {"model": {"ref": "gpt"}, "prompt": {"ref": "support", "version": "v1"}} | fields


# --- rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", WITHOUT_PAST, ids=title)
def test_a_rule_takes_the_good_and_refuses_the_bad(objects: Objects, case: Manifest) -> None:
    objects.check(case["kind"], case["good"])
    with pytest.raises(RefusedError) as refusal:
        objects.check(case["kind"], case["bad"])
    assert server_message(case) in str(refusal.value)


@pytest.mark.parametrize("case", WITH_PAST, ids=title)
def test_a_rule_on_changes_takes_the_good_and_refuses_the_bad(objects: Objects, case: Manifest) -> None:
    objects.create(case["kind"], case["before"])
    with pytest.raises(RefusedError) as refusal:
        objects.replace(case["kind"], case["bad"])
    assert server_message(case) in str(refusal.value)
    objects.replace(case["kind"], case["good"])


@pytest.mark.parametrize("name", ["a" * 41, "1st", "a.b"])
def test_an_app_is_named_so_that_services_can_be_named_after_it(objects: Objects, name: str) -> None:
    with pytest.raises(RefusedError, match=r"metadata\.name: it names Services, so at most 40 lowercase letters"):
        objects.check("LLMApp", an_app(), name)
    objects.check("LLMApp", an_app(), "a" * 40)


def test_a_model_is_named_so_only_where_it_is_served_here(objects: Objects) -> None:
    objects.check("Model", {"model": "m", "endpoint": "http://llm/v1"}, "gpt-4.1")
    with pytest.raises(RefusedError, match=r"metadata\.name: it names Services"):
        objects.check("Model", {"model": "m", "serving": {"image": "llm:1"}}, "gpt-4.1")


def test_a_refusal_names_the_path_of_the_field(objects: Objects) -> None:
    with pytest.raises(RefusedError, match=r"spec\.rollout\.steps\[1\]: .*write exactly one"):
        objects.check("LLMApp", an_app(rollout={"steps": [{"setWeight": 5}, {}]}))
    with pytest.raises(RefusedError, match=r"spec\.prompt: Required value"):
        objects.check("LLMApp", {"model": {"ref": "gpt"}})
    with pytest.raises(RefusedError, match=r'spec\.analysis\.onNoData: Unsupported value: "Retry".*"Pause"'):
        objects.check("RolloutPolicy", {"analysis": {"onNoData": "Retry"}})


# --- fields ------------------------------------------------------------------------------------------------


def test_an_unknown_field_is_refused_to_those_who_ask_and_dropped_otherwise(objects: Objects) -> None:
    with pytest.raises(RefusedError, match=r'unknown field "spec[.]replica"'):
        objects.create("LLMApp", an_app(replica=2))
    assert "replica" not in objects.create("LLMApp", an_app(replica=2), field_validation="Ignore")["spec"]


def test_a_minimal_app_is_stored_with_its_defaults(objects: Objects) -> None:
    stored = objects.create("LLMApp", an_app())["spec"]
    assert stored == {
        "replicas": 1,
        "model": {"ref": "gpt", "timeout": "1m", "maxRetries": 2},
        "prompt": {"ref": "support", "version": "v1"},
        "revisionHistoryLimit": 10,
    }
    assert LLMAppSpec.model_validate(stored) == LLMAppSpec.model_validate(an_app())


@pytest.mark.parametrize("case", CASES, ids=title)
def test_the_server_s_defaults_are_the_models_defaults(objects: Objects, case: Manifest) -> None:
    (spec,) = (kind.spec for kind in KINDS if kind.name == case["kind"])
    stored = objects.check(case["kind"], case["good"])["spec"]
    assert spec.model_validate(stored) == spec.model_validate(case["good"])


@pytest.mark.parametrize("decimal", [0.2, "0.2", 1, "1", 0, "0.70"])
def test_a_decimal_is_a_number_or_a_string_and_stays_as_written(objects: Objects, decimal: Any) -> None:
    stored = objects.check("LLMApp", an_app(model={"ref": "gpt", "parameters": {"temperature": decimal}}))
    assert stored["spec"]["model"]["parameters"]["temperature"] == decimal


@pytest.mark.parametrize("wrong", [-1, "-1", True, False, {}, {"a": 1}, [], [1], "warm", "", "1e3", "9" * 33])
def test_what_is_no_decimal_is_refused(objects: Objects, wrong: Any) -> None:
    with pytest.raises(RefusedError, match=r"spec\.model\.parameters\.temperature"):
        objects.check("LLMApp", an_app(model={"ref": "gpt", "parameters": {"temperature": wrong}}))


@pytest.mark.parametrize("share", [1.01, "1.01", "2", -0.01])
def test_a_share_is_at_most_one(objects: Objects, share: Any) -> None:
    with pytest.raises(RefusedError, match=r"spec\.analysis\.alpha"):
        objects.check("RolloutPolicy", {"analysis": {"alpha": share}})


def test_resources_are_written_as_in_a_pod(objects: Objects) -> None:
    requests = {"cpu": 0.5, "memory": "512Mi", "nvidia.com/gpu": 1}
    stored = objects.check("LLMApp", an_app(runtime={"resources": {"requests": requests}}))
    assert stored["spec"]["runtime"]["resources"]["requests"] == requests
    with pytest.raises(RefusedError, match=r"spec\.runtime\.resources\.requests\.cpu"):
        objects.check("LLMApp", an_app(runtime={"resources": {"requests": {"cpu": "a lot"}}}))


def test_a_json_schema_is_kept_whole(objects: Objects) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string", "x-note": [1, {"deep": None}]}}}
    guardrail = {"name": "form", "detector": {"type": "JSONSchema", "schema": schema}}
    stored = objects.check("GuardrailPolicy", {"output": [guardrail]})
    assert stored["spec"]["output"][0]["detector"]["schema"] == schema


def test_applying_the_same_manifest_again_changes_nothing(controlplane: ControlPlane, namespace: str) -> None:
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "LLMApp",
        "metadata": {"name": "support"},
        "spec": an_app(
            model={"ref": "gpt", "parameters": {"temperature": 0.2, "topP": "0.9"}},
            rollout={"steps": [{"setWeight": 5}, {"pause": {}}], "analysis": {"metrics": [{"name": "latency"}]}},
        ),
    }
    command = ("apply", "--server-side", "-n", namespace, "-f", "-", "-o", "jsonpath={.metadata.resourceVersion}")
    first, second = (controlplane.kubectl(*command, stdin=json.dumps(manifest)) for _ in range(2))
    assert first == second


# --- subresources ------------------------------------------------------------------------------------------


def a_release() -> Manifest:
    (case,) = (case for case in CASES if case["kind"] == "Release")
    return dict(case["before"])


def test_a_release_shows_its_role_though_its_spec_is_frozen(objects: Objects) -> None:
    objects.create("Release", a_release())
    objects.report("Release", {"role": "Stable", "weight": 100, "readyReplicas": 2})
    stored = objects.get("Release")
    assert stored["status"] == {"role": "Stable", "weight": 100, "readyReplicas": 2}
    assert ReleaseSpec.model_validate(stored["spec"]) == ReleaseSpec.model_validate(a_release())


def test_a_status_is_no_part_of_the_user_s_write(objects: Objects) -> None:
    objects.create("Prompt", {"versions": [{"name": "v1", "messages": [{"role": "system", "content": "Hello"}]}]})
    condition = {"type": "Ready", "status": "True", "reason": "Valid", "lastTransitionTime": "2026-11-23T12:00:00.5Z"}
    objects.report("Prompt", {"conditions": [condition]})
    generation = objects.get("Prompt")["metadata"]["generation"]
    assert generation == 1
    with pytest.raises(RefusedError, match=r"status\.conditions\[0\]\.reason: Required value"):
        objects.report("Prompt", {"conditions": [{"type": "Ready", "status": "True"}]})


def test_an_app_is_scaled_by_kubectl(controlplane: ControlPlane, objects: Objects) -> None:
    objects.create("LLMApp", an_app(), "support")
    objects.report("LLMApp", {"replicas": 1, "selector": "genaiops.dev/app=support"}, "support")
    controlplane.kubectl("scale", "llm/support", "--replicas=3", "-n", objects.namespace)
    path = f"/apis/{API_VERSION}/namespaces/{objects.namespace}/llmapps/support/scale"
    scale = json.loads(controlplane.kubectl("get", "--raw", path))
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 1, "selector": "genaiops.dev/app=support"}


@pytest.mark.parametrize("folder", sorted((REPOSITORY / "examples").iterdir()), ids=lambda folder: folder.name)
def test_an_example_is_taken_as_it_stands(controlplane: ControlPlane, namespace: str, folder: Path) -> None:
    controlplane.kubectl("create", "-n", namespace, "--dry-run=server", "--validate=strict", "-f", str(folder))


# --- what a person sees ------------------------------------------------------------------------------------


def test_kubectl_shows_where_an_app_stands(controlplane: ControlPlane, objects: Objects) -> None:
    objects.create("LLMApp", an_app(), "by-version")
    objects.create("LLMApp", an_app(prompt={"ref": "support", "label": "production"}), "by-label")
    ready = {"type": "Ready", "status": "False", "reason": "Canary", "message": "at 5 %"}
    status = {
        "phase": "Progressing",
        "stableRelease": "by-label-1",
        "candidateRelease": "by-label-2",
        "weight": 5,
        "conditions": [ready | {"lastTransitionTime": "2026-11-23T12:00:00Z"}],
    }
    objects.report("LLMApp", status, "by-label")
    by_label, by_version = table(controlplane.kubectl("get", "llm", "-o", "wide", "-n", objects.namespace))
    assert {key: by_label[key] for key in by_label if key != "AGE"} == {
        "NAME": "by-label",
        "PHASE": "Progressing",
        "STABLE": "by-label-1",
        "CANDIDATE": "by-label-2",
        "WEIGHT": "5",
        "PROMPT": "production",
        "READY": "False",
        "MODEL": "gpt",
        "MESSAGE": "at 5 %",
    }
    assert by_version["PROMPT"] == "v1"
    assert "MESSAGE" not in table(controlplane.kubectl("get", "llm", "-n", objects.namespace))[0]


def test_kubectl_shows_what_a_release_changed(controlplane: ControlPlane, objects: Objects) -> None:
    objects.create("Release", a_release())
    objects.report("Release", {"role": "Candidate", "weight": 25})
    (row,) = table(controlplane.kubectl("get", "releases", "-o", "wide", "-n", objects.namespace))
    assert (row["APP"], row["PROMPT"], row["MODEL"], row["ROLE"], row["WEIGHT"]) == (
        "support",
        "v1",
        "m",
        "Candidate",
        "25",
    )
    assert "prompt v1 → v2" in row["CHANGES"]


def table(printed: str) -> list[dict[str, str]]:
    """What `kubectl get` printed, row by row; cells begin where their titles begin, and may be empty."""
    header, *rows = printed.splitlines()
    titles = header.split()
    starts = [header.index(title) for title in titles]
    ends = [*starts[1:], None]
    return [{title: row[a:b].strip() for title, a, b in zip(titles, starts, ends, strict=True)} for row in rows]


def test_kubectl_knows_the_short_names_and_the_category(controlplane: ControlPlane) -> None:
    printed = controlplane.kubectl("api-resources", f"--api-group={GROUP}", "--categories=genaiops", "--no-headers")
    assert {tuple(line.split()[:2]) for line in printed.splitlines()} == {
        (kind.plural, kind.short_name) for kind in KINDS
    }


def test_kubectl_explains_a_field(controlplane: ControlPlane) -> None:
    assert "Retries on connection errors" in controlplane.kubectl("explain", "llm.spec.model.maxRetries")


# --- the chart's copy --------------------------------------------------------------------------------------


@pytest.fixture
def chart_of_crds(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: crds-only, version: 0.0.1}")
    template = (REPOSITORY / "charts/genaiops/templates/crds.yaml").read_text()
    (tmp_path / "templates/crds.yaml").write_text(template)
    return tmp_path


def rendered(controlplane: ControlPlane, chart: Path, *values: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(controlplane.helm("template", str(chart), *values)) if document]


def test_the_chart_installs_the_same_crds_and_keeps_them(controlplane: ControlPlane, chart_of_crds: Path) -> None:
    plain = rendered(controlplane, chart_of_crds, "--set", "crds.enabled=true,crds.keep=false")
    by_name = {document["metadata"]["name"]: document for document in plain}
    assert by_name == {
        document["metadata"]["name"]: document
        for document in (yaml.safe_load(path.read_text()) for path in CRDS.glob("*.yaml"))
    }
    kept = rendered(controlplane, chart_of_crds, "--set", "crds.enabled=true,crds.keep=true")
    assert {str(document["metadata"]["annotations"]) for document in kept} == {"{'helm.sh/resource-policy': 'keep'}"}
    assert rendered(controlplane, chart_of_crds, "--set", "crds.enabled=false") == []
