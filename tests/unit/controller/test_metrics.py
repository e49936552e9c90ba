"""What Prometheus is told of rollouts and evaluations that ended."""

from prometheus_client import CollectorRegistry, generate_latest

from genaiops.controller.metrics import Ended


def told(ended: Ended) -> list[str]:
    registry = CollectorRegistry()
    registry.register(ended)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_counted_by_app_and_result() -> None:
    # Given two rollouts of one app that were promoted, and one of another that was aborted
    ended = Ended("genaiops_rollouts", "Rollouts that ended.")
    ended.inc("shop", "support", "Promoted")
    ended.inc("shop", "support", "Promoted")
    ended.inc("bank", "support", "Aborted")

    # Then Prometheus is told of each by itself, under the name of a counter
    assert told(ended) == [
        'genaiops_rollouts_total{app="support",namespace="shop",result="Promoted"} 2.0',
        'genaiops_rollouts_total{app="support",namespace="bank",result="Aborted"} 1.0',
    ]


def test_an_app_that_is_gone_is_told_of_no_more() -> None:
    # Given a rollout of an app that was deleted since
    ended = Ended("genaiops_rollouts", "Rollouts that ended.")
    ended.inc("shop", "support", "Promoted")
    ended.forget("shop", "support")

    # Then nothing is told of it, and forgetting what never was is no error
    ended.forget("shop", "never-there")
    assert told(ended) == []
