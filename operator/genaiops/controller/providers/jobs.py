"""Asking a Job: it is made, its pod ends, and how it ended is the answer.

The pod's end says enough: its exit code, and what the container left in its result file (the termination message). So
no right to logs is needed, nor one to watch Jobs.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from genaiops.api.providers import JobProvider
from genaiops.controller.cluster import UNAVAILABLE, Cluster
from genaiops.controller.dataplane import pod_problem
from genaiops.controller.election import NotLeaderError
from genaiops.controller.kinds import JOBS
from genaiops.controller.providers.question import ProviderError, Question, number
from genaiops.controller.store import Raw
from genaiops.manifests.labels import owner
from genaiops.manifests.measurement import MEASUREMENT, measurement_job

_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks into the store, which the watch of pods fills."""
_GRACE: Final = timedelta(seconds=30)
"""Time to be scheduled and told of, beyond the Job's own."""

PodsOf = Callable[[str, str], Iterable[Raw]]
"""The pods that belong to an app: namespace, name."""


class Jobs:
    """Runs Jobs and reads how they end."""

    def __init__(self, cluster: Cluster, pods_of: PodsOf) -> None:
        self._cluster = cluster
        self._pods_of = pods_of

    async def ask(self, provider: JobProvider, question: Question, *, limited: bool) -> Decimal:
        """The value that the Job left where the metric has limits, else its exit code: 0 or 1.

        Raises ProviderError where it did not run to its end. A Job that nobody waits for any more is deleted.
        """
        name = f"{question.app[:40]}-m-{hashlib.sha256(question.identity.encode()).hexdigest()[:12]}"
        job = measurement_job(
            name,
            question.namespace,
            question.app,
            provider,
            question.variables(),
            owner("LLMApp", question.app, question.app_uid),
        )
        try:
            made = await self._cluster.apply(job)
        except UNAVAILABLE as error:
            raise ProviderError(f"the Job can't be made: {error or type(error).__name__}") from error
        try:
            async with asyncio.timeout((provider.timeout + _GRACE).total_seconds()):
                ended = await self._end(question, name)
        except TimeoutError as error:
            why = self._problem(question, name)
            raise ProviderError(f"Job {name} did not end in time" + (f": {why}" if why else "")) from error
        except asyncio.CancelledError:
            # Of an operator that ends, the guard refuses the deletion: its successor finds the Job.
            with suppress(NotLeaderError, *UNAVAILABLE):
                await self._cluster.delete(JOBS, question.namespace, name, made["metadata"]["uid"])
            raise
        return _answer(ended, name, limited)

    async def _end(self, question: Question, name: str) -> dict[str, Any]:
        while True:
            for pod in self._pods(question, name):
                for container in pod.get("status", {}).get("containerStatuses") or ():
                    if ended := container.get("state", {}).get("terminated"):
                        return dict(ended)
            await asyncio.sleep(_LOOK_AGAIN)

    def _problem(self, question: Question, name: str) -> str | None:
        return next((pod_problem(pod) for pod in self._pods(question, name)), None)

    def _pods(self, question: Question, name: str) -> list[Raw]:
        pods = self._pods_of(question.namespace, question.app)
        return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(MEASUREMENT) == name]


def _answer(ended: dict[str, Any], name: str, limited: bool) -> Decimal:
    code = ended.get("exitCode")
    if code not in (0, 1):
        raise ProviderError(f"Job {name} ended with exit code {code}, {ended.get('reason')}: 0 passes, 1 fails")
    if not limited:
        return Decimal(code)
    try:
        value = number(json.loads(ended.get("message") or "", parse_float=Decimal)["value"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ProviderError(f'Job {name} left no {{"value": a number}} in its result file') from error
    if value is None:
        raise ProviderError(f"Job {name} left a value that is not finite")
    return value
