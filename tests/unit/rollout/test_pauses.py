"""Pauses, and the people who end them. Rule 7: pausing is never a timeout."""

from rollout.scenario import Story, app, pause
from rollout.world import Requests


def paused() -> Story:
    """v2 at weight 25 until a person says more."""
    return app().with_steps(25, pause(), 50, pause()).serving("v1").canary("v2").then(phase="Paused", weight=25, step=1)


def test_a_pause_with_a_duration_ends_by_itself_and_not_before() -> None:
    (
        app()
        .with_steps(25, pause("60s"), 50, pause())
        .serving("v1")
        .canary("v2")
        .then(phase="Paused", weight=25, says="paused for 1m", event=("RolloutPaused", "paused for 1m"))
        .when_time_passes("59.999s")
        .then(weight=25)
        .when_time_passes("1ms")
        .then(weight=50, step=2)
    )


def test_a_pause_without_one_lasts_until_a_person_does_what_the_message_says() -> None:
    paused().when_time_passes("999h").then(weight=25, phase="Paused").when_person_follows_the_message().then(weight=50)


def test_a_decision_for_another_step_or_release_does_nothing() -> None:
    story = paused()
    story.when_person("Promote", "v2", step=0).then(weight=25, phase="Paused", event=("ActionRefused", "is at step 1"))
    story.when_person("Promote", "v2", step=3).then(weight=25, phase="Paused", event=("ActionRefused", "is at step 1"))
    story.when_person("Promote", "v1").then(weight=25, phase="Paused", event=("ActionRefused", "not the candidate"))


def test_a_decision_counts_for_one_step_only() -> None:
    (
        paused()
        .when_person_follows_the_message()
        .when_all_settles()
        .then(weight=50, step=3, phase="Paused")
        .when_person_follows_the_message()
        .when_all_settles()
        .then(stable="v2")
    )


def test_a_decision_of_an_earlier_rollout_does_not_count_for_the_next_one_of_that_release() -> None:
    (
        paused()
        .when_person_follows_the_message()
        .then(weight=50)
        .when_time_passes("1s")
        .when_prompt("v1")
        .when_all_settles()
        .canary("v2")
        .then(weight=25, step=1, phase="Paused")
    )


def test_a_person_may_end_a_timed_pause_early() -> None:
    (app().with_steps(25, pause("1h"), 50).serving("v1").canary("v2").when_person("Promote", "v2").then(weight=50))


def test_a_pause_longer_than_the_progress_deadline_is_no_failure() -> None:
    (
        app()
        .with_steps(25, pause("2h"), 50, pause())
        .with_rollout(progressDeadline="1m")
        .serving("v1")
        .canary("v2")
        .when_time_passes("2h")
        .then(weight=50, aborted=None)
        .when_all_settles()
        .when_time_passes("24h")
        .then(weight=50, phase="Paused", aborted=None)
    )


def test_a_breach_ends_a_pause() -> None:
    (
        app()
        .with_steps(25, pause())
        .with_analysis("error-rate")
        .serving("v1")
        .canary("v2")
        .then(phase="Paused")
        .when_traffic(candidate=Requests(60, errors=30), stable=Requests(180))
        .then(weight=0, aborted="v2", phase="Degraded")
    )


def test_a_pause_says_so_once_however_long_it_lasts() -> None:
    story = app().with_steps(25, pause()).with_analysis("error-rate", maxDuration="1m").serving("v1").canary("v2")
    for _ in range(20):
        story.when_traffic(candidate=Requests(1), stable=Requests(3))

    told = [event for event in story.world.notices if event.reason == "RolloutPaused"]
    assert len(told) == 1, told


def test_a_stable_release_that_is_down_keeps_no_person_from_promoting_a_healthy_candidate() -> None:
    (
        app()
        .with_steps(25, pause())
        .with_analysis("error-rate", maxDuration="1m")
        .serving("v1")
        .canary("v2")
        .when_pods_are_in_trouble("v1", "OOMKilled")
        .then(weight=25, candidate="v2", conditions={"Available": "False"})
        .when_person_follows_the_message()
        .when_all_settles()
        .then(stable="v2", phase="Healthy", conditions={"Available": "True"})
    )
