"""Evaluations on a real API server: the gate before a candidate's first pod, and runs that people ask for."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness import Manifest, Objects, eventually
from jobs import PlayedJobs, jobs_that_run
from kubernetes import client
from simulation import DataPlane
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy

from genaiops.api.evaluation_run import EvaluationRun

pytestmark = pytest.mark.usefixtures("operator", "dataplane")

PASSED = {
    "done": 2,
    "total": 2,
    "phase": "Passed",
    "message": "f1: 2 of 2 answers pass, needs 90 %",
    "evaluators": [{"name": "f1", "type": "F1", "judged": 2, "score": "0.9", "passed": 2, "ok": True}],
}
FAILED = {
    **PASSED,
    "phase": "Failed",
    "message": "f1: 0 of 2 answers pass, needs 90 %",
    "evaluators": [{"name": "f1", "type": "F1", "judged": 2, "score": "0.1", "passed": 0, "ok": False}],
    "worst": [{"id": "q1", "evaluator": "f1", "score": "0.1", "reason": "says \u001b[2Jnothing"}],
}


@pytest.fixture
async def evaluators(admin: client.ApiClient, objects: Objects) -> AsyncIterator[PlayedJobs]:
    """Plays the pods of evaluations; they run until they are told to end."""
    async with jobs_that_run(admin, objects.namespace, "evaluator") as played:
        yield played


def a_suite(objects: Objects, name: str = "golden", **spec: Any) -> None:
    """An EvaluationSuite of two rows; `spec` is what differs."""
    rows = [{"id": "q1", "query": "Who are you?"}, {"id": "q2", "query": "Where is it?", "expected": "Here."}]
    evaluators = [{"name": "f1", "type": "F1"}]
    objects.create("EvaluationSuite", name, {"dataset": {"rows": rows}, "evaluators": evaluators, **spec})


def runs(objects: Objects) -> list[Manifest]:
    return objects.all("Evaluation")


async def under_evaluation(objects: Objects) -> Manifest:
    """v1 serves, v2 is evaluated on `golden`; gives that run once its Job is there."""
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    await healthy(objects)
    a_suite(objects)
    objects.patch("LLMApp", "support", {"spec": {"evaluations": [{"suite": "golden"}]}})
    ask_for(objects, "v2")

    def begun() -> Manifest | None:
        return next((run for run in runs(objects) if run.get("status", {}).get("startedAt")), None)

    run: Manifest = await eventually("the evaluation begins", begun)
    return run


async def status_of(objects: Objects, name: str, *phases: str) -> Manifest:
    """Wait until the Evaluation is in one of these phases; its status."""

    def told() -> Manifest | None:
        status: Manifest = objects.get("Evaluation", name).get("status", {})
        return status if status.get("phase") in phases else None

    found: Manifest = await eventually(f"Evaluation {name} is {phases}", told)
    return found


async def test_a_candidate_that_passes_is_rolled_out(
    objects: Objects, dataplane: DataPlane, evaluators: PlayedJobs
) -> None:
    dataplane.progress = lambda pod: {"done": 1, "total": 2, "phase": "Running"}
    run = await under_evaluation(objects)
    name, spec = run["metadata"]["name"], run["spec"]

    # while it runs, nobody can reach the candidate, and everybody can see how far it is
    await eventually("its progress is told", lambda: "golden 1/2" in objects.condition("LLMApp", "support")["message"])
    assert list(objects.deployments()) == [spec["baseline"], "support-gateway"]
    assert objects.get("Evaluation", name)["status"]["progress"] == "1/2"

    evaluators.end = (0, json.dumps(PASSED))

    assert await healthy(objects, other_than=spec["baseline"]) == spec["release"]
    status = await status_of(objects, name, "Passed")
    assert status["evaluators"][0]["score"] == "0.9"
    assert objects.events("EvaluationPassed")
    assert objects.condition("Evaluation", name)["status"] == "True"
    history = objects.status()["history"][-1]
    assert history["evaluations"][0]["message"] == PASSED["message"]


async def test_a_candidate_that_fails_never_gets_a_pod(objects: Objects, evaluators: PlayedJobs) -> None:
    run = await under_evaluation(objects)
    evaluators.end = (0, json.dumps(FAILED))

    await eventually("it is aborted", lambda: objects.status().get("abortedRelease") == run["spec"]["release"])
    message = objects.condition("LLMApp", "support")["message"]
    assert "EvaluationFailed: golden: f1: 0 of 2 answers pass" in message
    assert "worst: q1 (f1 0.1: says  [2Jnothing)" in message, "nothing in it commands a terminal"
    assert run["spec"]["release"] not in objects.deployments()
    assert objects.condition("Evaluation", run["metadata"]["name"])["status"] == "False"


async def test_the_pod_of_a_run_is_the_release_with_the_evaluator_beside_it(
    admin: client.ApiClient, objects: Objects, evaluators: PlayedJobs
) -> None:
    run = await under_evaluation(objects)
    name = run["metadata"]["name"]
    job = client.BatchV1Api(admin).read_namespaced_job(name, objects.namespace)
    pod = job.spec.template.spec

    (runtime,) = pod.init_containers
    assert (runtime.name, runtime.image, runtime.restart_policy) == ("runtime", "runtime:1", "Always")
    assert [container.image for container in pod.containers] == ["evaluator:1"]
    assert pod.automount_service_account_token is False
    assert "genaiops.dev/release" not in job.spec.template.metadata.labels, "no request of a user gets there"
    assert job.metadata.owner_references[0].kind == "Evaluation"
    settings = client.CoreV1Api(admin).read_namespaced_config_map(name, objects.namespace)
    told = EvaluationRun.model_validate_json(settings.data["run.json"])
    assert (told.release, told.baseline) == (run["spec"]["release"], run["spec"]["baseline"])
    assert told.release_address == "http://127.0.0.1:8080"
    assert told.baseline_address == f"http://{told.baseline}.{objects.namespace}.svc:8080"
    assert json.loads(settings.data["release.json"])["name"] == told.release


async def test_another_change_ends_the_run(admin: client.ApiClient, objects: Objects, evaluators: PlayedJobs) -> None:
    first = await under_evaluation(objects)
    ask_for(objects, "v3")

    names = lambda: [run["metadata"]["name"] for run in runs(objects)]  # noqa: E731
    await eventually("another run replaces it", lambda: names() and first["metadata"]["name"] not in names())
    jobs = client.BatchV1Api(admin)

    def jobs_left() -> list[str]:
        return [job.metadata.name for job in jobs.list_namespaced_job(objects.namespace).items]

    await eventually("its Job goes with it", lambda: first["metadata"]["name"] not in jobs_left())


async def test_an_equal_run_is_not_run_again_unless_somebody_asks(
    admin: client.ApiClient, objects: Objects, evaluators: PlayedJobs
) -> None:
    first = await under_evaluation(objects)
    evaluators.end = (0, json.dumps(FAILED))
    await status_of(objects, first["metadata"]["name"], "Failed")
    asked = {field: first["spec"][field] for field in ("app", "suite", "release", "baseline")}

    objects.create("Evaluation", "again", asked)
    status = await status_of(objects, "again", "Failed")
    assert status["cachedFrom"] == first["metadata"]["name"]
    assert status["message"] == FAILED["message"]

    objects.create("Evaluation", "anew", {**asked, "fresh": True})
    status = await status_of(objects, "anew", "Failed")
    assert "cachedFrom" not in status
    jobs = client.BatchV1Api(admin).list_namespaced_job(objects.namespace).items
    assert {job.metadata.name for job in jobs} == {first["metadata"]["name"], "anew"}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("app", "nobody", "spec.app: there is no LLMApp 'nobody'"),
        ("suite", "nothing", "spec.suite: there is no EvaluationSuite 'nothing'"),
        ("release", "support-0000000000", "spec.release: 'support' has no Release 'support-0000000000'"),
        ("baseline", "support-0000000000", "spec.baseline: 'support' has no Release"),
        ("suite", "unwritten", "there is no ConfigMap 'rows'; create it"),
        ("suite", "elsewhere", "has no key 'rows.jsonl'; it has other.jsonl"),
        ("suite", "unjudged", "there is no Model 'gpt'"),
    ],
)
async def test_what_can_t_be_run_says_what_to_do(objects: Objects, field: str, value: str, says: str) -> None:
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    a_suite(objects)
    a_suite(objects, "unwritten", dataset={"configMapRef": {"name": "rows", "key": "rows.jsonl"}})
    a_suite(objects, "elsewhere", dataset={"configMapRef": {"name": "others", "key": "rows.jsonl"}})
    a_suite(objects, "unjudged", evaluators=[{"name": "relevance", "type": "Relevance", "model": "gpt"}])
    objects.core.create_namespaced_config_map(
        objects.namespace, {"metadata": {"name": "others"}, "data": {"other.jsonl": "{}"}}
    )

    objects.create("Evaluation", "mine", {"app": "support", "suite": "golden", "release": stable} | {field: value})

    status = await status_of(objects, "mine", "Error")
    assert says in status["message"]
    assert objects.condition("Evaluation", "mine")["status"] == "False"


def job_fails(admin: client.ApiClient, objects: Objects, name: str, reason: str, message: str, *, pods: int) -> None:
    """As the Job's controller would tell it."""
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": message}
    target = {**condition, "type": "FailureTarget"}
    status = {"startTime": "2026-01-01T00:00:00Z", "conditions": [target, condition], "failed": pods}
    client.BatchV1Api(admin).patch_namespaced_job_status(name, objects.namespace, {"status": status})


