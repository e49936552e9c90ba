"""Steps beside weights and pauses: the candidate's scale, testers, copies of live requests, analysis."""

from rollout.scenario import Story, app, metric, pause
from rollout.world import Requests

TESTERS = {"setHeaderRoute": {"match": [{"header": "x-tester", "exact": "yes"}]}}


def test_the_candidate_gets_the_pods_of_its_scale_before_any_weight() -> None:
    (
        app(replicas=4)
        .with_steps({"setCanaryScale": {"percent": 50}}, pause(), 25, pause())
        .serving("v1")
        .when_prompt("v2")
        .then(pods={"v1": 4, "v2": 2}, weight=0)
        .when_pods_ready("v2", 1)
        .then(phase="Progressing", says="1 of 2 pods")
        .when_all_settles()
        .then(phase="Paused", step=1, weight=0)
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(weight=25, pods={"v1": 4, "v2": 2})
    )


def test_a_scale_never_leaves_less_than_the_weight_needs() -> None:
    (
        app(replicas=4)
        .with_steps({"setCanaryScale": {"replicas": 1}}, 50, pause())
        .serving("v1")
        .canary("v2")
        .then(weight=50, pods={"v1": 4, "v2": 2})
    )


def test_match_weight_ends_a_scale() -> None:
    (
        app(replicas=4)
        .with_steps({"setCanaryScale": {"percent": 100}}, 25, {"setCanaryScale": {"matchWeight": True}}, pause())
        .serving("v1")
        .canary("v2")
        .then(weight=25, pods={"v1": 4, "v2": 1})
    )


def test_testers_reach_the_candidate_before_it_has_weight_and_until_the_end() -> None:
    (
        app()
        .with_steps(TESTERS, pause(), 50, pause())
        .serving("v1")
        .when_prompt("v2")
        .then(testers=0)
        .when_all_settles()
        .then(testers=1, weight=0, phase="Paused")
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(testers=1, weight=50)
        .when_person("Abort", "v2")
        .then(testers=0, weight=0)
    )


def test_nobody_else_is_sent_to_the_candidate_before_the_gateway_lets_testers_through() -> None:
    (
        app()
        .with_steps(TESTERS, 50, pause())
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .then(testers=1, weight=0, step=0, phase="Progressing")
        .when_gateway_reports()
        .then(testers=1, weight=50, step=1)
    )


def test_testers_of_a_candidate_that_lost_its_pods_get_stable() -> None:
    (
        app()
        .with_steps(TESTERS, pause())
        .serving("v1")
        .canary("v2")
        .then(testers=1)
        .when_pods_ready("v2", 0)
        .then(testers=0)
    )


def test_an_empty_match_ends_the_testers_route() -> None:
    (
        app()
        .with_steps(TESTERS, {"setHeaderRoute": {"match": []}}, pause())
        .serving("v1")
        .canary("v2")
        .then(testers=0, phase="Paused")
    )


SHADOW = {"shadow": {"percent": 20, "duration": "10m", "maxRequests": 200}}


def test_copies_end_after_their_time() -> None:
    (
        app()
        .with_steps(SHADOW, 25, pause())
        .serving("v1")
        .canary("v2")
        .then(shadow=20, weight=0, phase="Paused", says="copies of live requests")
        .when_time_passes("10m")
        .when_all_settles()
        .then(shadow=0, weight=25)
    )


def test_copies_end_at_their_number() -> None:
    story = app().with_steps(SHADOW, 25, pause()).with_analysis("error-rate").serving("v1").canary("v2").then(shadow=20)
    # Half of them fail on both releases: nothing can be said of it, but every copy costs.
    story.when_traffic(candidate=Requests(200, errors=100), stable=Requests(1000, errors=500))
    story.when_all_settles().then(shadow=0, weight=25)


def test_a_breach_among_the_copies_aborts_before_any_user_sees_it() -> None:
    (
        app()
        .with_steps(SHADOW, 25, pause())
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(60, errors=40), stable=Requests(300))
        .then(aborted="v2", weight=0, shadow=0, history=[("v1", "Promoted"), ("v2", "Aborted")])
    )


def smoke(**fields: object) -> dict[str, object]:
    """A step that waits for the verdict on the latency."""
    return {"analysis": {"metrics": [metric("latency", max="0.5")], **fields}}


def test_a_step_of_analysis_waits_for_its_metrics_and_goes_on_when_they_succeed() -> None:
    (
        app()
        .with_steps(25, smoke(), 50, pause())
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .then(weight=25, step=1, phase="Progressing")
        .when_traffic(candidate=Requests(400), stable=Requests(400))
        .when_all_settles()
        .then(weight=50, step=3)
    )


