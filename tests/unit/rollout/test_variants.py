"""Experiments with more than two releases: variants beside stable and the candidate."""

from typing import Any

import pytest
from pydantic import ValidationError

from genaiops.api.llmapp_status import VariantPhase
from genaiops.api.rollout import RolloutSpec
from rollout.scenario import Story, app
from rollout.world import Requests

GOOD, BAD = Requests(100), Requests(100, errors=60)


def variant(name: str, version: str, weight: int = 20) -> dict[str, Any]:
    """The app with another version of the prompt."""
    return {"name": name, "weight": weight, "prompt": {"ref": "support", "version": version}}


TERSE, WARM = variant("terse", "v3"), variant("warm", "v4")


def comparing(*variants: dict[str, Any], **ends: object) -> Story:
    """v1 serves; v2 has 20 % when the experiment begins."""
    experiment = {"experiment": {"variants": list(variants), **(ends or {"duration": "1h"})}}
    return app().with_steps(20, experiment).with_analysis("error-rate", minSamples=10).serving("v1")


def test_variants_are_served_beside_stable_and_the_candidate() -> None:
    (
        comparing(TERSE, WARM)
        .canary("v2")
        .then(weight=20, variants={"terse": ("Serving", 20), "warm": ("Serving", 20)})
        .then(pods={"v1": 1, "v2": 1, "v3": 1, "v4": 1}, phase="Paused", says="experiment for 1h")
        .then_nothing_changes()
    )


def test_nobody_is_asked_before_all_of_them_can_answer() -> None:
    story = comparing(TERSE, WARM).when_prompt("v2")
    story.when_pods_ready("v2").when_gateway_reports().when_gateway_reports()
    story.then(variants={"terse": ("Waiting", 0), "warm": ("Waiting", 0)}, pods={"v1": 1, "v2": 1, "v3": 1, "v4": 1})
    story.when_pods_ready("v3").when_gateway_reports()
    story.then(
        variants={"terse": ("Waiting", 0), "warm": ("Waiting", 0)}, phase="Progressing", says="variant warm: 0 of 1"
    )
    story.when_pods_ready("v4").when_gateway_reports()
    story.then(variants={"terse": ("Serving", 20), "warm": ("Serving", 20)})
    story.when_gateway_reports().then(phase="Paused", says="experiment for 1h")


def test_at_its_end_everything_is_reported_and_nothing_promoted() -> None:
    story = (
        comparing(TERSE, WARM)
        .canary("v2")
        .when_answers(v1=GOOD, v2=GOOD, v3=GOOD, v4=GOOD)
        .when_time_passes("1h")
        .then(weight=20, stable="v1", phase="Paused", variants={"terse": ("Over", 0), "warm": ("Over", 0)})
        .then(says=("the experiment is over", "terse: error-rate 0.0% (0 of 100)", "warm: error-rate 0.0% (0 of 100)"))
        .when_all_settles()
        .then(pods={"v1": 1, "v2": 1}, retiring=[])
        .then_nothing_changes()
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(stable="v2", history=[("v1", "Promoted"), ("v2", "Promoted")])
    )
    reports = story.world.status.history[-1].variants
    assert [(one.name, one.release, one.phase) for one in reports] == [
        ("terse", story.name("v3"), VariantPhase.OVER),
        ("warm", story.name("v4"), VariantPhase.OVER),
    ]
    (verdict,) = reports[0].verdicts
    assert (verdict.candidate.samples, verdict.stable.samples) == (100, 100)
    assert verdict.lower is not None


def test_it_ends_when_the_last_of_them_has_its_number_of_requests() -> None:
    (
        comparing(TERSE, samples=100)
        .canary("v2")
        .when_answers(v1=GOOD, v2=GOOD, v3=Requests(99))
        .then(variants={"terse": ("Serving", 20)}, says="100 requests to each release")
        .when_answers(v1=GOOD, v2=GOOD, v3=Requests(1))
        .then(variants={"terse": ("Over", 0)}, says="the experiment is over")
    )


