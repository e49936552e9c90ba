"""How long a candidate that turns bad still gets requests: from its first bad answer to weight 0 live at the gateway.

    PYTHONPATH=operator:tests/e2e python tests/bench/bench_breach.py [--rollouts 20] [--rate 20] [--interval 1s]

On the kind cluster of tests/e2e: real pods, Envoy and kubelet; the model is scripted. A candidate with half of the
traffic gives twenty good answers and from then on errors. Both times are the users': when the first of them had an
error, and when the last request was sent that the candidate answered. So the seconds have in them: requests until the
evidence suffices, the wait for the next reading, the decision on record, and the gateway's new weights in effect.
"""

import argparse
import statistics
import time

from figures import percentiles
from place import RESTRICTED, Place, eventually
from provider import prompt, scripted_app

from cluster import Cluster, bring_up
from traffic import Request, Traffic

GOOD = 20
"""Answers of a candidate before it turns bad."""


def exposed(requests: list[Request], candidate: str) -> tuple[float, int]:
    """Seconds from the candidate's first bad answer to the last request it got, and how many it answered badly."""
    its = [request for request in requests if request.release == candidate]
    bad = [request for request in its if request.failed]
    return max(request.at for request in its) - min(request.end for request in bad), len(bad)


def measure(place: Place, args: argparse.Namespace) -> list[tuple[float, int]]:
    analysis = {"minSamples": 5, "metrics": [{"name": "error-rate", "maxIncrease": "0.2"}]}
    if args.interval:
        analysis["interval"] = args.interval
    app = scripted_app(place, replicas=1, rollout={"steps": [{"setWeight": 50}, {"pause": {}}], "analysis": analysis})
    changes = {f"turns-{number}": f"chunks=1 good={GOOD} number={number}" for number in range(1, args.rollouts + 1)}
    # The versions of scripted_app stay: none can be removed from a Prompt.
    place.apply(prompt(v1="chunks=1", v2="chunks=1 now=better", broken="status=500", **changes))
    app.serves()
    found = []
    with Traffic(app, rate=args.rate, turns=1, conversations=400, at_once=32, longest=3600) as traffic:
        traffic.flows(10)
        for number, version in enumerate(changes, start=1):
            app.change(prompt={"version": version})
            eventually("the rollout begins", lambda: app.status().get("rollout"))
            ended = app.ends()
            assert ended["reason"] == "AnalysisFailed", ended
            # Who was on the way to the candidate is in the log by then.
            traffic.flows(args.rate)
            found.append(exposed(traffic.requests(), ended["release"]))
            print(f"{time.strftime('%H:%M:%S')} {number}: {found[-1][0]:.2f} s, {found[-1][1]} bad answers", flush=True)  # noqa: T201
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=20)
    parser.add_argument("--rate", type=int, default=20, help="requests a second to the app")
    parser.add_argument("--interval", help="of the analysis; without it the default of 10 s")
    args = parser.parse_args()
    cluster = Cluster(bring_up())
    created = cluster.core.create_namespace({"metadata": {"generateName": "e2e-", "labels": RESTRICTED}})
    place = Place(cluster, created.metadata.name)
    eventually("the namespace can be used", lambda: place.get("ServiceAccount", "default"))
    try:
        found = measure(place, args)
    finally:
        cluster.core.delete_namespace(place.namespace)
    took = percentiles([seconds for seconds, _ in found], "{:.2f}")
    bad = statistics.median(answers for _, answers in found)
    print(f"first bad answer → last request, p50 / p95 s: {took}; {bad:.0f} bad answers")  # noqa: T201


if __name__ == "__main__":
    main()
