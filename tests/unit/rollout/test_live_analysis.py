"""The analysis as a gate between weights: no verdict, no data, no measurement, and who decides."""

from rollout.scenario import Story, app, metric, pause
from rollout.world import Requests

HEALTHY, BROKEN = Requests(1000), Requests(60, errors=30)


def canary(*metrics: str | dict[str, object], **analysis: object) -> Story:
    """v2 at weight 25 of 25, 50."""
    return app().with_steps(25, 50).with_analysis(*metrics, **analysis).serving("v1").canary("v2").then(weight=25)


def test_a_good_verdict_lets_the_weight_rise_and_the_next_one_is_judged_anew() -> None:
    (
        canary("error-rate")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .then(weight=50)
        .when_all_settles()
        .then(weight=50, says="unknown (0 requests)")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .then(weight=100)
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_candidate_that_is_bad_only_at_the_second_weight_is_caught_there() -> None:
    (
        canary("error-rate")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .when_traffic(candidate=BROKEN, stable=HEALTHY)
        .then(weight=0, aborted="v2", says="(30 of 60)")
    )


def test_an_open_verdict_goes_on_collecting() -> None:
    story = canary("error-rate")
    for _ in range(10):
        story.when_traffic(candidate=Requests(2), stable=Requests(6)).then(weight=25, phase="Progressing")
    story.then(says="(0 of 20)")


def test_both_are_judged_as_bad_as_each_other_when_both_are() -> None:
    canary("error-rate", maxDuration="1h").when_traffic(
        candidate=Requests(100, errors=30), stable=Requests(300, errors=90)
    ).then(weight=25, aborted=None)


def test_without_a_verdict_in_time_it_pauses_says_the_numbers_and_still_measures() -> None:
    story = canary("error-rate", maxDuration="1m")
    for _ in range(6):
        story.when_traffic(candidate=Requests(5), stable=Requests(15))
    (
        story.then(phase="Paused", weight=25, says=("no verdict", "within 1m", "(0 of 30)", "still measuring"))
        .when_time_passes("5m")
        .then(phase="Paused", weight=25)
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .then(weight=50)
    )


def test_without_a_verdict_at_the_last_weight_nothing_is_promoted_however_good_the_ones_before_were() -> None:
    (
        canary("error-rate", maxDuration="1m")
        .when_traffic(candidate=HEALTHY, stable=HEALTHY)
        .when_all_settles()
        .then(weight=50, step=1)
        .when_traffic(candidate=Requests(5), stable=Requests(5))
        .when_time_passes("2h")
        .when_all_settles()
        .then(weight=50, stable="v1", candidate="v2", phase="Paused", says=("no verdict", "(0 of 5)"))
        .when_person_follows_the_message()
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_person_may_let_it_go_on_without_a_verdict_and_that_is_on_record() -> None:
    (
        canary("error-rate", maxDuration="1m")
        .when_traffic(candidate=Requests(5), stable=Requests(15))
        .when_time_passes("1m")
        .then(phase="Paused")
        .when_person_follows_the_message()
        .then(weight=50, event=("Overruled", "without a verdict"))
    )


def test_without_a_verdict_in_time_it_aborts_where_the_policy_says_so() -> None:
    (
        canary("error-rate", maxDuration="1m", onInconclusive="Abort")
        .when_traffic(candidate=Requests(5), stable=Requests(15))
        .then(aborted=None)
        .when_time_passes("50s")
        .then(aborted="v2", weight=0, says=("Inconclusive", "no verdict", "(0 of 5)", "within 1m"))
    )


def test_without_a_request_it_pauses() -> None:
    (
        canary("error-rate", maxDuration="1m")
        .when_time_passes("59s")
        .then(phase="Progressing")
        .when_time_passes("1s")
        .then(phase="Paused", weight=25, says="no request reached the candidate within 1m")
    )


def test_without_a_request_it_aborts_where_the_policy_says_so() -> None:
    (
        canary("error-rate", maxDuration="1m", onNoData="Abort", onInconclusive="Pause")
        .when_time_passes("1m")
        .then(aborted="v2", weight=0, says="NoData: no request reached the candidate")
    )


def test_without_a_request_it_goes_on_where_the_policy_says_so() -> None:
    (
        canary("error-rate", maxDuration="1m", onNoData="Continue", onInconclusive="Abort")
        .when_time_passes("1m")
        .then(weight=50, aborted=None)
    )


def test_requests_without_a_verdict_are_not_no_data() -> None:
    (
        canary("error-rate", maxDuration="1m", onNoData="Continue", onInconclusive="Pause")
        .when_traffic(candidate=Requests(1), stable=Requests(3))
        .when_time_passes("1m")
        .then(phase="Paused", weight=25)
    )


def test_one_of_several_metrics_is_enough_to_abort() -> None:
    (
        canary("error-rate", "latency", "guardrail-violation-rate")
        .when_traffic(candidate=Requests(200, slow=100), stable=HEALTHY)
        .then(aborted="v2", says=("latency above 10.24 s 50.0% (100 of 200)",))
    )


def test_all_of_several_metrics_have_to_pass() -> None:
    story = canary("error-rate", metric("latency", max="0.5"))
    story.when_traffic(candidate=Requests(1000, slow=500), stable=Requests(1000, slow=500))

    story.then(weight=25, aborted=None, says=("error-rate 0.0%", "latency above 10.24 s 50.0%"))


def test_a_dry_run_metric_is_shown_and_never_decides() -> None:
    story = canary("error-rate", metric("guardrail-violation-rate", dryRun=True))
    story.when_traffic(candidate=Requests(1000, violations=900), stable=HEALTHY).then(weight=50, aborted=None)


def test_with_only_dry_run_metrics_the_numbers_are_shown_and_nothing_waits_for_them() -> None:
    story = app().with_steps(25, pause("1m")).with_analysis(metric("error-rate", dryRun=True), maxConsecutiveErrors=2)
    (
        story.serving("v1")
        .canary("v2")
        .when_traffic(candidate=BROKEN, stable=HEALTHY)
        .then(phase="Paused", weight=25, aborted=None)
    )
    rollout = story.world.status.rollout
    assert rollout
    assert [(v.verdict, v.candidate.hits) for v in rollout.verdicts] == [("Failed", 30)]

    story.when_pods_cannot_be_read("connection refused").when_time_passes("30s").then(aborted=None, weight=25)
    story.when_time_passes("20s").then(weight=100)


def test_failing_measurements_are_shown_and_bounded() -> None:
    (
        canary("error-rate", maxConsecutiveErrors=3)
        .when_traffic(candidate=Requests(5), stable=Requests(15))
        .when_pods_cannot_be_read("pod x: connection refused")
        .when_time_passes("20s")
        .then(weight=25, says="pod x: connection refused")
        .when_time_passes("10s")
        .then(weight=0, aborted="v2", says=("AnalysisError", "3 measurements in a row", "pod x: connection refused"))
    )


def test_measurements_that_fail_from_the_very_first_are_bounded_too() -> None:
    (
        app()
        .with_steps(25)
        .with_analysis("error-rate", maxConsecutiveErrors=3)
        .when_pods_cannot_be_read("pod x: no such page")
        .serving("v1")
        .canary("v2")
        .then(weight=25, says="pod x: no such page")
        .when_time_passes("20s")
        .then(weight=0, aborted="v2", says=("AnalysisError", "pod x: no such page"))
    )


def test_one_failed_measurement_loses_nothing() -> None:
    story = canary("error-rate", maxConsecutiveErrors=3).when_pods_cannot_be_read("timeout")
    story.when_traffic(candidate=BROKEN, stable=HEALTHY).then(weight=25, aborted=None)

    story.when_pods_cannot_be_read(None).when_time_passes("10s").then(aborted="v2", says="(30 of 60)")


def test_pods_that_restart_lose_no_breach() -> None:
    (
        canary("error-rate")
        .when_traffic(candidate=Requests(20, errors=10), stable=HEALTHY)
        .when_pods_restart("v2")
        .when_traffic(candidate=Requests(40, errors=20), stable=HEALTHY)
        .then(aborted="v2", says="(30 of 60)")
    )


def test_one_window_spans_a_weight_and_the_pauses_that_follow_it() -> None:
    (
        app()
        .with_steps(25, pause("10s"), pause("10s"), 50)
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(500), stable=HEALTHY)
        .when_traffic(candidate=Requests(500), stable=HEALTHY)
        .then(weight=50)
    )


def test_a_rollout_without_metrics_is_judged_by_nothing() -> None:
    app().with_steps(25, 50).with_analysis().serving("v1").canary("v2").then(stable="v2")
