"""What happens to users when pods come and go: scaling, restarts, keys, the operator's own death, the end of an app."""

import base64
import time
from collections.abc import Callable

import pytest
from kubernetes.client import ApiException
from place import Object, Place, custom, eventually
from provider import ENDPOINT, scripted_app, scripted_model
from recording import Recording, windows

from cluster import OPERATOR_NAMESPACE
from traffic import Traffic, failures, share_is_likely

ERRORS_ONLY = {"interval": "2s", "minSamples": 10, "metrics": [{"name": "error-rate", "maxIncrease": 0.25}]}
STOPS_AT_30 = {"steps": [{"setWeight": 30}, {"pause": {}}], "analysis": ERRORS_ONLY}
# Answers that take two seconds: some are under way whenever something happens.
LONG_ANSWERS = "chunks=20 pause=0.1"


def names(pods: list[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def restarts(pods: list[Object]) -> int:
    return sum(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"])


def gone(place: Place, pod: str) -> None:
    eventually(f"{pod} is gone", lambda: place.get("Pod", pod) is None)


def test_a_rollout_survives_the_operator(place: Place, figure: Callable[[str], None]) -> None:
    # given a rollout that waits for a person at 30 percent
    app = scripted_app(place, rollout=STOPS_AT_30)
    old = app.serves()
    with Recording(place, "LLMApp") as states, Traffic(app, rate=12, turns=2) as traffic:
        traffic.flows(20)
        app.change(prompt={"version": "v2"})
        app.phase("Paused")
        before = eventually("it measures", lambda: measured(app.status()))["rollout"]
        # when the operator's pod is deleted
        operator = place.cluster.operator_pods()[0].metadata.name
        place.cluster.kubectl(
            f"--namespace={OPERATOR_NAMESPACE}", "delete", "pod", operator, "--grace-period=0", "--force"
        )
        at = time.time()

        def goes_on() -> Object | None:
            status = app.status()
            return status if measured(status) and measured_at(status) > measured_at({"rollout": before}) else None

        # then users go on talking to both releases
        traffic.flows(60)
        # and another operator goes on at the same step, with the same clocks
        after = eventually("another operator measures on", goes_on)["rollout"]
        figure(f"the operator's pod was deleted; another one measured on {time.time() - at:.1f} s later")
        for field in ("release", "step", "weight", "startedAt", "stepStartedAt"):
            assert after[field] == before[field], field
        # and a person's word is heard, once the API server finds the new operator's webhook
        app.decide("Promote", after["release"])
        assert app.ends()["result"] == "Promoted"
        assert app.serves() != old
        traffic.stop()
        requests = traffic.requests()
    assert failures(requests) == []
    weight = next(windows(states))
    during = [request for request in requests if weight.begin < request.at < weight.end]
    conversations = {request.conversation for request in during}
    moved = {request.conversation for request in during if request.release != old}
    assert share_is_likely(len(moved), len(conversations), 30), (moved, conversations)
    figure(f"at weight 30: {len(moved)} of {len(conversations)} conversations; {len(requests)} requests, 0 failed")


def measured(status: Object) -> Object | None:
    return status if (status.get("rollout") or {}).get("analysis", {}).get("measuredAt") else None


def measured_at(status: Object) -> str:
    return str(status["rollout"]["analysis"]["measuredAt"])


def test_scaling_loses_no_request_and_is_no_release(place: Place, figure: Callable[[str], None]) -> None:
    # given an app with two pods, and users
    app = scripted_app(place, LONG_ANSWERS)
    release = app.serves()
    with Traffic(app, rate=8, at_once=40) as traffic:
        traffic.flows(20)
        # when it is scaled up
        place.kubectl("scale", "llmapp", app.name, "--replicas=3")
        eventually("three pods", lambda: app.status().get("replicas") == 3 and app.serves())
        traffic.flows(30)
        # and down again, as far as it goes
        place.kubectl("scale", "llmapp", app.name, "--replicas=1")
        eventually("one pod", lambda: len(place.all("Pod", f"genaiops.dev/release={release}")) == 1)
        traffic.flows(30)
        traffic.stop()
        requests = traffic.requests()
    # then no request failed, and it is the same release
    assert failures(requests) == []
    assert [item["metadata"]["name"] for item in place.all("Release")] == [release]
    assert len(app.status()["history"]) == 1
    figure(f"2 → 3 → 1 pods: {len(requests)} requests of 2 s, 0 failed")


def test_a_runtime_pod_that_goes_finishes_its_answers(place: Place, figure: Callable[[str], None]) -> None:
    # given an app with answers under way
    app = scripted_app(place, LONG_ANSWERS)
    release = app.serves()
    with Traffic(app, rate=8, at_once=40) as traffic:
        traffic.flows(20)
        # when one of its pods is deleted
        victim = app.pods(release)[0]["metadata"]["name"]
        at = time.time()
        place.delete("Pod", victim)
        gone(place, victim)
        took = time.time() - at
        app.serves()
        traffic.flows(20)
        traffic.stop()
        requests = traffic.requests()
    # then every answer came to its end, also those that were under way
    under_way = [request for request in requests if request.at < at < request.end]
    assert [request for request in under_way if request.stream]
    assert failures(requests) == []
    figure(f"pod gone after {took:.1f} s; {len(under_way)} answers were under way; {len(requests)} requests, 0 failed")


def test_a_gateway_pod_that_goes_loses_no_request(place: Place, figure: Callable[[str], None]) -> None:
    # given an app with two gateway pods, and answers under way
    app = scripted_app(place, LONG_ANSWERS, traffic={"gateway": {"replicas": 2}})
    app.serves()
    eventually("two gateway pods", lambda: len(ready(app.gateways())) == 2)
    with Traffic(app, rate=8, at_once=40) as traffic:
        traffic.flows(20)
        # when one of them is deleted
        victim = app.gateways()[0]["metadata"]["name"]
        at = time.time()
        place.delete("Pod", victim)
        gone(place, victim)
        took = time.time() - at
        traffic.flows(20)
        traffic.stop()
        requests = traffic.requests()
    # then nobody noticed: connections are closed with an answer, not with a reset
    under_way = [request for request in requests if request.at < at < request.end]
    assert under_way
    assert failures(requests) == []
    figure(f"pod gone after {took:.1f} s; {len(under_way)} answers were under way; {len(requests)} requests, 0 failed")


def ready(pods: list[Object]) -> list[Object]:
    return [
        pod
        for pod in pods
        if any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions") or ())
    ]


def secret(key: str) -> Object:
    data = {"api-key": base64.b64encode(key.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "provider"}, "data": data}


def test_a_new_key_is_used_without_a_restart(place: Place, figure: Callable[[str], None]) -> None:
    # given an app whose model takes an API key
    place.apply(secret("first-key"))
    ref = {"secretRef": {"name": "provider", "key": "api-key"}}
    app = scripted_app(place, model=custom("Model", "scripted", model="scripted", endpoint=ENDPOINT, credentials=ref))
    release = app.serves()
    pods = names(app.pods(release))
    with Traffic(app, rate=4) as traffic:
        assert all((request.text or "").endswith("first-key") for request in traffic.flows(10))
        # when the Secret gets another one
        at = time.time()
        place.apply(secret("second-key"))

        def used() -> bool:
            # By both pods: the last requests all carry it.
            return all((request.text or "").endswith("second-key") for request in traffic.requests()[-10:])

        eventually("the new key is used", used, within=180)
        figure(f"both pods use a new key {time.time() - at:.0f} s after the Secret changed")
        traffic.stop()
        # then no request failed for it, and it is the same release in the same pods
        assert failures(traffic.requests()) == []
    assert app.serves() == release
    assert names(app.pods(release)) == pods
    assert restarts(app.pods(release)) == 0
    # and the key is nowhere but in the Secret
    assert "second-key" not in place.kubectl("get", "llmapps,models,releases,configmaps,events", "--output=yaml")


def test_an_app_that_is_deleted_leaves_nothing_behind(place: Place) -> None:
    # given a namespace with an app in the middle of a rollout
    scripted_model(place)
    before = everything(place)
    app = scripted_app(place, rollout=STOPS_AT_30)
    app.serves()
    app.change(prompt={"version": "v2"})
    app.phase("Paused")
    # when the app is deleted
    place.delete("LLMApp", app.name)
    # then everything that was made for it goes, and what it referred to stays
    eventually("its pods are gone", lambda: names(place.all("Pod")) == {"provider"})
    eventually("nothing is left", lambda: everything(place) == before)


def everything(place: Place) -> set[str]:
    """`kind/name` of all objects of the namespace but Events."""
    kinds = place.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    listed = ",".join(kind for kind in kinds if not kind.startswith("events"))
    return set(place.kubectl("get", listed, "--output=name", "--ignore-not-found").split())


def test_all_pods_obey_the_restricted_standard(place: Place, endpoint: str) -> None:
    # given a namespace that refuses any other pod
    careless = {"containers": [{"name": "careless", "image": place.cluster.images["runtime"]}]}
    with pytest.raises(ApiException, match="violates PodSecurity"):
        place.cluster.core.create_namespaced_pod(
            place.namespace, {"metadata": {"name": "careless"}, "spec": careless}, dry_run="All"
        )
    # when an app is made in it (and in another such namespace, the server of `endpoint`)
    app = scripted_app(place)
    # then all its pods run
    release = app.serves()
    assert len(app.pods(release)) == 2
    assert len(app.gateways()) == 1
