"""Rule 7: what makes no progress is taken back, with the reason that the cluster gives."""

from rollout.scenario import app, pause


def test_a_candidate_that_never_gets_ready_is_taken_back_with_the_pods_reason() -> None:
    (
        app()
        .with_steps(25)
        .with_rollout(progressDeadline="5m")
        .serving("v1")
        .when_prompt("v2")
        .when_pods_are_in_trouble("v2", "ImagePullBackOff: no such image")
        .then(phase="Progressing", says="0 of 1 pods")
        .when_time_passes("4m59s")
        .then(aborted=None)
        .when_time_passes("1s")
        .then(
            aborted="v2", weight=0, phase="Degraded", stable="v1", conditions={"Available": "True", "Stalled": "True"}
        )
        .then(
            says=(
                "ProgressDeadlineExceeded",
                "no progress for 5m",
                "ImagePullBackOff: no such image",
                "goes on serving",
            )
        )
        .then(event=("RolloutAborted", "ImagePullBackOff"))
        .when_reconciled()
        .then(pods={"v1": 1})
    )


def test_a_candidate_that_loses_its_pods_has_the_same_time_to_get_them_back() -> None:
    story = app().with_steps(25, pause()).with_rollout(progressDeadline="5m").serving("v1").canary("v2")
    story.when_time_passes("1h").when_pods_are_in_trouble("v2", "CrashLoopBackOff")

    story.when_time_passes("4m").when_pods_ready("v2").when_gateway_reports().then(weight=25, aborted=None)
    story.when_time_passes("30s").when_pods_are_in_trouble("v2", "CrashLoopBackOff")
    story.when_time_passes("4m59s").then(aborted=None).when_time_passes("1s").then(
        aborted="v2", says="CrashLoopBackOff"
    )


def test_pods_that_come_back_for_less_than_half_a_minute_have_the_time_that_was_left() -> None:
    story = app().with_steps(25, pause()).with_rollout(progressDeadline="5m").serving("v1").canary("v2")
    story.when_pods_are_in_trouble("v2", "CrashLoopBackOff").when_time_passes("4m")
    story.when_pods_ready("v2").when_gateway_reports().then(weight=25).when_time_passes("29s")

    # Time in which nothing was missing is none of it.
    story.when_pods_are_in_trouble("v2", "CrashLoopBackOff").when_time_passes("59s").then(aborted=None)
    story.when_time_passes("1s").then(aborted="v2", says=("no progress for 5m", "CrashLoopBackOff"))


def test_a_step_that_takes_effect_is_progress_however_late_it_is() -> None:
    story = app(4).with_steps(25, pause("10s"), 50, pause()).with_rollout(progressDeadline="5m").serving("v1")
    story.when_prompt("v2")
    for weight in (25, 50):
        story.when_time_passes("4m").then(aborted=None)
        story.when_pods_ready("v2").when_gateway_reports().then(weight=weight)
        story.when_gateway_reports().when_time_passes("10s")
    story.then(step=3, phase="Paused", aborted=None)


def test_a_gateway_that_never_has_the_weight_in_effect_is_no_progress() -> None:
    (
        app()
        .with_steps(25)
        .with_rollout(progressDeadline="1m")
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=25)
        .when_time_passes("1m")
        .then(aborted="v2", weight=0, says="waiting for the gateway to report weight 25")
    )


def test_a_first_release_that_never_gets_ready_is_degraded_and_recovers() -> None:
    (
        app()
        .with_rollout(progressDeadline="5m")
        .when_reconciled()
        .when_pods_are_in_trouble("v1", "ImagePullBackOff: no such image")
        .then(phase="Progressing", conditions={"Reconciling": "True", "Stalled": "False", "Available": "False"})
        .when_time_passes("5m")
        .then(phase="Degraded", reason="ProgressDeadlineExceeded", aborted=None, candidate="v1", pods={"v1": 1})
        .then(says="ImagePullBackOff", conditions={"Reconciling": "False", "Stalled": "True", "Available": "False"})
        .then_nothing_changes()
        .when_pods_ready("v1")
        .when_gateway_reports()
        .then(phase="Healthy", stable="v1")
    )


def test_a_reason_as_long_as_a_novel_fits_in_the_status() -> None:
    (
        app()
        .with_steps(25)
        .with_rollout(progressDeadline="5m")
        .serving("v1")
        .when_prompt("v2")
        .when_pods_are_in_trouble("v2", "ErrImagePull: " + "failed to resolve reference, " * 500)
        .then(says="ErrImagePull: failed to resolve")
        .when_time_passes("5m")
        .then(aborted="v2", says="ErrImagePull: failed to resolve")
    )
