"""Rule 10: after a promotion the release before stays, and a breach goes back to it."""

from rollout.scenario import Step, Story, app, pause
from rollout.world import Requests


def well_received(*steps: Step) -> Story:
    """v2 was answered well at the first of these steps, and everything has settled."""
    return (
        app(replicas=2)
        .with_steps(*steps)
        .with_analysis("error-rate")
        .with_rollout(watchAfterPromotion="10m")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=Requests(800), stable=Requests(800))
        .when_all_settles()
    )


def watched(*steps: Step) -> Story:
    """v2 was promoted by its numbers, and is watched for 10 minutes."""
    return well_received(*steps or (50,)).then(
        stable="v2", watched="v1", pods={"v2": 2, "v1": 2}, phase="Healthy", weight=0
    )


BROKE = [("v1", "Promoted"), ("v2", "Promoted"), ("v2", "RolledBack")]


def bad_traffic(story: Story) -> Story:
    """Users of the promoted release get errors."""
    story.when_time_passes("10s")
    story.world.answer(story.name("v2"), Requests(100, errors=60))
    return story.when_time_passes("20s")


def test_a_breach_goes_back_by_itself() -> None:
    (
        bad_traffic(watched())
        .then(stable="v1", aborted="v2", watched=None, phase="Degraded", says=("after its promotion", "error-rate"))
        .when_all_settles()
        .then(pods={"v1": 2}, history=[("v1", "Promoted"), ("v2", "Promoted"), ("v2", "RolledBack")])
        .then_nothing_changes()
    )


def test_what_is_compared_with_is_what_the_release_before_did() -> None:
    story = bad_traffic(watched())
    assert "(0 of 800) on stable" in story.outcome.message, story.outcome.message


def test_without_a_breach_the_release_before_goes_when_the_time_is_over() -> None:
    (
        watched()
        .when_time_passes("9m")
        .then(watched="v1", pods={"v2": 2, "v1": 2})
        .when_time_passes("1m")
        .when_all_settles()
        .then(watched=None, pods={"v2": 2}, stable="v2", phase="Healthy")
    )


def test_going_back_to_pods_that_are_not_ready_waits_for_them() -> None:
    story = watched().when_pods_are_in_trouble("v1", "node lost")
    (
        bad_traffic(story)
        .then(stable="v2", candidate="v1", pods={"v1": 2, "v2": 2}, history=BROKE)
        .when_all_settles()
        .when_time_passes("2h")
        .then(stable="v2", candidate="v1", aborted="v2", phase="Progressing")
        .when_pods_ready("v1")
        .when_all_settles()
        .then(stable="v1", aborted="v2")
    )


def test_a_new_change_ends_the_watch() -> None:
    watched().when_prompt("v3").then(watched=None, candidate="v3", stable="v2").when_all_settles().then(
        pods={"v2": 2, "v3": 1}
    )


def test_changing_back_goes_to_the_pods_that_are_still_there() -> None:
    watched().when_prompt("v1").then(candidate="v1", weight=100).when_all_settles().then(
        stable="v1", history=[("v1", "Promoted"), ("v2", "Promoted"), ("v1", "FastRolledBack")]
    )


def test_a_person_may_take_a_watched_release_back() -> None:
    watched().when_person("Abort", "v2", by="joe").then(stable="v1", aborted="v2").when_all_settles().then(
        pods={"v1": 2}, says="taken back by joe"
    )


def test_a_first_release_has_nothing_to_go_back_to() -> None:
    app().with_rollout(watchAfterPromotion="10m").serving("v1").then(watched=None, phase="Healthy")


def test_blue_green_is_compared_with_what_the_old_one_did_until_the_switch() -> None:
    story = (
        app(replicas=2)
        .with_steps({"setCanaryScale": {"percent": 100}}, pause())
        .with_analysis("error-rate")
        .with_rollout(watchAfterPromotion="10m")
        .serving("v1")
        .canary("v2")
        .then(weight=0, pods={"v1": 2, "v2": 2}, phase="Paused")
    )
    story.world.answer(story.name("v1"), Requests(500))
    (
        bad_traffic(
            story.when_time_passes("10s")
            .when_person("Promote", "v2")
            .when_all_settles()
            .then(stable="v2", watched="v1")
        ).then(stable="v1", aborted="v2", says="(0 of 500) on stable")
    )


def test_going_back_from_a_breach_takes_no_steps_whatever_the_policy_says() -> None:
    story = watched().with_rollout(rollbackWindow=0).with_steps(50, pause()).when_pods_are_in_trouble("v1", "node lost")
    bad_traffic(story).when_pods_ready("v1").when_all_settles().then(stable="v1", aborted="v2")


def test_a_step_at_weight_100_does_not_make_it_forget_what_stable_did() -> None:
    story = well_received(50, 100, pause("60s")).when_time_passes("60s").when_all_settles()
    story.then(stable="v2", watched="v1")
    bad_traffic(story).then(stable="v1", aborted="v2", says="(0 of 800) on stable")


def test_a_release_that_broke_is_tried_again_from_its_first_step() -> None:
    (
        bad_traffic(watched(25))
        .then(stable="v1", aborted="v2")
        .when_all_settles()
        .when_person("Undo", "v1")
        .then(stable="v1", event=("ActionRefused", "no release served before"))
        .when_person("Retry", "v2")
        .when_all_settles()
        .then(stable="v1", candidate="v2", weight=25)
    )
