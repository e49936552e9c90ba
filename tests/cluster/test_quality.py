"""Online quality: a collector comes and goes with `quality`, stops nobody, and what it counts judges a candidate."""

import json

import pytest
from harness import Manifest, Objects, eventually
from simulation import DataPlane
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy

pytestmark = pytest.mark.usefixtures("operator")
RELEVANCE = {"name": "relevance", "type": "Relevance", "model": "judge"}
COLLECTOR = {f"{kind}/support-quality" for kind in ("ConfigMap", "Service", "NetworkPolicy", "Deployment")}


def told(objects: Objects) -> Manifest:
    return objects.condition("LLMApp", "support", "QualityReady")


async def until_told(objects: Objects, status: str, words: str) -> None:
    def says() -> bool:
        now = told(objects)
        return now.get("status") == status and words in now["message"]

    try:
        await eventually(f"QualityReady is {status}: {words}", says)
    except AssertionError as silent:
        raise AssertionError(f"{silent}; it says {objects.status().get('conditions')}") from silent


def generations(objects: Objects) -> dict[str, int]:
    return {name: item.metadata.generation for name, item in objects.deployments().items() if name != "support-quality"}


async def test_the_collector_comes_changes_and_goes_and_restarts_nothing(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    release = await healthy(objects)
    before = generations(objects)
    # when its people want feedback to be kept
    objects.patch("LLMApp", "support", {"spec": {"quality": {}}})
    # then there is a collector, and a warning that nothing lasts
    await until_told(objects, "True", "lost with it")
    assert objects.names() >= COLLECTOR
    # and answers to be sampled
    objects.patch("LLMApp", "support", {"spec": {"quality": {"sampling": {"rate": "0.5"}, "store": {"claim": "kept"}}}})
    await until_told(objects, "True", "samples 50 % of answers")

    def sampled() -> bool:
        settings = objects.core.read_namespaced_config_map("support-quality", objects.namespace)
        return json.loads(settings.data["sampling.json"])["rate"] == "0.5"

    await eventually("runtimes are told", sampled)
    # when they want it no more
    objects.patch("LLMApp", "support", {"spec": {"quality": None}})
    await eventually("the collector is gone", lambda: not objects.names() & COLLECTOR)
    # then nobody says anything of it, and no release was touched
    await eventually("nobody tells of it", lambda: not told(objects))
    assert generations(objects) == before
    assert objects.status()["stableRelease"] == release


async def test_a_broken_judge_is_told_and_stops_neither_answers_nor_a_rollout(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given an app whose judge nobody has made
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE, quality={"sampling": {}, "evaluators": [RELEVANCE]})
    stable = await healthy(objects)
    await until_told(objects, "False", "there is no Model 'judge'")
    # when its prompt changes
    ask_for(objects, "v2")
    # then that is rolled out
    await healthy(objects, other_than=stable)
    assert not objects.names() & COLLECTOR
    # and once there is the judge, there is the collector
    objects.create("Model", "judge", {"model": "m", "endpoint": "http://judge/v1"})
    await until_told(objects, "True", "judged by relevance")
    # and it stays as it is when the judge goes
    objects.delete("Model", "judge")
    await until_told(objects, "False", "there is no Model 'judge'")
    assert objects.names() >= COLLECTOR


async def test_somebody_else_s_object_of_that_name_is_left_alone(objects: Objects, dataplane: DataPlane) -> None:
    # given a Service that has the name
    a_model_and_a_prompt(objects)
    theirs = {"metadata": {"name": "support-quality"}, "spec": {"ports": [{"port": 80}]}}
    objects.core.create_namespaced_service(objects.namespace, theirs)
    # when an app wants a collector
    an_app(objects, rollout=AT_ONCE, quality={})
    # then the app serves, and tells why it has none
    await healthy(objects)
    await until_told(objects, "False", "is not the operator's")
    assert objects.core.read_namespaced_service("support-quality", objects.namespace).spec.ports[0].port == 80


async def test_a_candidate_whose_sampled_answers_are_worse_is_taken_back(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given an app whose answers are judged, and whose rollouts look at that
    a_model_and_a_prompt(objects)
    objects.create("Model", "judge", {"model": "m", "endpoint": "http://judge/v1"})
    metric = {"name": "defect-rate", "evaluator": "relevance", "maxIncrease": "0.1"}
    analysis = {"interval": "500ms", "minSamples": 20, "metrics": [metric]}
    rollout = {"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": analysis}
    an_app(objects, rollout=rollout, quality={"sampling": {"rate": "1"}, "evaluators": [RELEVANCE]})
    stable = await healthy(objects)
    await until_told(objects, "True", "judged by relevance")
    # when a candidate's answers are mostly defects
    ask_for(objects, "v2")

    def aborted() -> bool:
        status = objects.status()
        candidate = status.get("candidateRelease")
        for pod in list(dataplane.pods.values()):
            if pod.component == "quality" and candidate:
                pod.counted.judge(stable, "relevance", 10, defect=False)
                pod.counted.judge(candidate, "relevance", 10, defect=True)
        return any(entry["result"] == "Aborted" for entry in status.get("history", ()))

    # then it is taken back
    await eventually("the candidate is taken back", aborted, within=60)
    assert "defect-rate" in objects.status()["history"][-1]["message"]
