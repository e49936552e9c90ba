"""An experiment with more than two releases, with real pods and a real gateway."""

from collections.abc import Callable
from typing import Any

from place import Object, Place, eventually
from provider import prompt, scripted_app

from traffic import Traffic

DIRECTIONS = {"v1": "chunks=1", "v2": "chunks=1 now=better", "terse": "chunks=1 now=terse", "broken": "status=500"}


def variant(version: str) -> Object:
    return {"name": version, "weight": 20, "prompt": {"ref": "script", "version": version}}


def test_releases_are_compared_side_by_side_and_a_bad_one_is_taken_out(
    place: Place, figure: Callable[[str], None]
) -> None:
    # given an app that compares a change with two more wordings, one of which only leads to errors
    experiment = {"samples": 20, "duration": "4m", "variants": [variant("terse"), variant("broken")]}
    rollout = {
        "steps": [{"setWeight": 20}, {"experiment": experiment}],
        "analysis": {"interval": "1s", "minSamples": 5, "metrics": [{"name": "error-rate", "maxIncrease": "0.2"}]},
    }
    app = scripted_app(place, replicas=1, rollout=rollout)
    place.apply(prompt(**DIRECTIONS))
    stable = app.serves()
    with Traffic(app, rate=8, turns=1, conversations=400) as traffic:
        traffic.flows(10)
        # when the change is made
        app.change(prompt={"version": "v2"})

        def stands() -> dict[str, Any]:
            rollout = app.status().get("rollout") or {}
            return {one["name"]: one for one in rollout.get("variants") or ()}

        # then the bad one is taken out, the other one is compared to the end, and a person has the word
        eventually("the bad variant is dropped", lambda: stands().get("broken", {}).get("phase") == "Dropped", 240)
        eventually("the experiment is over", lambda: stands()["terse"]["phase"] == "Over", 240)
        paused = app.phase("Paused")
        candidate, terse = paused["candidateRelease"], stands()["terse"]["release"]
        assert paused["stableRelease"] == stable
        assert "the experiment is over" in paused["rollout"]["paused"]
        app.decide("Promote", candidate)
        traffic.flows(10, release=candidate)
        ended = app.ends()
        traffic.stop()
        requests = traffic.requests()
    # and all of them had requests, of which only the bad one failed any
    assert (ended["result"], ended["release"]) == ("Promoted", candidate)
    reports = {one["name"]: one for one in ended["variants"]}
    assert "AnalysisFailed: error-rate 100.0%" in reports["broken"]["message"]
    (verdict,) = reports["terse"]["verdicts"]
    assert verdict["candidate"]["samples"] >= 20
    assert verdict["candidate"]["hits"] == 0
    served = {item.release for item in requests if item.status == 200}
    assert {stable, candidate, terse} <= served
    failed = [item for item in requests if item.status != 200]
    assert {item.release for item in failed} <= {reports["broken"]["release"]}
    # and nothing of them is left
    gone = (terse, reports["broken"]["release"])
    eventually("their pods are gone", lambda: not any(app.pods(release) for release in gone))
    figure(f"experiment: {reports['broken']['message']}; {verdict['message']}")