async def test_a_pod_that_can_t_start_is_told_and_ends_with_its_job(
    admin: client.ApiClient, objects: Objects, evaluators: PlayedJobs
) -> None:
    run = await under_evaluation(objects)
    name = run["metadata"]["name"]
    evaluators.end = (1, "")
    job_fails(admin, objects, name, "BackoffLimitExceeded", "tried 4 times", pods=4)

    ended = await status_of(objects, name, "Error")
    assert "its Job failed: BackoffLimitExceeded: tried 4 times" in ended["message"]
    reason = lambda: objects.status()["history"][-1]["reason"]  # noqa: E731
    await eventually("the rollout ends with it", lambda: reason() == "EvaluationError")


async def test_a_run_whose_pod_is_never_made_says_where_to_look(objects: Objects) -> None:
    run = await under_evaluation(objects)
    name = run["metadata"]["name"]

    where = f"kubectl describe job {name} -n {objects.namespace}"
    await eventually("the app says so", lambda: where in objects.condition("LLMApp", "support")["message"])
    assert where in objects.get("Evaluation", name)["status"]["message"]


async def test_nobody_else_s_pod_brings_the_result(objects: Objects, admin: client.ApiClient) -> None:
    run = await under_evaluation(objects)
    name, core = run["metadata"]["name"], client.CoreV1Api(admin)
    # Of a kind that the garbage collector does not know: it would take a pod whose owner does not exist.
    owned_by = {"apiVersion": "example.com/v1", "kind": "Job", "name": name, "uid": "made-up", "controller": True}
    for pod, owners in (("bare", []), ("adopted", [owned_by])):
        labels = {"genaiops.dev/evaluation": name, "genaiops.dev/component": "somebody-else-s"}
        metadata = {"name": pod, "labels": labels, "ownerReferences": owners}
        spec = {"containers": [{"name": "evaluator", "image": "i"}]}
        core.create_namespaced_pod(objects.namespace, {"metadata": metadata, "spec": spec})
        ended = {"terminated": {"exitCode": 0, "message": json.dumps(PASSED)}}
        status = {"name": "evaluator", "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": ended}
        body = {"status": {"containerStatuses": [status]}}
        core.patch_namespaced_pod_status(pod, objects.namespace, body)

    waits = lambda: objects.get("Evaluation", name)["status"].get("message")  # noqa: E731
    message = await eventually("it was looked at", waits)
    assert "kubectl describe" in message
    assert objects.get("Evaluation", name)["status"]["phase"] == "Pending"
    assert run["spec"]["release"] not in objects.deployments()


