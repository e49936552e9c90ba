"""A release earns its traffic: suites that it passes before its first pod, judged by a rule or by a program."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from place import ROOT, SMALL_RUNTIME, App, Object, Place, custom, eventually
from provider import scripted_app

EXAMPLE = ROOT / "examples" / "evaluation"
COUNT_WORDS = """
import sys, json
for line in sys.stdin:
    row = json.loads(line)
    words = len(row["answer"].split())
    print(json.dumps({"id": row["id"], "score": float(words <= 5), "reason": f"{words} words"}), flush=True)
"""


def the_example(place: Place, endpoint: str) -> App:
    """The app of examples/evaluation, with the model server that all tests share, and small pods."""
    place.apply(custom("Model", "smollm", model="SmolLM2-135M-Instruct", endpoint=endpoint))
    for path in sorted(EXAMPLE.glob("*.yaml")):
        for manifest in yaml.safe_load_all(path.read_text()):
            if manifest["kind"] == "LLMApp":
                manifest["spec"]["runtime"] = SMALL_RUNTIME
            place.apply(manifest)
    return App(place, "helpdesk")


def run_of(place: Place, release: str) -> Object:
    """The Evaluation of a release."""
    (run,) = [run for run in place.all("Evaluation") if run["spec"]["release"] == release]
    return run


def test_a_worse_prompt_is_stopped_before_anybody_sees_it(
    place: Place, endpoint: str, figure: Callable[[str], None]
) -> None:
    # given an app whose first release passed its suite
    app = the_example(place, endpoint)
    stable = app.serves()
    assert run_of(place, stable)["status"]["phase"] == "Passed"
    # when somebody gives it words that answer no question
    began = time.monotonic()
    app.change(prompt={"version": "v2"})
    ended = app.ends()
    # then it is aborted by what it answered, compared with stable on the same rows
    assert (ended["result"], ended["reason"]) == ("Aborted", "EvaluationFailed")
    run = run_of(place, ended["release"])["status"]
    result = next(one for one in run["evaluators"] if one["name"] == "to-the-point")
    assert result["ok"] is False
    assert result["passed"] < result["stablePassed"]
    assert "to-the-point" in app.told("RolloutAborted")
    assert "worst: " in app.told("RolloutAborted")
    # and it never had a pod that a user could have reached
    assert place.get("Deployment", ended["release"]) is None
    assert app.status()["stableRelease"] == stable
    figure(
        f"a worse prompt was stopped after {time.monotonic() - began:.0f} s: {result['passed']} of {result['judged']} "
        f"answers to the point, {result['stablePassed']} of stable's"
    )


@pytest.fixture
def judged_by_words(place: Place) -> App:
    """An app that serves one word, and whose releases are judged by a container that counts words."""
    container = {"image": place.cluster.images["evaluator"], "command": ["python3", "-c", COUNT_WORDS]}
    rows = [{"id": f"q{number}", "query": f"Question {number}?"} for number in range(5)]
    place.apply(
        custom(
            "EvaluationSuite",
            "brevity",
            dataset={"rows": rows},
            evaluators=[{"name": "short", "type": "Container", "threshold": 0.5, "container": container}],
        )
    )
    app = scripted_app(place, replicas=1, evaluations=[{"suite": "brevity"}], rollout=AT_ONCE)
    versions = {"v1": "chunks=1", "v2": "chunks=1 now=better", "wordy": "chunks=30", "broken": "status=500"}
    place.apply(custom("Prompt", "script", **prompt_spec(versions)))
    return app


AT_ONCE: Object = {"steps": [], "analysis": {"metrics": []}}


def prompt_spec(versions: dict[str, str]) -> dict[str, Any]:
    listed = [{"name": name, "messages": [{"role": "system", "content": text}]} for name, text in versions.items()]
    return {"labels": {"production": "v1"}, "versions": [*listed]}


def test_a_judge_of_the_team_s_own_gates_a_release(place: Place, judged_by_words: App) -> None:
    app = judged_by_words
    stable = app.serves()
    # when a wordy release comes, its own judge keeps it out
    app.change(prompt={"version": "wordy"})
    ended = app.ends()
    assert (ended["result"], ended["reason"]) == ("Aborted", "EvaluationFailed")
    assert "32 words" in app.told("RolloutAborted")
    # and lets one in that is brief
    app.change(prompt={"version": "v2"})
    entry = eventually("the brief one is promoted", lambda: promoted(app, stable))
    assert entry["evaluations"][0]["phase"] == "Passed"


def promoted(app: App, before: str) -> Object | None:
    status = app.status()
    later = status.get("phase") == "Healthy" and status["stableRelease"] != before
    return status["history"][-1] if later else None


def test_a_release_that_can_t_answer_fails_its_rows(place: Place, judged_by_words: App) -> None:
    app = judged_by_words
    app.serves()
    app.change(prompt={"version": "broken"})
    ended = app.ends()
    assert ended["result"] == "Aborted"
    assert ended["reason"] in ("EvaluationFailed", "EvaluationError")
    assert "brevity" in ended["message"]
    assert place.get("Deployment", ended["release"]) is None
