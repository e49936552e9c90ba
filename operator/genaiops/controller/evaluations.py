"""Reconciling one Evaluation: an equal run's result, or a Job of its own, followed to its end."""

import hashlib
import logging
from collections.abc import Callable, Container, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from genaiops.api.evaluation import EvaluationPhase, EvaluationSpec, EvaluationStatus, EvaluationSummary, Purpose
from genaiops.api.evaluation_run import PROGRESS_PORT, EvaluationRun
from genaiops.api.release import ReleaseSpec
from genaiops.controller.apply import Applier
from genaiops.controller.cluster import ApiError, Cluster
from genaiops.controller.dataplane import PodClient, UnreachableError
from genaiops.controller.datasets import MissingError, require_volumes, rows_held
from genaiops.controller.evaluators import (
    keeps_crashing,
    of_its_job,
    problem_of,
    result_of,
    runs,
    still_starts,
)
from genaiops.controller.events import announcements, tell
from genaiops.controller.kinds import BY_KIND, JOBS
from genaiops.controller.metrics import EVALUATIONS
from genaiops.controller.ownership import belongs_to
from genaiops.controller.store import Key, Raw, Store
from genaiops.manifests.evaluation import MARGIN_SECONDS, run_objects
from genaiops.manifests.labels import Object, owner
from genaiops.manifests.release import serving_port
from genaiops.release.lookup import parse_errors
from genaiops.release.resolve import Suite, resolve_suite
from genaiops.rollout.conditions import clipped, kstatus, merge
from genaiops.rollout.snapshot import Notice

log = logging.getLogger(__name__)

_ASK_AGAIN: Final = 2.0
"""Seconds between two looks at a run's progress."""
_WAIT: Final = 10.0
"""Seconds until the next look where a pod's events tell what happens."""


class CannotRunError(Exception):
    """Why there is no result; `waits` where that mends itself."""

    def __init__(self, message: str, *, waits: bool = False) -> None:
        super().__init__(message)
        self.waits = waits