async def test_a_run_on_a_node_that_is_lost_ends_with_its_job(
    admin: client.ApiClient, objects: Objects, dataplane: DataPlane, evaluators: PlayedJobs
) -> None:
    dataplane.progress = lambda pod: "nobody answers"
    run = await under_evaluation(objects)
    name = run["metadata"]["name"]
    told = lambda: objects.get("Evaluation", name)["status"].get("message", "")  # noqa: E731
    await eventually("it says what is wrong", lambda: "does not tell how far it is" in told())
    job_fails(admin, objects, name, "DeadlineExceeded", "was active too long", pods=1)

    # the kubelet, which would tell that the pod has ended, is gone
    ended = await status_of(objects, name, "Error")
    assert "its Job failed: DeadlineExceeded: was active too long" in ended["message"]
    assert "does not tell how far it is" in ended["message"]


async def test_a_release_that_crashes_again_and_again_ends_the_run(
    admin: client.ApiClient, objects: Objects, dataplane: DataPlane, evaluators: PlayedJobs
) -> None:
    # given a run
    dataplane.progress = lambda pod: {"done": 0, "total": 2, "phase": "Running"}
    run = await under_evaluation(objects)
    name, core = run["metadata"]["name"], client.CoreV1Api(admin)
    await status_of(objects, name, "Running")
    # when the release's container in it does not stay
    beside = {
        **{"name": "runtime", "image": "i", "imageID": "i", "ready": False, "restartCount": 5},
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such variable"}},
    }
    core.patch_namespaced_pod_status(name, objects.namespace, {"status": {"initContainerStatuses": [beside]}})
    # then nobody waits for the Job's deadline
    ended = await status_of(objects, name, "Error")
    why = "container runtime crashes again and again (5 restarts; exit code 1, Error): no such variable"
    assert ended["message"] == why
    reason = lambda: objects.status()["history"][-1]["reason"]  # noqa: E731
    await eventually("the rollout ends with it", lambda: reason() == "EvaluationError")
    assert why in objects.condition("LLMApp", "support")["message"]
    jobs = client.BatchV1Api(admin)
    await eventually("its Job is gone", lambda: not jobs.list_namespaced_job(objects.namespace).items)


