"""What is wrong is said, with the field and the remedy; what serves goes on serving."""

from collections.abc import Callable

import pytest
from place import SMALL_RUNTIME, App, Object, Place, custom
from provider import ENDPOINT, prompt, scripted_app

from genaiops.controller.dataplane import is_ready
from traffic import Traffic, failures

IMPATIENT = {"progressDeadline": "30s", "steps": [{"setWeight": 50}]}
WATCHES_ERRORS = {
    "steps": [{"setWeight": 30}],
    "analysis": {"interval": "1s", "minSamples": 10, "metrics": [{"name": "error-rate", "maxIncrease": 0.25}]},
}


def uids(pods: list[Object]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods if is_ready(pod)}


def test_an_app_whose_secret_is_missing_goes_on_once_it_is_there(place: Place) -> None:
    # given an app whose model takes its key from a Secret that does not exist
    ref = {"secretRef": {"name": "provider", "key": "api-key"}}
    app = scripted_app(place, model=custom("Model", "scripted", model="scripted", endpoint=ENDPOINT, credentials=ref))
    # then it says what to do
    app.phase("Degraded")
    stalled = app.condition("Stalled")
    assert stalled["status"] == "True"
    assert stalled["reason"] == "SecretNotFound"
    assert "spec.model.ref" in stalled["message"]
    assert "create it with key 'api-key'" in stalled["message"]
    # when somebody does
    data = {"stringData": {"api-key": "a-key"}}
    place.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "provider"}, **data})
    # then it goes on by itself
    app.serves()
    assert app.condition("Stalled")["status"] == "False"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"runtime": {"image": "localhost/genaiops/runtime:nonexistent"}}, "ImagePull"),
        ({"runtime": {"image": "gateway"}}, "CrashLoopBackOff"),
        ({"model": {"ref": "nowhere"}}, "the server of model nowhere at http://nowhere:8000/v1 can't be reached"),
    ],
    ids=["an image that can't be pulled", "a container that crashes", "a model that can't be reached"],
)
def test_a_candidate_that_never_gets_ready_is_taken_back(place: Place, change: Object, reason: str) -> None:
    # given an app that serves
    app = scripted_app(place, rollout=IMPATIENT)
    stable = app.serves()
    pods = uids(app.pods(stable))
    place.apply(custom("Model", "nowhere", model="none", endpoint="http://nowhere:8000/v1"))
    if image := change.get("runtime", {}).get("image"):
        # The gateway's image, as a runtime, ends at once: it gets no arguments.
        change = {"runtime": {"image": place.cluster.images.get(image, image)}}
    with Traffic(app, rate=4) as traffic:
        traffic.flows(5)
        # when it is to become something that can't run
        app.change(**change)
        # then that is taken back at its deadline, and the cluster's own words say why
        ended = app.ends()
        assert (ended["result"], ended["reason"]) == ("Aborted", "ProgressDeadlineExceeded")
        assert reason in ended["message"]
        assert "at weight 0" in ended["message"]
        assert ended["message"] in app.condition("Ready")["message"]
        assert app.condition("Available")["status"] == "True"
        # and stable was not touched
        traffic.flows(5)
        traffic.stop()
        assert failures(traffic.requests()) == []
        assert {request.release for request in traffic.requests()} == {stable}
    assert uids(app.pods(stable)) == pods


def test_a_candidate_that_fails_is_taken_back(place: Place, figure: Callable[[str], None]) -> None:
    # given an app that serves
    app = scripted_app(place, rollout=WATCHES_ERRORS)
    stable = app.serves()
    with Traffic(app, rate=6, turns=2) as traffic:
        traffic.flows(10)
        # when its model answers the new prompt with errors
        app.change(prompt={"version": "broken"})
        # then that is taken back for its error rate
        ended = app.ends()
        assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
        assert "error-rate 100.0%" in ended["message"]
        traffic.flows(20, release=stable)
        traffic.stop()
        requests = traffic.requests()
    # and stable answered everything it was asked
    assert {request.release for request in failures(requests)} == {ended["release"]}
    assert {request.release for request in requests[-10:]} == {stable}
    figure(f"{len(failures(requests))} of {len(requests)} requests met the broken candidate")


def test_a_template_that_can_t_be_read_is_named_and_stops_nobody_else(place: Place) -> None:
    # given an app that serves
    app = scripted_app(place)
    stable = app.serves()
    # when it asks for a prompt with a mistake in it
    place.apply(prompt(v1="chunks=1", v2="chunks=1 now=better", broken="status=500", torn="Hello {{ name"))
    app.change(prompt={"version": "torn"})
    # then app and Prompt name the place
    app.phase("Degraded")
    message = app.condition("Stalled")["message"]
    assert "spec.prompt.version" in message
    assert "versions[3].messages[0].content" in message
    assert f"{stable} goes on serving" in message
    status = (place.get("Prompt", "script") or {})["status"]
    assert "spec.versions[3].messages[0].content" in status["conditions"][0]["message"]
    # and an app beside it is served, and this one when it is put right
    spec = {"model": {"ref": "scripted"}, "prompt": {"ref": "script", "version": "v1"}}
    place.apply(custom("LLMApp", "neighbour", runtime=SMALL_RUNTIME, **spec))
    App(place, "neighbour").serves()
    app.change(prompt={"version": "v1"})
    assert app.serves() == stable
