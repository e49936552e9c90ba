"""The release that serves is evaluated again by a schedule: models change without anybody's change."""

from datetime import timedelta
from typing import Any

import pytest

from genaiops.api.evaluation import Purpose
from rollout.scenario import Story, app

NIGHTLY = "0 3 * * *"


def found(passed: int) -> dict[str, Any]:
    """A run in which so many of 100 answers passed."""
    result = {"name": "f1", "type": "F1", "judged": 100, "passed": passed, "ok": passed >= 90}
    return {"message": f"f1: {passed} of 100 answers pass", "evaluators": [result]}


def watched(**use: Any) -> Story:
    """v2 passed the suite with 97 of 100 answers and serves since 12:00; v1 served before."""
    return (
        app()
        .serving("v1")
        .with_suites("golden", schedule=NIGHTLY, **use)
        .when_prompt("v2")
        .when_evaluation("golden", "Passed", **found(97))
        .when_all_settles()
        .then(stable="v2", phase="Healthy")
    )


def scheduled(story: Story) -> list[str]:
    return [name for name, run in story.world.runs.items() if run.spec.purpose is Purpose.SCHEDULE]


def test_nothing_is_asked_before_its_time() -> None:
    story = watched().when_time_passes("14h59m").then(phase="Healthy", conditions={"Drifted": "False"})

    assert scheduled(story) == []


def test_at_its_time_it_is_asked_once_and_serves_on() -> None:
    story = watched().when_time_passes("15h1m").then(phase="Healthy", stable="v2").then_nothing_changes()

    (name,) = scheduled(story)
    run = story.world.runs[name].spec
    assert (run.release, run.baseline, run.fresh) == (story.name("v2"), None, True)


def test_a_run_that_takes_longer_than_a_day_is_not_asked_twice() -> None:
    story = watched().when_time_passes("15h1m").when_time_passes("99h")

    assert len(scheduled(story)) == 1


def test_doing_as_before_is_no_drift_and_it_is_asked_again_the_next_day() -> None:
    story = (
        watched()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Passed", **found(95))
        .then(conditions={"Drifted": "False"})
        .when_time_passes("24h")
    )

    assert len(scheduled(story)) == 2


def test_doing_worse_is_told_and_changes_nothing() -> None:
    (
        watched()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .then(
            phase="Healthy",
            stable="v2",
            conditions={"Drifted": "True"},
            event=("Drifted", "60 of 100 answers pass, 97 of 100 did"),
        )
        .then_nothing_changes()
    )


def test_drift_ends_when_it_does_as_before_again() -> None:
    (
        watched()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .when_time_passes("24h")
        .when_evaluation("golden", "Passed", **found(96))
        .then(conditions={"Drifted": "False"}, event=("DriftEnded", "96 of 100"))
    )


def test_drift_goes_back_where_the_app_asks_for_that() -> None:
    (
        watched(onDrift="Rollback")
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .when_all_settles()
        .then(stable="v1", aborted="v2", phase="Degraded", says="drift on golden")
        .then_nothing_changes()
    )


def test_what_drifted_is_no_release_to_go_back_to_without_proof() -> None:
    story = (
        watched(onDrift="Rollback")
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .when_all_settles()
        .then(stable="v1")
        .when_prompt("v3")
        .when_evaluation("golden", "Passed", **found(97))
        .when_all_settles()
        .then(stable="v3")
        .when_prompt("v2")
    )

    story.then(stable="v3", candidate="v2", phase="Progressing", says="evaluation: golden")
    assert ("v2", "RolledBack") in story.outcome.history


def test_drift_without_anything_to_go_back_to_is_told() -> None:
    (
        app()
        .with_suites("golden", schedule=NIGHTLY, onDrift="Rollback")
        .when_prompt("v1")
        .when_evaluation("golden", "Passed", **found(97))
        .when_all_settles()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .then(stable="v1", phase="Healthy", conditions={"Drifted": "True"})
    )


def test_a_run_without_result_is_told_and_is_no_drift() -> None:
    (
        watched(onDrift="Rollback")
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Error", message="the judge answers 401")
        .then(stable="v2", conditions={"Drifted": "False"}, event=("EvaluationError", "the judge answers 401"))
    )


def test_what_was_never_evaluated_is_compared_with_its_first_scheduled_run() -> None:
    story = app().serving("v1").with_suites("golden", schedule=NIGHTLY).when_reconciled().when_time_passes("15h1m")
    story.when_evaluation("golden", "Passed", **found(97)).when_time_passes("24h")

    story.when_evaluation("golden", "Failed", **found(60)).then(conditions={"Drifted": "True"})


