"""What the pod of an evaluation tells of the containers beside the evaluator."""

from typing import Any

import pytest

from genaiops.controller.evaluators import keeps_crashing

BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}}
ENDED = {"exitCode": 1, "reason": "Error", "message": "starting\nprompt.messages[0]: no such variable"}


def pod(state: dict[str, Any], restarts: int, container: str = "runtime", **last: Any) -> dict[str, Any]:
    beside = {
        "name": container,
        "state": state,
        "restartCount": restarts,
        "lastState": {"terminated": {**ENDED, **last}},
    }
    return {"metadata": {"name": "run"}, "status": {"initContainerStatuses": [beside]}}


def test_a_container_that_does_not_stay_is_told_with_its_last_words() -> None:
    assert keeps_crashing(pod(BACK_OFF, 5)) == (
        "container runtime crashes again and again (5 restarts; exit code 1, Error): "
        "prompt.messages[0]: no such variable"
    )


def test_one_that_says_nothing_is_told_too() -> None:
    said = keeps_crashing(pod(BACK_OFF, 7, "app", exitCode=137, reason="OOMKilled", message=None))

    assert said == "container app crashes again and again (7 restarts; exit code 137, OOMKilled)"


@pytest.mark.parametrize(
    ("state", "restarts"),
    [
        (BACK_OFF, 4),  # it may wait for something that comes up
        ({"running": {}}, 9),  # it ran well for ten minutes before each
        ({"waiting": {"reason": "ImagePullBackOff"}}, 0),
        ({"waiting": {"reason": "PodInitializing"}}, 0),
    ],
)
def test_what_may_still_answer_is_waited_for(state: dict[str, Any], restarts: int) -> None:
    assert keeps_crashing(pod(state, restarts)) is None


def test_a_pod_that_no_node_has_yet_is_waited_for() -> None:
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}

    assert keeps_crashing({"metadata": {"name": "run"}, "status": {"conditions": [unschedulable]}}) is None
