"""The gate before a candidate's first request: suites that it has to pass, on the same rows as stable."""

from rollout.scenario import Story, app

PASSED = {"message": "f1: 9 of 10 answers pass (60 to 98 %), needs 90 %"}
FAILED = {
    "message": "f1: 2 of 10 answers pass (6 to 51 %), needs 90 %; stable 95 %",
    "worst": [
        {"id": "q7", "evaluator": "f1", "score": "0.1"},
        {"id": "q2", "evaluator": "judge", "score": "1", "reason": "answers another question"},
    ],
}


def under_evaluation() -> Story:
    """v1 serves; v2 has to pass the suite `golden`, and nothing is known yet."""
    return app().with_steps(25).serving("v1").with_suites("golden").when_prompt("v2")


def test_a_candidate_that_is_evaluated_has_no_pod_and_no_deadline() -> None:
    story = under_evaluation().with_rollout(progressDeadline="1m").when_time_passes("99h").when_all_settles()

    story.then(candidate="v2", pods={"v1": 1}, weight=0, phase="Progressing", says="evaluation: golden").then(
        aborted=None
    ).then_nothing_changes()
    (run,) = story.world.runs.values()
    assert (run.spec.suite, run.spec.release, run.spec.baseline) == ("golden", story.name("v2"), story.name("v1"))
    assert run.spec.purpose == "Gate"


def test_how_far_it_is_can_be_read() -> None:
    under_evaluation().when_evaluation("golden", "Running", progress="120/500").then(
        phase="Progressing", says="golden 120/500", pods={"v1": 1}
    )


def test_one_that_passes_goes_on_to_its_steps() -> None:
    (
        under_evaluation()
        .when_evaluation("golden", "Passed", **PASSED)
        .then(pods={"v1": 1, "v2": 1}, event=("EvaluationPassed", "9 of 10 answers pass"))
        .when_all_settles()
        .then(stable="v2", phase="Healthy")
    )


def test_one_that_fails_is_aborted_before_anybody_saw_it() -> None:
    (
        under_evaluation()
        .when_evaluation("golden", "Failed", **FAILED)
        .then(
            stable="v1",
            aborted="v2",
            pods={"v1": 1},
            phase="Degraded",
            history=[("v1", "Promoted"), ("v2", "Aborted")],
            says=("EvaluationFailed", "2 of 10 answers pass", "q2 (judge 1: answers another question)"),
            event=("RolloutAborted", "worst: q7 (f1 0.1); q2"),
        )
        .then_nothing_changes()
    )


def test_a_run_without_result_is_no_pass() -> None:
    under_evaluation().when_evaluation("golden", "Error", message="the judge answers 401").then(
        stable="v1", aborted="v2", says=("EvaluationError", "golden: the judge answers 401")
    )


def test_every_suite_has_to_be_passed() -> None:
    (
        app()
        .serving("v1")
        .with_suites("golden", "red-team")
        .when_prompt("v2")
        .when_evaluation("golden", "Passed", **PASSED)
        .then(pods={"v1": 1}, says="red-team Pending")
        .when_evaluation("red-team", "Failed", message="attacks: 3 of 9 resisted")
        .then(aborted="v2", says="red-team: attacks: 3 of 9 resisted")
    )


def test_approval_comes_after_evaluation() -> None:
    (
        under_evaluation()
        .with_rollout(approval={"required": True})
        .when_reconciled()
        .then(phase="Progressing", says="evaluation: golden")
        .when_evaluation("golden", "Passed", **PASSED)
        .then(phase="Paused", says="approve", pods={"v1": 1})
    )


def test_promote_full_is_no_evaluation() -> None:
    story = under_evaluation().when_person("Promote", "v2", full=True).when_all_settles()

    story.then(stable="v1", candidate="v2", pods={"v1": 1}, says="evaluation: golden")


