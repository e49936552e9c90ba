"""One measurement: the counters of both releases' pods, and what came of the metrics of the team's own."""

from datetime import datetime

from genaiops.analysis.counters import CountersError, read_counters
from genaiops.analysis.readings import Readings
from genaiops.analysis.window import CANDIDATE, STABLE
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import PodCounters
from genaiops.controller.dataplane import PodClient, UnreachableError, gather_reads, is_ready
from genaiops.controller.store import Raw
from genaiops.manifests.labels import RELEASE, label_of
from genaiops.manifests.release import METRICS_PORT
from genaiops.rollout.comparison import Comparison


async def read_pods(client: PodClient, runtimes: list[Raw], compared: Comparison, now: datetime) -> Readings:
    """The counters of both releases' pods.

    A pod that was read before counts on while it is not ready: it may still be answering. If it does not let itself be
    read then, what it said last stands, so that an unhealthy pod of stable keeps no candidate from being judged.
    """
    metrics = _counted_now(compared, now)
    if not any(not metric.provided for metric in compared.analysis.metrics):
        return Readings({})
    roles = {compared.candidate: CANDIDATE, compared.stable: STABLE}
    known = compared.window.pods if compared.window else {}
    live = [
        pod
        for pod in runtimes
        if label_of(pod, RELEASE) in roles and (is_ready(pod) or pod["metadata"]["uid"] in known)
    ]
    answers = await gather_reads(client, live, METRICS_PORT, "/metrics")
    read: dict[str, tuple[str, PodCounters]] = {}
    failures = []
    for pod, answer in zip(live, answers, strict=True):
        uid, role = pod["metadata"]["uid"], roles[label_of(pod, RELEASE)]
        try:
            if isinstance(answer, UnreachableError):
                raise answer
            read[uid] = (role, read_counters(answer, metrics))
        except (UnreachableError, CountersError) as error:
            if uid in known and not is_ready(pod):
                read[uid] = (role, known[uid])
            else:
                failures.append(f"pod {pod['metadata']['name']}: {error}")
    return Readings(read, tuple(failures))


def _counted_now(compared: Comparison, now: datetime) -> list[Metric]:
    """Metrics of the data plane whose initialDelay is over. One that is read for the first time counts from there."""
    opened = compared.window.started_at if compared.window else now
    shares = (metric for metric in compared.analysis.metrics if not metric.provided)
    return [metric for metric in shares if now >= opened + metric.initial_delay]