class EvaluationReconciler:
    """Brings one Evaluation to its result."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        pods: PodClient,
        image: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._pods = pods
        self._image = image
        self._clock = clock
        self._applier = Applier(cluster, store)

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Seconds until the next one is due by itself; None where the run is over."""
        raw = self._store.get(*key)
        if raw is None:
            self._applier.forget(key)
            return None
        if raw["metadata"].get("deletionTimestamp"):
            return None
        status = EvaluationStatus()
        try:
            status = EvaluationStatus.model_validate(raw.get("status") or {})
            if status.phase and status.phase.finished:
                return None
            if status.started_at:
                return await self._follow(key, raw, status)
            return await self._begin(key, raw, EvaluationSpec.model_validate(raw.get("spec") or {}), status)
        except CannotRunError as why:
            if why.waits:
                waiting = {"phase": EvaluationPhase.PENDING, "message": clipped(str(why))}
                await self._write(raw, status.model_copy(update=waiting))
                return _WAIT
            await self._end(raw, status, EvaluationPhase.ERROR, str(why))
        except ValidationError as error:
            await self._end(raw, status, EvaluationPhase.ERROR, parse_errors(error))
        return None

    # --- beginning ------------------------------------------------------------------------------------------

    async def _begin(self, key: Key, raw: Raw, spec: EvaluationSpec, status: EvaluationStatus) -> float | None:
        if self._store.get("LLMApp", key.namespace, spec.app) is None:
            raise CannotRunError(f"spec.app: there is no LLMApp {spec.app!r} in this namespace; correct the name")
        release = self._release("release", key.namespace, spec, spec.release)
        baseline = self._release("baseline", key.namespace, spec, spec.baseline) if spec.baseline else None
        suite = self._suite(key.namespace, spec)
        dataset_hash = await self._dataset_hash(key.namespace, suite)
        if dataset_hash and not spec.fresh and (equal := self._equal_run(key, spec, suite.hash, dataset_hash)):
            name, result = equal
            known = result.model_copy(update={"cached_from": name, "started_at": None, "conditions": status.conditions})
            assert known.phase is not None
            await self._end(raw, known, known.phase, known.message)
            return None
        run = EvaluationRun(
            evaluation=key.name,
            uid=_uid(raw),
            namespace=key.namespace,
            app=spec.app,
            release=spec.release,
            baseline=spec.baseline,
            release_address=f"http://127.0.0.1:{serving_port(release)}",
            baseline_address=f"http://{spec.baseline}.{key.namespace}.svc:{serving_port(baseline)}"
            if baseline
            else None,
            models=list(suite.judges),
            model=release.content.model,
            baseline_model=baseline.content.model if baseline else None,
            suite=suite.spec,
        )
        await self._start(key, run_objects(run, release, self._image, owner("Evaluation", key.name, _uid(raw))))
        begun = {
            "phase": EvaluationPhase.PENDING,
            "message": "",
            "suite_hash": suite.hash,
            # What the pod will read may have changed by then: it tells.
            "dataset_hash": None if suite.spec.dataset.config_map_ref else dataset_hash,
            "evaluator_image": self._image,
            "started_at": self._clock(),
        }
        await self._write(raw, status.model_copy(update=begun))
        return _ASK_AGAIN

    async def _start(self, key: Key, objects: list[Object]) -> None:
        settings, job = objects
        for problem in (await self._applier.obstacles([settings])).values():
            raise CannotRunError(str(problem), waits=problem.waits)
        try:
            if refusal := await self._applier.apply(key, [settings]):
                raise refusal
            await self._cluster.apply(job)
        except ApiError as refusal:
            if not refusal.permanent:
                raise
            raise CannotRunError(f"the API server refuses what it needs: {refusal}") from refusal

    def _suite(self, namespace: str, spec: EvaluationSpec) -> Suite:
        def lookup(kind: str, name: str) -> Raw | None:
            return self._store.get(kind, namespace, name)

        suite, problems = resolve_suite(spec.suite, namespace, lookup)
        if suite is None:
            raise CannotRunError("; ".join(map(str, problems)), waits=all(problem.waits for problem in problems))
        if spec.suite_hash and spec.suite_hash != suite.hash:
            raise CannotRunError(
                f"EvaluationSuite {spec.suite!r} changed since this run was asked for; ask for another"
            )
        return suite

    def _release(self, field: str, namespace: str, spec: EvaluationSpec, name: str) -> ReleaseSpec:
        raw = self._store.get("Release", namespace, name)
        release = ReleaseSpec.model_validate(raw.get("spec")) if raw else None
        if release is None or release.app != spec.app:
            raise CannotRunError(
                f"spec.{field}: {spec.app!r} has no Release {name!r}; kubectl get releases shows those it has",
                # A rollout's own run is made together with its Release, which may be seen later.
                waits=spec.purpose is not Purpose.MANUAL,
            )
        return release

    async def _dataset_hash(self, namespace: str, suite: Suite) -> str | None:
        """SHA-256 of what will be read, where that is known before it is."""
        dataset = suite.spec.dataset
        try:
            rows = await rows_held(self._cluster, namespace, dataset)
            await require_volumes(self._cluster, namespace, suite.spec)
        except MissingError as missing:
            raise CannotRunError(f"EvaluationSuite {suite.name!r}: {missing}") from missing
        if rows is not None:
            return hashlib.sha256(rows).hexdigest()
        if dataset.remote:
            return dataset.remote.sha256
        if dataset.built_in:
            return hashlib.sha256(f"{dataset.built_in} of {self._image}".encode()).hexdigest()
        return suite.hash if dataset.rows else None

    def _equal_run(
        self, key: Key, spec: EvaluationSpec, suite_hash: str, dataset_hash: str
    ) -> tuple[str, EvaluationStatus] | None:
        """A finished run of the same suite on the same rows, releases and all, and its result."""
        for other in reversed(self._store.owned(Key("LLMApp", key.namespace, spec.app))):
            if other["kind"] != "Evaluation" or other["metadata"]["name"] == key.name:
                continue
            try:
                asked = EvaluationSpec.model_validate(other.get("spec"))
                status = EvaluationStatus.model_validate(other.get("status") or {})
            except ValidationError:
                continue  # of another version of the operator
            basis = (status.suite_hash, status.dataset_hash, status.evaluator_image)
            same = basis == (suite_hash, dataset_hash, self._image)
            judged = status.phase in (EvaluationPhase.PASSED, EvaluationPhase.FAILED)
            if same and judged and (asked.release, asked.baseline) == (spec.release, spec.baseline):
                return status.cached_from or other["metadata"]["name"], status
        return None

    # --- following ------------------------------------------------------------------------------------------

    async def _follow(self, key: Key, raw: Raw, status: EvaluationStatus) -> float | None:
        pods = [pod for pod in self._store.owned(key) if pod["kind"] == "Pod" and of_its_job(pod, key.name)]
        problem = next(filter(None, map(problem_of, pods)), None)
        job = await self._job(key, raw) if any(result_of(pod) or keeps_crashing(pod) for pod in pods) else None
        # Anybody who may make a pod could give it the label and a result.
        for pod in (pod for pod in pods if job and belongs_to(pod, _uid(job))):
            if summary := result_of(pod):
                await self._end(raw, _with(status, summary), summary.phase, summary.message)
                return None
            if job and (why := keeps_crashing(pod)):
                await self._end(raw, status, EvaluationPhase.ERROR, why)
                await self._cluster.delete(JOBS, key.namespace, key.name, _uid(job))
                return None
        running = [pod for pod in pods if runs(pod)]
        if running:
            try:
                text = await self._pods.get(running[-1], PROGRESS_PORT, "/progress")
                summary = EvaluationSummary.model_validate_json(text)
            except (UnreachableError, ValidationError) as error:
                log.info("%s %s/%s: its progress can't be read: %s", *key, error)
                problem = problem or f"pod {running[-1]['metadata']['name']} does not tell how far it is"
            else:
                now = {"phase": EvaluationPhase.RUNNING, "message": clipped(printable(summary.message))}
                await self._write(raw, _with(status, summary).model_copy(update=now))
                return _ASK_AGAIN
        # Also of one that seems to run: nobody tells of what happens on a node that is lost.
        if over := self._why_over(job or await self._job(key, raw), status):
            raise CannotRunError(f"{over}: {problem}" if problem else over)
        message = clipped(printable(problem or still_starts(key, pods)))
        await self._write(raw, status.model_copy(update={"message": message}))
        return _ASK_AGAIN if running else _WAIT

    async def _job(self, key: Key, raw: Raw) -> Raw | None:
        """The run's own Job."""
        job = await self._cluster.find(JOBS, key.namespace, key.name)
        return job if job and belongs_to(job, _uid(raw)) else None

    def _why_over(self, job: Raw | None, status: EvaluationStatus) -> str | None:
        """Why no result will come, where none will."""
        assert status.started_at is not None
        if job is None:
            return "its Job was deleted before it had a result; ask for another run"
        for condition in (job.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "Failed" and condition.get("status") == "True":
                return f"its Job failed: {condition.get('reason')}: {condition.get('message')}"
        limit = timedelta(seconds=job["spec"].get("activeDeadlineSeconds", MARGIN_SECONDS) + MARGIN_SECONDS)
        if self._clock() > status.started_at + limit:
            return "its Job has not ended in time"
        return None

    # --- telling --------------------------------------------------------------------------------------------

    async def _end(self, raw: Raw, status: EvaluationStatus, phase: EvaluationPhase, message: str) -> None:
        meta, now, said = raw["metadata"], self._clock(), clipped(printable(message))
        ended = status.model_copy(update={"phase": phase, "message": said, "finished_at": now})
        notice = Notice(f"Evaluation{phase}", said, warning=phase is not EvaluationPhase.PASSED)
        (news,) = announcements([notice], now)
        # First: once the status says it, nobody knows that it is still to be told.
        await tell(self._cluster, raw, "Evaluation", news, str(meta["generation"]))
        await self._write(raw, ended)
        EVALUATIONS.inc(meta["namespace"], str((raw.get("spec") or {}).get("app", "")), phase)

    async def _write(self, raw: Raw, status: EvaluationStatus) -> None:
        phase = status.phase or EvaluationPhase.PENDING
        failed = phase in (EvaluationPhase.FAILED, EvaluationPhase.ERROR)
        conditions = kstatus(
            raw["metadata"]["generation"],
            self._clock(),
            ready=phase is EvaluationPhase.PASSED,
            reconciling=not phase.finished,
            stalled=failed,
            reason=phase,
            message=status.message or status.progress or phase,
        )
        wanted = status.model_copy(
            update={
                "observed_generation": raw["metadata"]["generation"],
                "conditions": merge(status.conditions, conditions),
            }
        )
        if wanted.to_manifest() != (raw.get("status") or {}):
            # Not put into the store here: the watch brings it, and with it a reconcile of the app that waits for it.
            await self._cluster.write_status(BY_KIND["Evaluation"], raw, wanted.to_manifest())


def evaluations_to_clear(owned: Iterable[Raw], wanted: Container[str], limit: int) -> list[Raw]:
    """The operator's own runs that nobody waits for any more, but the newest `limit` of those with a result.

    One that is wanted stays however many there are: it would be run again.
    """
    made = [raw for raw in owned if raw["kind"] == "Evaluation" and raw["metadata"].get("ownerReferences")]
    unwanted = [raw for raw in made if raw["metadata"]["name"] not in wanted]
    finished = [raw for raw in unwanted if _phase(raw).finished]
    return [*(raw for raw in unwanted if not _phase(raw).finished), *finished[:-limit]]


def _phase(raw: Raw) -> EvaluationPhase:
    try:
        return EvaluationPhase(str((raw.get("status") or {}).get("phase")))
    except ValueError:
        return EvaluationPhase.PENDING


def printable(text: str) -> str:
    """Text that others wrote, without what a terminal would take for a command."""
    return "".join(character if character.isprintable() else " " for character in text)


def _with(status: EvaluationStatus, summary: EvaluationSummary) -> EvaluationStatus:
    """The status with what the pod tells."""
    return status.model_copy(
        update={
            "progress": f"{summary.done}/{summary.total}",
            "dataset_hash": status.dataset_hash or summary.dataset_hash,
            "evaluators": summary.evaluators,
            "worst": [
                row.model_copy(update={"id": printable(row.id), "reason": printable(row.reason)})
                for row in summary.worst
            ],
            "tokens": summary.tokens,
            "cost": summary.cost,
        }
    )


def _uid(raw: Raw) -> str:
    return str(raw["metadata"]["uid"])
