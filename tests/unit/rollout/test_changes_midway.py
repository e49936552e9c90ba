"""Rule 5: a newer change supersedes. Going back to an earlier release. What is kept of the past."""

from rollout.scenario import app
from rollout.world import Requests

HEALTHY = Requests(300)


def test_a_new_change_supersedes_and_starts_from_nothing() -> None:
    story = app().with_steps(25, 50).with_analysis("error-rate").serving("v1").canary("v2")
    story.when_traffic(candidate=HEALTHY, stable=HEALTHY).when_all_settles().then(weight=50, step=1)

    story.when_prompt("v3").then(
        candidate="v3",
        weight=0,
        step=0,
        retiring=["v2"],
        event=("RolloutSuperseded", story.name("v3")),
        history=[("v1", "Promoted"), ("v2", "Superseded")],
    )
    rollout = story.world.status.rollout
    assert rollout
    assert (rollout.started_at, rollout.step_started_at) == (story.world.now, None)
    assert (rollout.analysis, rollout.verdicts) == (None, [])

    story.when_all_settles().then(weight=25, says="unknown (0 requests)", pods={"v1": 1, "v3": 1}, retiring=[])


def test_the_superseded_release_keeps_its_pods_until_the_gateway_sends_it_nothing() -> None:
    (
        app()
        .with_steps(25, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .when_prompt("v3")
        .then(pods={"v1": 1, "v2": 1, "v3": 1})
        .when_gateway_reports()
        .then(pods={"v1": 1, "v3": 1}, retiring=["v2"])
        .when_pods_ended()
        .then(retiring=[])
    )


def test_changing_ones_mind_twice_takes_the_first_change_up_again_from_the_start() -> None:
    (
        app()
        .with_steps(25, {"pause": {}})
        .serving("v1")
        .canary("v2")
        .when_prompt("v3")
        .when_gateway_reports()
        .when_prompt("v2")
        .then(candidate="v2", weight=0, step=0, retiring=["v3"])
        .when_all_settles()
        .then(candidate="v2", weight=25, retiring=[], pods={"v1": 1, "v2": 1})
        .then(history=[("v1", "Promoted"), ("v2", "Superseded"), ("v3", "Superseded")])
    )


def test_a_first_release_that_never_worked_is_superseded_by_one_that_does() -> None:
    (
        app()
        .when_reconciled()
        .when_pods_are_in_trouble("v1", "ErrImagePull: no such image")
        .when_prompt("v2")
        .when_all_settles()
        .then(stable="v2", phase="Healthy", pods={"v2": 1}, history=[("v1", "Superseded"), ("v2", "Promoted")])
    )


def test_going_back_within_the_rollback_window_skips_the_steps() -> None:
    (
        app(replicas=2)
        .with_steps(25, {"pause": {}}, 50)
        .with_rollout(rollbackWindow=1, steps=[])
        .serving("v1")
        .serving("v2")
        .with_steps(25, {"pause": {}}, 50)
        .when_prompt("v1")
        .then(pods={"v1": 2, "v2": 2}, event=("RolloutStarted", "back to an earlier release"), weight=0)
        .when_pods_ready("v1")
        .when_gateway_reports()
        .then(weight=100, stable="v2")
        .when_gateway_reports()
        .then(stable="v1", event=("RolloutFastRolledBack", "without steps"))
        .then(history=[("v1", "Promoted"), ("v2", "Promoted"), ("v1", "FastRolledBack")])
    )


def test_going_back_further_than_the_rollback_window_takes_the_steps() -> None:
    (
        app()
        .with_rollout(rollbackWindow=1)
        .serving("v1")
        .serving("v2")
        .serving("v3")
        .with_steps(25, {"pause": {}})
        .canary("v1")
        .then(candidate="v1", weight=25, phase="Paused", event=("WeightSet", "weight 0 → 25"))
    )


def test_without_a_rollback_window_every_release_takes_the_steps() -> None:
    (
        app()
        .with_rollout(rollbackWindow=0)
        .serving("v1")
        .serving("v2")
        .with_steps(25, {"pause": {}})
        .canary("v1")
        .then(weight=25)
    )


def test_a_release_that_was_taken_back_is_no_earlier_release_to_go_back_to() -> None:
    story = app().with_steps(25, {"pause": {}}).serving("v1").canary("v2")
    story.when_prompt("v1").when_all_settles()

    story.canary("v2").then(weight=25, phase="Paused")


def test_a_rollout_tells_what_differs_from_what_serves_now() -> None:
    (
        app()
        .with_rollout(rollbackWindow=0)
        .serving("v1")
        .serving("v2")
        .serving("v3")
        .when_prompt("v2")
        .then(event=("RolloutStarted", "prompt v3 → v2"))
    )


def test_releases_beyond_the_limit_go_oldest_first() -> None:
    story = app().with_history_limit(2)
    for version in ("v1", "v2", "v3", "v4"):
        story.serving(version)

    story.then(releases=["v3", "v4"], history=[("v3", "Promoted"), ("v4", "Promoted")])


def test_a_live_release_is_never_removed_however_old() -> None:
    story = app().with_history_limit(1).with_steps(25, {"pause": {}}).serving("v1")
    for version in ("v2", "v3", "v4"):
        story.canary(version).then(stable="v1", candidate=version)

    story.then(releases=["v1", "v4"]).when_prompt("v5").then(releases=["v1", "v4", "v5"], retiring=["v4"])


def test_an_aborted_release_is_kept_so_that_it_is_known_again() -> None:
    story = app().with_history_limit(1).with_steps(25).with_analysis("error-rate").serving("v1").canary("v2")
    story.when_traffic(candidate=Requests(60, errors=30), stable=HEALTHY).when_all_settles()

    story.then(releases=["v1", "v2"], aborted="v2")
