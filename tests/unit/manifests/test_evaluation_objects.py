"""The Job of a run: the evaluator beside the release's own containers."""

import json
from typing import Any

import pytest

from genaiops.api.evaluation_run import EvaluationRun
from genaiops.manifests.evaluation import run_objects
from manifests import releases
from manifests.releases import MODEL, release

OWNER: dict[str, Any] = {"kind": "Evaluation", "name": "golden-1", "uid": "u1"}


def judge(name: str) -> dict[str, Any]:
    container = {"image": "own/judge:1", "command": ["judge"]}
    return {"name": name, "type": "Container", "threshold": "1", "container": container}


def run_of(*evaluators: dict[str, Any]) -> EvaluationRun:
    exact = {"name": "exact", "type": "ExactMatch"}
    suite = {"dataset": {"rows": [{"id": "r1", "query": "Hi"}]}, "evaluators": [exact, *evaluators]}
    return EvaluationRun.model_validate(
        {
            "evaluation": "golden-1",
            "namespace": "shop",
            "app": "bot",
            "release": "bot-1",
            "releaseAddress": "http://127.0.0.1:8080",
            "model": MODEL,
            "suite": suite,
        }
    )


@pytest.mark.parametrize(
    ("container", "judges", "kept"),
    [
        (None, 0, 4096),
        (releases.CONTAINER, 0, 4096),
        (releases.CONTAINER, 2, 12288 // 5),
    ],
)
def test_the_evaluator_is_told_how_much_the_kubelet_keeps_of_its_last_word(
    container: dict[str, Any] | None, judges: int, kept: int
) -> None:
    """The kubelet divides 12 KiB among all containers of a pod, and cuts what is longer off in the middle."""
    made = release(container=container) if container else release()

    settings, job = run_objects(run_of(*(judge(f"j{n}") for n in range(judges))), made, "evaluator:1", OWNER)

    pod = job["spec"]["template"]["spec"]
    assert len(pod["initContainers"]) + len(pod["containers"]) == 2 + bool(container) + judges
    assert json.loads(settings["data"]["run.json"])["messageBytes"] == kept