def test_a_breach_takes_out_that_variant_and_the_others_go_on() -> None:
    (
        comparing(TERSE, WARM)
        .canary("v2")
        .when_answers(v1=GOOD, v2=GOOD, v3=BAD, v4=GOOD)
        .then(weight=20, variants={"terse": ("Dropped", 0), "warm": ("Serving", 20)})
        .then(event=("VariantDropped", "error-rate 60.0% (60 of 100)"), says="terse: AnalysisFailed")
        .when_all_settles()
        .then(pods={"v1": 1, "v2": 1, "v4": 1}, variants={"terse": ("Dropped", 0), "warm": ("Serving", 20)})
        .then_nothing_changes()
    )


def test_a_breach_of_the_candidate_ends_it_for_all() -> None:
    story = comparing(TERSE).canary("v2").when_answers(v1=GOOD, v2=BAD, v3=GOOD)
    story.then(weight=0, aborted="v2", variants={}).when_all_settles().then(pods={"v1": 1})
    (report,) = story.world.status.history[-1].variants
    assert (report.name, report.phase) == ("terse", VariantPhase.DROPPED)


def test_a_variant_that_never_gets_ready_is_left_out_in_the_end() -> None:
    (
        comparing(TERSE, WARM)
        .with_rollout(progressDeadline="5m")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .when_gateway_reports()
        .when_pods_are_in_trouble("v3", "ImagePullBackOff: no such image")
        .when_all_settles()
        .then(phase="Progressing", says="variant terse: 0 of 1 pods")
        .when_time_passes("6m")
        .when_all_settles()
        .then(variants={"terse": ("Dropped", 0), "warm": ("Serving", 20)}, says="no progress for 5m")
    )


def test_one_that_loses_its_pods_loses_its_requests_and_gets_them_back() -> None:
    (
        comparing(TERSE)
        .canary("v2")
        .when_pods_ready("v3", 0)
        .then(variants={"terse": ("Serving", 0)}, weight=20)
        .when_pods_ready("v3")
        .then(variants={"terse": ("Serving", 20)})
    )


def test_it_passes_the_suites_of_the_app_first() -> None:
    story = comparing(TERSE, WARM).with_suites("golden").when_prompt("v2").when_evaluation("golden", "Passed")
    story.when_all_settles().then(
        variants={"terse": ("Waiting", 0), "warm": ("Waiting", 0)}, says="variant terse: evaluation"
    )
    story.then(pods={"v1": 1, "v2": 1})
    by_release = {run.spec.release: name for name, run in story.world.runs.items()}
    story.when_run(by_release[story.name("v3")], "Failed", message="f1: 2 of 10 answers pass")
    story.when_run(by_release[story.name("v4")], "Passed").when_all_settles()
    story.then(variants={"terse": ("Dropped", 0), "warm": ("Serving", 20)}, pods={"v1": 1, "v2": 1, "v4": 1})


def test_it_needs_the_approval_that_a_candidate_needs() -> None:
    (
        comparing(TERSE)
        .with_rollout(approval={"required": True})
        .when_prompt("v2")
        .when_person("Approve", "v2", by="ann")
        .when_all_settles()
        .then(
            variants={"terse": ("Waiting", 0)},
            phase="Paused",
            says="waits for a person to approve",
            pods={"v1": 1, "v2": 1},
        )
        .when_person("Approve", "v3", by="ann")
        .when_all_settles()
        .then(variants={"terse": ("Serving", 20)}, decisions=[("Approve", "Applied"), ("Approve", "Applied")])
    )