async def test_a_prompt_that_is_deleted_and_comes_back_costs_no_run(objects: Objects, evaluators: PlayedJobs) -> None:
    # given a run
    run = await under_evaluation(objects)
    # when the app's prompt is gone for a while
    prompt = objects.get("Prompt", "support")["spec"]
    objects.delete("Prompt", "support")
    degraded = lambda: objects.condition("LLMApp", "support").get("reason") == "PromptNotFound"  # noqa: E731
    await eventually("the app says so", degraded)
    assert [each["metadata"]["uid"] for each in runs(objects)] == [run["metadata"]["uid"]]
    objects.create("Prompt", "support", prompt)
    # then the run that was under way decides
    await eventually("the app waits again", lambda: "golden" in objects.condition("LLMApp", "support")["message"])
    evaluators.end = (0, json.dumps(PASSED))
    assert await healthy(objects, other_than=run["spec"]["baseline"]) == run["spec"]["release"]
    assert [each["metadata"]["uid"] for each in runs(objects)] == [run["metadata"]["uid"]]


async def test_a_suite_says_what_is_missing_until_it_is_there(objects: Objects) -> None:
    # given a suite whose rows and store are nowhere
    core, namespace = objects.core, objects.namespace
    rows = {"configMapRef": {"name": "rows", "key": "rows.jsonl"}}
    a_suite(objects, "golden", dataset=rows, store={"claim": "results"})

    async def says(status: str, words: str) -> None:
        def told() -> bool:
            ready = objects.condition("EvaluationSuite", "golden")
            return ready.get("status") == status and words in ready["message"]

        await eventually(f"it says: {words}", told)

    # then it says so, one after the other, and can be used once all is there
    await says("False", "spec.dataset.configMapRef.name: there is no ConfigMap 'rows'; create it")
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "rows"}, "data": {"other.jsonl": "{}"}})
    await says("False", "spec.dataset.configMapRef.key: ConfigMap 'rows' has no key 'rows.jsonl'; it has other.jsonl")
    core.patch_namespaced_config_map("rows", namespace, {"data": {"rows.jsonl": "{}"}})
    await says("False", "spec.store.claim: there is no PersistentVolumeClaim 'results'; create it")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    core.create_namespaced_persistent_volume_claim(namespace, {"metadata": {"name": "results"}, "spec": claim})
    await says("True", "can be used")
