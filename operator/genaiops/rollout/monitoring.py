"""The release that serves, evaluated again by a schedule: does it still do as well as when it was evaluated first?

A model behind an endpoint changes without anybody's change; so do the documents that a retrieval finds. A rollout under
way has its own evaluation, so nothing is asked meanwhile.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from cronsim import CronSim

from genaiops.analysis.drift import Worse, worse
from genaiops.api.evaluation import EvaluationPhase, EvaluationSpec, EvaluationStatus, Purpose
from genaiops.api.llmapp import EvaluationUse, OnDrift
from genaiops.api.llmapp_status import Monitored, Share
from genaiops.release.resolve import Suite
from genaiops.rollout.conditions import clipped
from genaiops.rollout.course import Course
from genaiops.rollout.decisions import DRIFTED, served_before
from genaiops.rollout.evaluating import run_name, under_way


def keep_monitoring(course: Course) -> None:
    """Ask for what is due, take up what has ended, and go back where that is what the app asks for."""
    target = course.seen.resolution.target
    suites = {suite.name: suite for suite in target.suites} if target else {}
    # What is known of a release ends when it serves no more: should it come back, it has proved itself anew.
    course.monitored = [one for one in course.monitored if one.release == course.stable]
    if target is None and not (course.rollout or course.watch):
        # Nobody knows what is wanted: what is asked already goes on, and nothing else is asked.
        course.evaluate |= under_way(course.seen.runs, (one.evaluation for one in course.monitored))
        return
    if course.rollout or course.watch or target is None or target.name != course.stable:
        # What is under way would tell of a release that may not be there any more.
        course.monitored = [one.model_copy(update={"evaluation": None}) for one in course.monitored]
        return
    known = {one.suite: one for one in course.monitored}
    course.monitored = []
    for use in course.seen.spec.evaluations:
        if use.schedule and use.suite in suites:
            before = known.get(use.suite) or Monitored(suite=use.suite, release=course.stable, asked_at=course.now)
            course.monitored.append(_monitored(course, use, use.schedule, suites[use.suite], before))
    decides = {use.suite for use in course.seen.spec.evaluations if use.on_drift is OnDrift.ROLLBACK}
    bad = next((one for one in course.monitored if one.drift and one.suite in decides), None)
    if bad:
        _go_back(course, bad)


def _monitored(course: Course, use: EvaluationUse, schedule: str, suite: Suite, one: Monitored) -> Monitored:
    one = _with_result(course, suite, one)
    due = next(CronSim(schedule, one.asked_at.astimezone(UTC)))
    run = course.seen.runs.get(one.evaluation or "")
    if one.evaluation and (run is None or not (run.status.phase and run.status.phase.finished)):
        due = max(due, course.now)  # one at a time
    elif course.now >= due:
        one = one.model_copy(update={"asked_at": course.now, "evaluation": _name(course, suite, course.now)})
        due = next(CronSim(schedule, course.now.astimezone(UTC)))
    if one.evaluation:
        course.evaluate[one.evaluation] = EvaluationSpec(
            app=course.seen.name,
            suite=suite.name,
            release=one.release,
            purpose=Purpose.SCHEDULE,
            fresh=True,
        )
    if due > course.now:
        course.wake.append(due)
    return one


def _with_result(course: Course, suite: Suite, one: Monitored) -> Monitored:
    """What the last run found, once it has."""
    if one.suite_hash not in (None, suite.hash):
        # Other questions: what was found by the old ones says nothing.
        one = Monitored(suite=one.suite, release=one.release, asked_at=one.asked_at, evaluation=one.evaluation)
    if not one.reference and (passed := _when_it_was_a_candidate(course, suite, one.release)):
        one = one.model_copy(update=_reference(suite, passed))
    run = course.seen.runs.get(one.evaluation or "")
    if run is None or not (run.status.phase and run.status.phase.finished):
        return one
    if run.status.suite_hash not in (None, suite.hash):
        return one
    told = {"message": run.status.message}
    if run.status.phase is EvaluationPhase.ERROR:
        if one.message != run.status.message:
            course.notify("EvaluationError", f"{one.release}: {one.suite}: {run.status.message}", warning=True)
        return one.model_copy(update=told)
    if not one.reference or (one.dataset_hash, one.evaluator_image) != _asked_by(run.status):
        # Other rows, or another judge (a newer operator's): nothing that the release could be blamed for.
        drift = ""
        one = one.model_copy(update={**_reference(suite, run.status), "drift": one.drift})
    else:
        drift = clipped("; ".join(map(str, _drifts(suite, one.reference, _shares(run.status)))))
    if drift and drift != one.drift:
        course.notify(DRIFTED, f"{one.release}: {one.suite}: {drift}", warning=True)
    elif one.drift and not drift:
        course.notify("DriftEnded", f"{one.release}: {one.suite}: {run.status.message}")
    return one.model_copy(update={**told, "drift": drift})


def _when_it_was_a_candidate(course: Course, suite: Suite, release: str) -> EvaluationStatus | None:
    for run in reversed(list(course.seen.runs.values())):
        same = run.spec.release == release and run.spec.suite_hash == suite.hash
        if same and run.spec.purpose is Purpose.GATE and run.status.phase is EvaluationPhase.PASSED:
            return run.status
    return None


def _reference(suite: Suite, status: EvaluationStatus) -> dict[str, object]:
    dataset, image = _asked_by(status)
    basis = {"suite_hash": suite.hash, "dataset_hash": dataset, "evaluator_image": image}
    return {**basis, "reference": _shares(status)}


def _asked_by(status: EvaluationStatus) -> tuple[str | None, str | None]:
    return status.dataset_hash, status.evaluator_image


def _shares(status: EvaluationStatus) -> list[Share]:
    return [Share(evaluator=one.name, judged=one.judged, passed=one.passed) for one in status.evaluators]


def _drifts(suite: Suite, reference: list[Share], shares: list[Share]) -> Iterator[Worse]:
    before = {share.evaluator: share for share in reference}
    for share in shares:
        if share.evaluator in before:
            found = worse(before[share.evaluator], share, float(suite.spec.pass_.max_regression))
            if found:
                yield found


def _go_back(course: Course, one: Monitored) -> None:
    earlier = [release for release in served_before(course.status()) if release in course.seen.releases]
    if not earlier:
        return
    course.leave(earlier[0], DRIFTED, f"drift on {one.suite}: {one.drift}", one)


def _name(course: Course, suite: Suite, at: datetime) -> str:
    identity = f"{course.seen.name}/{suite.name}/{suite.hash}/{course.stable}/{at.isoformat()}"
    return run_name(course.seen.name, "s", identity)
