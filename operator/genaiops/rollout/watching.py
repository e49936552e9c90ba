"""The time after a promotion: the new stable release is judged on, and a breach goes back to the one before it."""

from genaiops.analysis.window import STABLE
from genaiops.api.base import format_duration
from genaiops.rollout.comparison import of_watch
from genaiops.rollout.course import Course
from genaiops.rollout.decisions import BREACH
from genaiops.rollout.live import judged
from genaiops.rollout.steps import part_of_alpha


def keep_watch(course: Course) -> None:
    """Rule 10 of docs/rollouts.md, as far as it goes now."""
    watch, seen, now = course.watch, course.seen, course.now
    if watch is None:
        return
    compared = of_watch(watch, seen.policy)
    readings, part = seen.readings.get(watch.release), part_of_alpha(seen.policy, None)
    found = judged(compared.analysis, watch.analysis, readings, now, part)
    if found:
        window = found.window
        if watch.analysis is None:
            # The release before has no traffic any more: what it did while it had some is what counts.
            totals = {**window.totals, STABLE: watch.baseline}
            window = window.model_copy(update={"totals": totals})
        watch = course.watch = watch.model_copy(update={"analysis": window, "verdicts": found.verdicts})
        if found.breach:
            course.go_back(BREACH, f"{found.breach.message} (after its promotion)")
            return
    if now >= watch.until:
        course.notify("WatchEnded", f"{watch.release}: no breach in {format_duration(watch.until - watch.started_at)}")
        course.end_watch()
        return
    course.wake.append(watch.until)
    if again := of_watch(watch, seen.policy).again(now):
        course.wake.append(again)