def test_nobody_approves_a_variant_that_they_put_there_under_way() -> None:
    story = (
        comparing().with_rollout(approval={"required": True}).when_prompt("v2").when_person("Approve", "v2", by="ann")
    )
    story.when_all_settles().when_time_passes("1m")
    story.with_steps(20, {"experiment": {"duration": "1h", "variants": [TERSE]}})
    story.world.changed_by["ann"] = story.world.now
    story.when_reconciled().when_person("Approve", "v3", by="ann").when_all_settles()
    story.then(variants={"terse": ("Waiting", 0)}, decisions=[("Approve", "Applied"), ("Approve", "Refused")])
    story.when_person("Approve", "v3", by="bob").when_all_settles().then(variants={"terse": ("Serving", 20)})


def test_a_person_takes_out_one_variant() -> None:
    (
        comparing(TERSE, WARM)
        .canary("v2")
        .when_person("Abort", "v3", by="ann", reason="rude")
        .when_all_settles()
        .then(variants={"terse": ("Dropped", 0), "warm": ("Serving", 20)}, pods={"v1": 1, "v2": 1, "v4": 1})
    )


def test_a_variant_is_promoted_by_asking_for_it() -> None:
    (
        comparing(TERSE)
        .canary("v2")
        .when_person("Promote", "v3")
        .then(decisions=[("Promote", "Refused")], stable="v1")
        .when_prompt("v3")
        .when_all_settles()
        .then(candidate="v3", weight=20, variants={}, pods={"v1": 1, "v3": 1})
        .then(history=[("v1", "Promoted"), ("v2", "Superseded")])
    )


def test_who_promotes_the_candidate_before_the_end_keeps_what_was_seen() -> None:
    story = comparing(TERSE).canary("v2").when_answers(v1=GOOD, v2=GOOD, v3=GOOD)
    story.when_person("Promote", "v2", full=True).when_all_settles().then(stable="v2", pods={"v2": 1})
    (report,) = story.world.status.history[-1].variants
    assert (report.name, report.phase, report.message) == ("terse", VariantPhase.OVER, "the rollout went on")
    assert report.verdicts[0].candidate.samples == 100


def test_another_variant_under_way_begins_the_experiment_anew() -> None:
    story = comparing(TERSE).canary("v2").when_answers(v1=GOOD, v2=GOOD, v3=GOOD).when_time_passes("50m")
    story.with_steps(20, {"experiment": {"duration": "1h", "variants": [WARM]}}).when_reconciled().when_all_settles()
    story.then(variants={"warm": ("Serving", 20)}, pods={"v1": 1, "v2": 1, "v4": 1})
    story.when_time_passes("50m").then(variants={"warm": ("Serving", 20)}, says="experiment for 1h")
    story.when_time_passes("11m").then(variants={"warm": ("Over", 0)})


def test_a_spec_that_can_not_be_resolved_under_way_loses_no_variant() -> None:
    story = comparing(TERSE).canary("v2")
    story.with_steps(20, {"experiment": {"duration": "1h", "variants": [variant("terse", "v9")]}}).when_reconciled()
    story.then(variants={"terse": ("Serving", 20)}, weight=20, phase="Degraded")
    story.then(says=("spec.rollout.steps[1].experiment.variants[0].prompt.version", "v9"))
    story.when_answers(v1=GOOD, v2=GOOD, v3=BAD).then(variants={"terse": ("Dropped", 0)}, weight=20)


def test_all_prompts_may_be_listed_the_candidate_s_too() -> None:
    comparing(variant("same", "v2"), variant("old", "v1"), TERSE).canary("v2").then(variants={"terse": ("Serving", 20)})


def test_weights_leave_stable_something() -> None:
    steps = [{"setWeight": 50}, {"experiment": {"duration": "1h", "variants": [variant("a", "v3", 49)]}}]
    assert RolloutSpec.model_validate({"steps": steps})
    steps[0] = {"setWeight": 51}
    with pytest.raises(
        ValidationError, match=r"steps\[1\].experiment.variants: with the candidate's 51 .* come to 100"
    ):
        RolloutSpec.model_validate({"steps": steps})
