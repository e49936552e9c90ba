"""What a status code does not tell takes a release back: a slow first word, a refusal too many, a judge, people."""

import json
from collections.abc import Callable

import pytest
from place import App, Object, Place, custom, eventually
from provider import ENDPOINT, scripted_app

from genaiops.api.samples import REPORTS_PORT
from traffic import Traffic, failures

Sampled = Callable[..., App]
"""Makes an app whose answers are sampled; `quality` is what else it asks for."""


def watching(metric: str, **limits: object) -> Object:
    """A rollout that judges this at half of the traffic."""
    analysis = {"interval": "1s", "minSamples": 10, "metrics": [{"name": metric, **limits}]}
    return {"steps": [{"setWeight": 50}], "analysis": analysis}


@pytest.fixture
def sampled(place: Place) -> Sampled:
    """An app that serves, its collector being ready; its prompt has a version `wordy`."""

    def serving(rollout: Object, **quality: object) -> App:
        sampling = {"rate": "1", "maxPerMinute": 600}
        app = scripted_app(place, replicas=1, rollout=rollout, quality={"sampling": sampling, **quality})
        add_version(place, {"name": "wordy", "messages": [{"role": "system", "content": "chunks=30"}]})
        stable = app.serves()
        eventually("the collector is ready", lambda: app.condition("QualityReady").get("status") == "True")
        samplers_know(place, app, stable)
        return app

    return serving


def add_version(place: Place, version: Object) -> None:
    """One more version of the scripted prompt."""
    live = place.get("Prompt", "script")
    assert live is not None
    place.patch("Prompt", "script", {"spec": {"versions": [*live["spec"]["versions"], version]}})


def samplers_know(place: Place, app: App, release: str) -> None:
    """Wait until the runtime's pods have been told of the collector: the kubelet brings files when it syncs."""
    image = place.kubectl("get", "pods", "-l", f"genaiops.dev/release={release}", "-o", "name").split()[0]
    look = ("exec", image, "-c", "runtime", "--", "ls", "/etc/genaiops/quality")
    eventually("the runtime is told of the collector", lambda: "json" in place.kubectl(*look, check=False))


def test_a_slower_model_is_taken_back(place: Place, figure: Callable[[str], None]) -> None:
    # given an app on a quick model, whose users read streams
    app = scripted_app(place, replicas=1, rollout=watching("time-to-first-token", threshold="0.75", maxIncrease="0.2"))
    place.apply(custom("Model", "slow", model="slow", endpoint=ENDPOINT))
    stable = app.serves()
    with Traffic(app, rate=8, turns=2, streams=1.0, at_once=12) as traffic:
        traffic.flows(10)
        # when it moves to a model that thinks for a second before it says anything
        app.change(model={"ref": "slow"})
        ended = app.ends()
        traffic.stop()
    # then that is seen, though every answer is right
    assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
    assert "time-to-first-token above 0.75 s 100.0%" in ended["message"]
    assert app.status()["stableRelease"] == stable
    figure(f"a slower model: {ended['message']}")


def test_a_guardrail_that_refuses_too_much_is_taken_back(place: Place, figure: Callable[[str], None]) -> None:
    # given an app whose guardrail blocks what nobody asks
    def policy(name: str, pattern: str) -> Object:
        check = {"name": "topic", "detector": {"type": "Regex", "patterns": [pattern]}, "action": "Block"}
        return custom("GuardrailPolicy", name, input=[check])

    place.apply(policy("rare", "hovercraft"), policy("greedy", "order|shoe|open|card"))
    app = scripted_app(
        place, replicas=1, rollout=watching("guardrail-block-rate", maxIncrease="0.2"), guardrails=[{"ref": "rare"}]
    )
    stable = app.serves()
    with Traffic(app, rate=8, turns=2) as traffic:
        traffic.flows(10)
        # when another one blocks everything
        app.change(guardrails=[{"ref": "greedy"}])
        ended = app.ends()
        traffic.flows(10, release=stable)
        traffic.stop()
    # then that is taken back like any other change
    assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
    assert "guardrail-block-rate 100.0%" in ended["message"]
    figure(f"a greedy guardrail: {ended['message']}")


def test_a_drop_in_quality_that_only_a_judge_sees_is_taken_back(
    sampled: Sampled, figure: Callable[[str], None]
) -> None:
    # given an app whose answers are sampled and judged: they should be brief
    brief = {"name": "brief", "type": "Regex", "pattern": r"^(\S+\s*){1,5}$"}
    rollout = watching("defect-rate", evaluator="brief", maxIncrease="0.2")
    app = sampled(rollout, evaluators=[brief])
    with Traffic(app, rate=8, turns=2) as traffic:
        traffic.flows(10)
        # when answers get wordy: right status, quick, nothing for a guardrail
        app.change(prompt={"version": "wordy"})
        ended = app.ends()
        traffic.stop()
        requests = traffic.requests()
    # then the judge's word takes it back, and no request was held up by it
    assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
    assert "defect-rate by brief 100.0%" in ended["message"]
    assert failures(requests) == []
    figure(f"a wordy release: {ended['message']}")


def test_people_s_thumbs_take_a_release_back_and_are_kept(
    place: Place, sampled: Sampled, figure: Callable[[str], None]
) -> None:
    # given an app whose users say what they think, and where that is kept
    rollout = watching("negative-feedback-rate", maxIncrease="0.2")
    app = sampled(rollout)
    with Traffic(app, rate=8, turns=2, dislikes="word9") as traffic:
        traffic.flows(10)
        # when a release comes whose answers they don't like
        app.change(prompt={"version": "wordy"})
        ended = app.ends()
        traffic.stop()
        requests = traffic.requests()
    # then they have it taken back, whichever release's pod was told
    assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
    assert "negative-feedback-rate 100.0%" in ended["message"]
    assert {request.rated for request in requests if not request.failed} <= {200, 202}
    # and the questions that were answered badly are there to learn from
    reports = f"/api/v1/namespaces/{place.namespace}/services/http:{app.name}-quality:{REPORTS_PORT}/proxy/v1"
    rows = eventually("what they said is kept", lambda: place.cluster.raw(f"{reports}/rows?kind=negative"))
    assert {tag for row in rows.splitlines() for tag in json.loads(row)["tags"]} >= {"negative", ended["release"]}
    figure(f"thumbs down: {ended['message']}")
