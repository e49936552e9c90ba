"""What a status code does not tell takes a release back: a slow first word, a guardrail that refuses too much."""

from collections.abc import Callable

from place import Object, Place, custom
from provider import ENDPOINT, scripted_app

from traffic import Traffic


def watching(metric: str, **limits: object) -> Object:
    """A rollout that judges this at half of the traffic."""
    analysis = {"interval": "1s", "minSamples": 10, "metrics": [{"name": metric, **limits}]}
    return {"steps": [{"setWeight": 50}], "analysis": analysis}


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
