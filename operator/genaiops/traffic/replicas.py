"""The ratio of pods behind one Service: which pods it selects, and what weights that makes."""

from collections.abc import Collection, Mapping

from genaiops.rollout.ratio import pods_needed
from genaiops.rollout.snapshot import Routes
from genaiops.traffic.services import every_release, one_release


def selector(app: str, routes: Routes, others: Collection[str]) -> dict[str, str]:
    """The pods that get the requests of `routes`, which has a stable release. No pod has to be changed for it.

    `others` are releases beside the two that still have pods: as long as there are any, there is no way to select the
    two alone, and the candidate waits.
    """
    assert routes.stable is not None
    if routes.candidate is None or routes.weight == 0:
        return one_release(app, routes.stable)
    if routes.weight == 100:
        return one_release(app, routes.candidate)
    return one_release(app, routes.stable) if others else every_release(app)


def weights(behind: Mapping[str, int], candidate: str | None, asked: int, replicas: int) -> dict[str, int]:
    """Percent of the requests by release. `behind`: pods that get them.

    The candidate has the weight that was asked for when as many of its pods get requests as that weight stands for, and
    what the pods make of it otherwise. A release with any pod there has at least 1.
    """
    total = sum(behind.values())
    shares = {release: max(1, 100 * pods // total) for release, pods in behind.items()}
    if (
        candidate is not None
        and candidate in behind
        and 0 < asked < 100
        and len(behind) > 1
        and behind[candidate] >= pods_needed(asked, replicas)
    ):
        shares[candidate] = asked
    return shares