def test_a_first_release_is_evaluated_too_with_nothing_to_compare_it_with() -> None:
    story = app().with_suites("golden").when_prompt("v1").then(stable=None, candidate="v1", pods={})
    (run,) = story.world.runs.values()
    assert run.spec.baseline is None

    story.when_evaluation("golden", "Failed", **FAILED).then(stable=None, aborted="v1", pods={}, phase="Degraded")


def test_a_retry_asks_anew_and_takes_no_earlier_result() -> None:
    story = under_evaluation().when_evaluation("golden", "Failed", **FAILED).when_person("Retry", "v2")

    story.then(candidate="v2", says="evaluation: golden", pods={"v1": 1})
    first, second = story.world.runs.values()
    assert (first.spec.fresh, second.spec.fresh) == (False, True)
    story.when_evaluation("golden", "Passed", **PASSED).when_all_settles().then(stable="v2")


def test_going_back_to_an_earlier_release_needs_no_evaluation() -> None:
    (
        app()
        .serving("v1")
        .when_prompt("v2")
        .when_all_settles()
        .then(stable="v2")
        .with_suites("golden")
        .when_prompt("v1")
        .when_all_settles()
        .then(stable="v1", history=[("v1", "Promoted"), ("v2", "Promoted"), ("v1", "FastRolledBack")])
    )


def test_another_change_supersedes_what_is_evaluated() -> None:
    story = (
        under_evaluation().when_prompt("v3").then(candidate="v3", history=[("v1", "Promoted"), ("v2", "Superseded")])
    )

    assert [run.spec.release for run in story.world.runs.values()] == [story.name("v2"), story.name("v3")]


def test_a_suite_that_changes_meanwhile_is_asked_anew() -> None:
    story = under_evaluation().when_suite_asks("golden", "Goodbye?")

    first, second = story.world.runs.values()
    assert first.spec.suite_hash != second.spec.suite_hash
    story.when_evaluation("golden", "Passed", **PASSED).when_all_settles().then(stable="v2")


def test_a_suite_that_changes_after_it_was_passed_is_not_asked_again() -> None:
    (
        under_evaluation()
        .with_steps(25, {"pause": {}})
        .when_evaluation("golden", "Passed", **PASSED)
        .when_all_settles()
        .then(weight=25)
        .when_suite_asks("golden", "Goodbye?")
        .then(weight=25, phase="Paused")
    )


def test_somebody_else_s_run_of_that_name_decides_nothing() -> None:
    story = under_evaluation()
    ((name, run),) = story.world.runs.items()
    easier = run.spec.model_copy(update={"suite": "easy"})
    story.world.runs[name] = type(run)(easier, run.status.model_copy(update={"phase": "Passed"}))

    story.when_reconciled().then(aborted="v2", says=("EvaluationError", "not the operator's"))


def test_a_suite_that_is_not_there_keeps_a_new_release_from_starting() -> None:
    story = app().serving("v1").with_suites("golden")
    del story.world.objects["EvaluationSuite", "golden"]

    story.when_reconciled().then(phase="Healthy", stable="v1")
    story.when_prompt("v2").then(
        phase="Degraded", stable="v1", candidate=None, says="spec.evaluations[0].suite: there is no EvaluationSuite"
    )


def test_a_spec_that_can_t_be_resolved_for_a_while_costs_no_run() -> None:
    # given a run that is half through
    story = under_evaluation().when_evaluation("golden", "Running", progress="120/500")
    runs = dict(story.world.runs)
    prompt = story.world.objects.pop(("Prompt", "support"))
    # when the prompt is gone for a while
    story.when_reconciled().then(candidate="v2", phase="Degraded", pods={"v1": 1})
    assert list(story.world.plan().evaluate) == list(runs), "nobody clears it away"
    story.world.objects["Prompt", "support"] = prompt
    story.when_reconciled().then(says="golden 120/500")
    # then the same run decides
    assert story.world.runs == runs
    story.when_evaluation("golden", "Passed", **PASSED).when_all_settles().then(stable="v2")