def test_what_was_seen_before_the_step_does_not_count_for_it() -> None:
    (
        app()
        .with_steps(25, pause("30s"), smoke(), pause())
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(400, slow=400), stable=Requests(400))
        .when_time_passes("30s")
        .then(step=2)
        .when_traffic(candidate=Requests(400), stable=Requests(400))
        .when_all_settles()
        .then(step=3, aborted=None)
    )


def test_a_step_of_analysis_that_fails_aborts() -> None:
    (
        app()
        .with_steps(25, smoke(), 50)
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(100, slow=90), stable=Requests(100))
        .then(aborted="v2", weight=0)
    )


def test_a_step_of_analysis_without_a_verdict_ends_in_a_pause() -> None:
    (
        app()
        .with_steps(25, smoke(maxDuration="1m"), 50)
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(100, slow=50), stable=Requests(100))
        .when_time_passes("1m")
        .then(phase="Paused", weight=25, says="no verdict within 1m")
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(stable="v2")
    )


def test_blue_green_shows_a_preview_and_switches_at_once() -> None:
    (
        app(replicas=3)
        .with_steps({"setCanaryScale": {"percent": 100}}, TESTERS, pause())
        .serving("v1")
        .canary("v2")
        .then(weight=0, testers=1, pods={"v1": 3, "v2": 3}, phase="Paused")
        .when_person("Promote", "v2")
        .then(weight=100)
        .when_all_settles()
        .then(stable="v2", pods={"v2": 3})
    )


def experiment(**ends: object) -> Story:
    """v1 and v2 side by side at half of the traffic each."""
    return (
        app().with_steps(50, {"experiment": ends}).with_analysis("error-rate", minSamples=10).serving("v1").canary("v2")
    )


def test_an_experiment_ends_with_a_report_and_promotes_nothing() -> None:
    (
        experiment(duration="1h")
        .then(weight=50, step=1, phase="Paused", says="experiment for 1h")
        .when_traffic(candidate=Requests(400), stable=Requests(400))
        .when_time_passes("30m")
        .then(weight=50, step=1, phase="Paused")
        .when_time_passes("30m")
        .then(weight=50, phase="Paused", stable="v1", says=("the experiment is over", "error-rate 0.0% (0 of 400)"))
        .when_time_passes("30m")
        .then(weight=50, stable="v1")
        .when_person("Promote", "v2")
        .when_all_settles()
        .then(stable="v2")
    )


def test_an_experiment_ends_at_its_number_of_requests() -> None:
    (
        experiment(samples=100)
        .when_traffic(candidate=Requests(99), stable=Requests(99))
        .then(says="experiment for 100 requests to the candidate")
        .when_traffic(candidate=Requests(1), stable=Requests(1))
        .then(phase="Paused", says="the experiment is over")
    )


def test_the_report_of_an_experiment_that_is_not_taken_up_stays_in_the_history() -> None:
    story = (
        experiment(samples=100)
        .when_traffic(candidate=Requests(100), stable=Requests(100))
        .when_person("Abort", "v2", reason="no better")
        .when_all_settles()
        .then(stable="v1", aborted="v2")
    )
    (verdict,) = story.world.status.history[-1].verdicts
    assert (verdict.name, verdict.candidate.samples, verdict.stable.samples) == ("error-rate", 100, 100)
    assert verdict.lower is not None


def test_a_breach_ends_an_experiment() -> None:
    experiment(duration="24h").when_traffic(candidate=Requests(100, errors=60), stable=Requests(100)).then(
        weight=0, aborted="v2"
    )


def test_an_experiment_with_testers_alone_is_measured_and_ends() -> None:
    (
        app()
        .with_steps(TESTERS, {"experiment": {"samples": 50}})
        .with_analysis("error-rate", minSamples=10)
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(60), stable=Requests(60))
        .then(weight=0, phase="Paused", says="the experiment is over")
    )


def test_no_request_is_copied_while_a_person_holds_the_rollout() -> None:
    (
        app()
        .with_steps(SHADOW, 25, pause())
        .serving("v1")
        .canary("v2")
        .then(shadow=20)
        .when_person("Pause", "v2")
        .then(shadow=0)
        .when_all_settles()
        .when_person("Resume", "v2")
        .when_all_settles()
        .then(shadow=20, weight=0)
    )


def test_what_was_shown_at_a_weight_does_not_count_at_the_one_that_takes_its_place() -> None:
    (
        app()
        .with_steps(5, pause())
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(800), stable=Requests(800))
        .with_steps(50, 60)
        .when_reconciled()
        .when_all_settles()
        .then(stable="v1", weight=60)
        .when_time_passes("1m")
        .then(stable="v1", weight=60)
    )
