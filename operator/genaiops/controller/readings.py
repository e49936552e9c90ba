"""One measurement: the counters of the pods of releases that are compared."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from genaiops.analysis.counters import CountersError, counted_elsewhere, read_counters
from genaiops.analysis.readings import Readings
from genaiops.analysis.window import CANDIDATE, STABLE
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import PodCounters
from genaiops.controller.dataplane import PodClient, UnreachableError, gather_reads, is_ready
from genaiops.controller.store import Raw
from genaiops.manifests.labels import RELEASE, label_of
from genaiops.manifests.release import METRICS_PORT
from genaiops.rollout.comparison import Comparison


async def read_pods(
    client: PodClient,
    runtimes: list[Raw],
    collectors: list[Raw],
    compared: Sequence[Comparison],
    now: datetime,
    exists: Callable[[Raw], Awaitable[bool]],
) -> dict[str, Readings]:
    """By the release that is compared with another: the counters of both releases' pods, and what `collectors` count of
    either. A pod is asked once, however many releases its own is compared with.

    A pod that was read before counts on while it is not ready: it may still be answering. If it does not let itself be
    read then, what it said last stands, so that an unhealthy pod of stable keeps no candidate from being judged. A
    collector that is not ready has judged nothing, which is no failure: the metric waits for its samples. Nor is a pod
    that does not answer since it is gone, which the watch may tell later: `exists` asks the API server.
    """
    wanted = [_Wanted.of(one, runtimes, collectors, now) for one in compared]
    pods = {pod["metadata"]["uid"]: pod for one in wanted for pod in one.live}
    answers = await gather_reads(client, list(pods.values()), METRICS_PORT, "/metrics")
    texts = dict(zip(pods, answers, strict=True))
    return {one.compared.candidate: await _read(one, texts, exists) for one in wanted}


@dataclass(frozen=True)
class _Wanted:
    """What is read for one comparison."""

    compared: Comparison
    metrics: list[Metric]
    live: list[Raw]

    @classmethod
    def of(cls, compared: Comparison, runtimes: list[Raw], collectors: list[Raw], now: datetime) -> "_Wanted":
        metrics = _counted_now(compared, now)
        if not any(not metric.provided for metric in compared.analysis.metrics):
            return cls(compared, metrics, [])
        known = compared.window.pods if compared.window else {}
        releases = (compared.candidate, compared.stable)
        live = [
            pod
            for pod in runtimes
            if label_of(pod, RELEASE) in releases and (is_ready(pod) or pod["metadata"]["uid"] in known)
        ]
        elsewhere = any(counted_elsewhere(metric) for metric in metrics)
        return cls(compared, metrics, [*live, *(pod for pod in collectors if elsewhere and is_ready(pod))])


async def _read(
    wanted: _Wanted, texts: Mapping[str, str | UnreachableError], exists: Callable[[Raw], Awaitable[bool]]
) -> Readings:
    compared = wanted.compared
    roles = {compared.candidate: CANDIDATE, compared.stable: STABLE}
    known = compared.window.pods if compared.window else {}
    elsewhere = [metric for metric in wanted.metrics if counted_elsewhere(metric)]
    read: dict[str, tuple[str, PodCounters]] = {}
    failures = []
    for pod in wanted.live:
        answer = texts[pod["metadata"]["uid"]]
        try:
            if isinstance(answer, UnreachableError):
                raise answer
            read |= _counted(pod, answer, wanted.metrics, elsewhere, roles, known)
        except (UnreachableError, CountersError) as error:
            said = {key: (roles[release], known[key]) for release, key in _keys(pod, roles).items() if key in known}
            if said and not is_ready(pod):
                read |= said
            elif await exists(pod):
                failures.append(f"pod {pod['metadata']['name']}: {error}")
    return Readings(read, tuple(failures))


def _keys(pod: Raw, roles: Mapping[str, str]) -> dict[str, str]:
    """What each release's counters of this pod are known by: its uid, and with the role what it counts of another's."""
    uid, own = pod["metadata"]["uid"], label_of(pod, RELEASE)
    return {release: uid if release == own else f"{uid}/{role}" for release, role in roles.items()}


def _counted(
    pod: Raw,
    text: str,
    metrics: list[Metric],
    elsewhere: list[Metric],
    roles: Mapping[str, str],
    known: Container[str],
) -> dict[str, tuple[str, PodCounters]]:
    found = {}
    for release, key in _keys(pod, roles).items():
        own = release == label_of(pod, RELEASE)
        counters = read_counters(text, metrics if own else elsewhere, release, own=own)
        # Most pods count nothing of another release: what is not there takes no place in the status.
        if own or key in known or any(arm.samples for arm in counters.metrics.values()):
            found[key] = (roles[release], counters)
    return found


def _counted_now(compared: Comparison, now: datetime) -> list[Metric]:
    """Metrics of the data plane whose initialDelay is over. One that is read for the first time counts from there."""
    opened = compared.window.started_at if compared.window else now
    shares = (metric for metric in compared.analysis.metrics if not metric.provided)
    return [metric for metric in shares if now >= opened + metric.initial_delay]
