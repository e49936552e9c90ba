"""plan(): what an app's releases have to do next.

No I/O, no clock, no randomness. The numbers in comments are the rules of docs/rollouts.md.
"""

from dataclasses import replace
from datetime import datetime

from genaiops.api.llmapp_status import Result
from genaiops.release.resolve import Target
from genaiops.rollout.advance import Advance
from genaiops.rollout.clock import begun_by
from genaiops.rollout.course import Course
from genaiops.rollout.due import next_question
from genaiops.rollout.monitoring import keep_monitoring
from genaiops.rollout.people import hear
from genaiops.rollout.report import report
from genaiops.rollout.snapshot import Plan, Routes, Snapshot
from genaiops.rollout.steps import testers_at
from genaiops.rollout.watching import keep_watch


def plan(snapshot: Snapshot, now: datetime) -> Plan:
    """What has to be true next for this app."""
    snapshot = replace(snapshot, status=begun_by(now, snapshot.status))
    course = Course(snapshot, now)
    hear(course)
    keep_watch(course)
    _end_what_is_not_wanted(course)
    _begin_what_is_wanted(course)
    keep_monitoring(course)
    moved = _advance(course)
    draining = _drain(course)
    return Plan(
        status=report(snapshot, course.status(), now),
        routes=_routes(course, moved),
        replicas=_replicas(course, moved, draining),
        draining=draining,
        create=_create(course, moved),
        evaluate=course.evaluate,
        prune=_prunable(course),
        notices=tuple(course.notices),
        at=min(course.wake, default=None),
    )


# --- beginning and ending ----------------------------------------------------------------------------------


def _end_what_is_not_wanted(course: Course) -> None:
    target, rollout = course.seen.resolution.target, course.rollout
    if target is None:
        return
    if course.aborted and course.aborted != target.name:
        course.aborted = None
    if rollout is None or rollout.release == target.name or (rollout.undo and course.aborted == target.name):
        return
    # 5: a new change supersedes; going back to what is stable takes the candidate's traffic at once.
    if target.name == course.stable:
        course.end(Result.ROLLED_BACK, "BackToStable", "the spec asks for the stable release again")
    else:
        course.end(Result.SUPERSEDED, "NewChange", f"a newer change asks for {target.name}")


def _begin_what_is_wanted(course: Course) -> None:
    target = course.seen.resolution.target
    if course.rollout is None and target and target.name not in (course.stable, course.aborted):
        course.begin(target.name)


def _advance(course: Course) -> Advance | None:
    """Move the rollout on; what ends by that ends here."""
    if course.rollout is None:
        return None
    moved = Advance(course.seen, course.now, course.stable, course.rollout)
    moved.run()
    course.rollout = moved.rollout
    if not moved.ended:
        course.evaluate |= moved.evaluate
    course.notices += moved.notices
    course.wake += moved.wake
    present = {one.release for one in course.rollout.compared}
    gone = dict.fromkeys((*course.retiring, *moved.left))
    course.retiring = [release for release in gone if release not in present]
    if moved.ended:
        course.end(*moved.ended, baseline=moved.baseline)
    return moved


# --- what follows from it ----------------------------------------------------------------------------------


def _create(course: Course, moved: Advance | None) -> tuple[Target, ...]:
    target, known = course.seen.resolution.target, course.seen.releases
    wanted = (target, *(moved.create if moved and course.rollout else ()))
    return tuple(one for one in wanted if one and one.name not in known)


def _routes(course: Course, moved: Advance | None) -> Routes:
    rollout = course.rollout
    if rollout is None or moved is None or not moved.may_run:
        waiting = rollout.release if rollout else None
        backends = tuple(release for release in course.live() if release != waiting)
        return Routes(course.stable, backends=backends)
    unready = {one.release for one in rollout.compared} - moved.variant_pods.keys()
    backends = tuple(release for release in course.live() if release not in unready)
    if course.stable is None:
        return Routes(rollout.release, backends=backends)
    ready = course.seen.workload(rollout.release).ready
    return Routes(
        course.stable,
        rollout.release,
        rollout.weight,
        backends,
        # 3: a backend without pods gets nothing, whoever asks for it.
        testers=testers_at(moved.steps, rollout.step) if ready else (),
        shadow=moved.copies if ready else 0,
        variants={one.release: one.weight for one in rollout.compared if one.weight},
    )


def _replicas(course: Course, moved: Advance | None, draining: tuple[str, ...]) -> dict[str, int]:
    seen, replicas = course.seen, course.seen.spec.replicas
    running = {}
    if course.stable:
        # 3: stable keeps its full size until the candidate has taken over.
        running[course.stable] = replicas
    if course.watch:
        running[course.watch.previous] = replicas
    if course.rollout and moved and moved.pods:
        running[course.rollout.release] = moved.pods
    if course.rollout and moved:
        running |= moved.variant_pods
    for release in course.retiring:
        if release not in draining:
            running[release] = seen.workload(release).replicas
    return running


def _drain(course: Course) -> tuple[str, ...]:
    """4: a release's pods go once the gateway says that no request is sent to them, its address once they went."""
    weights = course.seen.gateway.weights
    draining = []
    for release in list(course.retiring):
        workload = course.seen.workload(release)
        if not workload.exists and workload.pods == 0:
            course.retiring.remove(release)
        elif not workload.exists or (weights is not None and weights.get(release, 0) == 0):
            draining.append(release)
        else:
            since = course.history[-1].finished_at if course.history else course.now
            course.wake.append(next_question(course.now, since))
    return tuple(draining)


def _prunable(course: Course) -> tuple[str, ...]:
    keep = {*course.live(), course.aborted}
    limit = course.seen.spec.revision_history_limit
    old = [name for name in course.seen.releases if name not in keep]
    return tuple(old[: max(0, len(course.seen.releases) - limit)])
