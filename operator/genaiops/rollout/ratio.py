"""The arithmetic of steps where the ratio of pods behind one Service is the weight.

Stable keeps its full size until the candidate has all the traffic, and the candidate never gets more pods than that:
between them half of the requests is the most that a candidate can have. What lies above is had at 100.
"""


def pods_needed(weight: int, replicas: int) -> int:
    """Pods of the candidate that, beside `replicas` of stable, get nearest to `weight` percent of the requests.

    At least one: to be proved on at weight 0, where the Service leaves it out, and because a weight above 0 is a
    promise of some requests.
    """
    if weight >= 50:
        return replicas
    return max(1, (2 * weight * replicas + 100 - weight) // (2 * (100 - weight)))


def weight_had(weight: int, replicas: int) -> int:
    """Percent of the requests that the candidate gets where `weight` is asked for."""
    if weight in (0, 100):
        return weight
    pods = pods_needed(weight, replicas)
    return round(100 * pods / (pods + replicas))


def weight_carried(ready: int, replicas: int, weight: int) -> int:
    """The part of `weight` that `ready` pods of the candidate can have; `replicas` are stable's."""
    if ready >= pods_needed(weight, replicas):
        return weight
    return min(weight, 100 * ready // (ready + replicas))


def remark(weight: int, replicas: int) -> str | None:
    """What a person has to be told of a weight that the pods can't express; None where they can."""
    had = weight_had(weight, replicas)
    if had == weight:
        return None
    pods = pods_needed(weight, replicas)
    return (
        f"weight {weight} is {had} percent with traffic.replicas: {pods} pod{'s' if pods > 1 else ''} of the "
        f"candidate beside {replicas} of stable"
    )
