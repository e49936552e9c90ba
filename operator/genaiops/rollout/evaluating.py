"""The gate before a candidate's first request: the suites that it has to pass.

Rule 1 of docs/rollouts.md. Each suite is one Evaluation, whose name follows from what it is about: the same rollout
asks for the same run, whoever reconciles it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from genaiops.api.evaluation import EvaluationPhase, EvaluationSpec, EvaluationStatus, Purpose, WorstRow
from genaiops.api.llmapp_status import RolloutStatus, Standing
from genaiops.release.resolve import Suite, Target
from genaiops.rollout.conditions import clipped
from genaiops.rollout.snapshot import Run

_APP_CHARACTERS: Final = 40
_NOT_PASSED: Final = (EvaluationPhase.FAILED, EvaluationPhase.ERROR)


@dataclass(frozen=True)
class Exam:
    """A suite and the run that decides on it."""

    suite: Suite
    name: str
    spec: EvaluationSpec


def exams(app: str, target: Target, stable: str | None, rollout: RolloutStatus) -> tuple[Exam, ...]:
    """What a candidate, or a variant beside it, has to pass in this rollout."""
    return tuple(_exam(app, target.name, suite, rollout, stable) for suite in target.suites)


def _exam(app: str, release: str, suite: Suite, rollout: RolloutStatus, stable: str | None) -> Exam:
    spec = EvaluationSpec(
        app=app,
        suite=suite.name,
        release=release,
        baseline=stable,
        purpose=Purpose.GATE,
        suite_hash=suite.hash,
        fresh=rollout.retried,
    )
    identity = f"{spec.model_dump_json(exclude_defaults=True)}{rollout.started_at.isoformat()}"
    return Exam(suite, run_name(app, "e", identity), spec)


def run_name(app: str, sort: str, identity: str) -> str:
    """The name of the Evaluation that is identified by this text: short enough to name its Job, too."""
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return f"{app[:_APP_CHARACTERS]}-{sort}-{digest}"


def under_way(runs: Mapping[str, Run], names: Iterable[str | None]) -> dict[str, EvaluationSpec]:
    """Those of these runs that are there, as they were asked for."""
    return {name: runs[name].spec for name in names if name and name in runs}


def standing(exam: Exam, runs: Mapping[str, Run]) -> Standing:
    """Where a candidate stands with one suite."""
    run = runs.get(exam.name)
    if run is None:
        return Standing(suite=exam.suite.name, evaluation=exam.name, phase=EvaluationPhase.PENDING)
    if run.spec != exam.spec:
        message = f"an Evaluation {exam.name!r} exists that is not the operator's: delete it, and retry the release"
        return Standing(
            suite=exam.suite.name, evaluation=exam.name, phase=EvaluationPhase.ERROR, message=clipped(message)
        )
    return Standing(
        suite=exam.suite.name,
        evaluation=exam.name,
        phase=run.status.phase or EvaluationPhase.PENDING,
        message=clipped(_tells(run.status)),
    )


def not_passed(stands: Iterable[Standing]) -> Standing | None:
    """The first that ended otherwise than well."""
    return next((one for one in stands if one.phase in _NOT_PASSED), None)


def still_open(stands: Iterable[Standing]) -> str | None:
    """How far those are that have not passed, in words; None where all have."""
    open_ones = [one for one in stands if one.phase is not EvaluationPhase.PASSED]
    return (
        f"evaluation: {', '.join(f'{one.suite} {one.message or one.phase}' for one in open_ones)}"
        if open_ones
        else None
    )


def _tells(status: EvaluationStatus) -> str:
    if not (status.phase and status.phase.finished):
        return "; ".join(filter(None, (status.progress, status.message)))
    worst = "; ".join(map(_row, status.worst)) if status.phase is EvaluationPhase.FAILED else ""
    return f"{status.message}; worst: {worst}" if worst else status.message


def _row(row: WorstRow) -> str:
    score = f" {row.score.normalize():f}" if row.score is not None else ""
    return f"{row.id} ({row.evaluator}{score}{': ' if row.reason else ''}{row.reason})"
