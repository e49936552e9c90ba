"""A decision sent, and what became of it."""

from contextlib import closing

from genaiops.cli.cluster import Cluster, Query, Raw
from genaiops.cli.failure import Failure, Refused
from genaiops.cli.follow import Seen, follow


def answer_to(cluster: Cluster, made: Raw, seconds: float) -> Raw:
    """The ReleaseAction once the operator has looked at it. Raises Failure where that can't be seen in this time."""
    name = made["metadata"]["name"]
    seen = Seen()
    try:
        with closing(follow(cluster, [Query("ReleaseAction", name=name)], seconds)) as states:
            for seen in states:
                found = seen.objects["ReleaseAction"].get(name)
                if found is None:
                    raise Failure("it is gone; was it deleted?")
                if (found.get("status") or {}).get("phase"):
                    return found
    except TimeoutError:
        problems = "".join(f"; {problem}" for problem in seen.problems.values())
        raise Failure(
            f"the operator has not looked at {name} within {seconds:g} s; does it run? The decision holds for "
            f"{made['spec']['ttl']}; kubectl get releaseaction {name} tells what becomes of it{problems}"
        ) from None
    except Failure as failure:
        raise Failure(f"{name} was created, but what becomes of it can't be seen: {failure.message}") from failure
    raise AssertionError("a watch ends only by an exception")


def require_applied(answered: Raw) -> str:
    """What followed. Raises Refused where nothing did."""
    status = answered["status"]
    if status["phase"] != "Applied":
        raise Refused(str(status.get("message") or status["phase"]))
    return str(status.get("message", ""))