def test_other_questions_begin_anew() -> None:
    (
        watched()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .when_suite_asks("golden", "Goodbye?")
        .then(conditions={"Drifted": "False"})
    )


def test_a_result_on_old_questions_is_no_reference_for_new_ones() -> None:
    (
        watched()
        .when_time_passes("15h1m")
        .when_suite_asks("golden", "Goodbye?")
        .when_evaluation("golden", "Failed", **found(10))
        .when_time_passes("24h")
        .when_evaluation("golden", "Passed", **found(97))
        .when_time_passes("24h")
        .when_evaluation("golden", "Failed", **found(60))
        .then(conditions={"Drifted": "True"}, event=("Drifted", "60 of 100 answers pass, 97 of 100 did"))
    )


@pytest.mark.parametrize("other", [{"datasetHash": "b" * 64}, {"evaluatorImage": "evaluator:2"}])
def test_other_rows_or_another_judge_are_no_drift(other: dict[str, Any]) -> None:
    story = (
        app()
        .serving("v1")
        .with_suites("golden", schedule=NIGHTLY, onDrift="Rollback")
        .when_prompt("v2")
        .when_evaluation("golden", "Passed", datasetHash="a" * 64, evaluatorImage="evaluator:1", **found(97))
        .when_all_settles()
        .when_time_passes("15h1m")
    )
    now = {"datasetHash": "a" * 64, "evaluatorImage": "evaluator:1"} | other

    story.when_evaluation("golden", "Failed", **now, **found(60)).then(stable="v2", conditions={"Drifted": "False"})
    story.when_time_passes("24h").when_evaluation("golden", "Failed", **now, **found(20)).when_all_settles()
    story.then(stable="v1", aborted="v2")


def test_a_suite_that_only_reports_keeps_no_other_from_going_back() -> None:
    story = (
        app()
        .serving("v1")
        .with_uses(
            {"suite": "golden", "schedule": NIGHTLY},
            {"suite": "red-team", "schedule": NIGHTLY, "onDrift": "Rollback"},
        )
        .when_prompt("v2")
        .when_evaluation("golden", "Passed", **found(97))
        .when_evaluation("red-team", "Passed", **found(97))
        .when_all_settles()
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .then(stable="v2", conditions={"Drifted": "True"})
    )

    story.when_evaluation("red-team", "Failed", **found(60)).when_all_settles()
    story.then(stable="v1", aborted="v2", says="drift on red-team")


def test_who_is_tried_again_after_drift_and_passes_stays() -> None:
    (
        watched(onDrift="Rollback")
        .when_time_passes("15h1m")
        .when_evaluation("golden", "Failed", **found(60))
        .when_all_settles()
        .then(stable="v1", aborted="v2")
        .when_person("Retry", "v2")
        .when_evaluation("golden", "Passed", **found(91))
        .when_all_settles()
        .then(stable="v2", phase="Healthy", conditions={"Drifted": "False"})
        .when_time_passes("24h")
        .when_evaluation("golden", "Passed", **found(90))
        .then(stable="v2", conditions={"Drifted": "False"})
    )


def test_a_clock_that_is_put_back_does_not_put_it_off() -> None:
    story = watched()
    story.world.now -= timedelta(days=365)

    assert len(scheduled(story.when_reconciled().when_time_passes("24h"))) == 1


def test_a_rollout_has_its_own_evaluation_and_nothing_is_asked_beside() -> None:
    story = watched().with_steps(25, {"pause": {}}).when_prompt("v3").when_time_passes("48h")

    assert scheduled(story) == []


@pytest.mark.parametrize("schedule", ["* * * *", "61 * * * *", "0 0 30 2 *", "at three o'clock or so"])
def test_a_schedule_that_never_comes_due_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        app().with_suites("golden", schedule=schedule)


def test_a_spec_that_can_t_be_resolved_for_a_while_costs_no_run() -> None:
    # given a scheduled run
    story = watched().when_time_passes("15h1m")
    (name,) = scheduled(story)
    prompt = story.world.objects.pop(("Prompt", "support"))
    # when the prompt is gone for a while
    story.when_reconciled().then(stable="v2", phase="Degraded")
    assert name in story.world.plan().evaluate
    story.world.objects["Prompt", "support"] = prompt
    # then what it finds is still heard
    story.when_evaluation("golden", "Failed", **found(60)).then(conditions={"Drifted": "True"})
    assert scheduled(story) == [name]
