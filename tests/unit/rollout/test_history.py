"""What is kept of the past: at most `revisionHistoryLimit`, but never less than what runs or may be gone back to."""

from rollout.scenario import Story, app, pause
from rollout.world import Requests


def short_memory(**rollout: object) -> Story:
    """An app that remembers one release."""
    return app(replicas=2).with_history_limit(1).with_rollout(**rollout)


def test_the_release_that_a_watch_may_go_back_to_is_kept_and_gone_back_to() -> None:
    story = short_memory(watchAfterPromotion="10m").with_analysis("error-rate").with_steps(50).serving("v1")
    story.canary("v2").when_traffic(candidate=Requests(800), stable=Requests(800)).when_all_settles()
    story.then(stable="v2", watched="v1", releases=["v1", "v2"], history=[("v2", "Promoted")])
    story.world.answer(story.name("v2"), Requests(100, errors=60))
    story.when_time_passes("20s").then(stable="v1", aborted="v2").when_all_settles()
    story.then(pods={"v1": 2}, releases=["v1", "v2"], history=[("v2", "RolledBack")])


def test_after_the_watch_it_goes() -> None:
    story = short_memory(watchAfterPromotion="10m").serving("v1").canary("v2").then(watched="v1")
    story.when_time_passes("10m").when_all_settles().then(stable="v2", releases=["v2"])


def test_a_release_that_still_answers_is_kept() -> None:
    story = short_memory().with_steps(50, pause()).serving("v1").canary("v2").when_prompt("v3")
    story.then(retiring=["v2"], releases=["v1", "v2", "v3"]).when_all_settles()
    story.then(retiring=[], candidate="v3", releases=["v1", "v3"])


def test_an_undo_goes_to_what_is_remembered_and_keeps_both_ends_of_the_way() -> None:
    story = app(replicas=2).with_history_limit(2).with_rollout(rollbackWindow=0)
    story.serving("v1").serving("v2").with_steps(50, pause()).when_person("Undo", "v2").when_all_settles()
    story.then(stable="v2", candidate="v1", weight=50, releases=["v1", "v2"])
    story.when_person("Promote", "v1").when_all_settles()
    story.then(stable="v1", aborted="v2", releases=["v1", "v2"], history=[("v2", "Promoted"), ("v1", "Promoted")])
    # and what was left may be asked for again
    story.when_person("Retry", "v2").when_all_settles().then(candidate="v2", weight=50)


def test_an_undo_beyond_what_is_remembered_is_refused_with_what_there_is() -> None:
    story = short_memory().serving("v1").serving("v2").then(releases=["v2"])
    story.when_person("Undo", "v2").then(
        stable="v2", candidate=None, event=("ActionRefused", "no release served before")
    )


def test_many_changes_leave_no_more_than_the_limit() -> None:
    story = app().with_history_limit(3).with_steps(50, pause()).with_rollout(rollbackWindow=0).serving("v1")
    for version in ("v2", "v3", "v4", "v5", "v2", "v3", "v4", "v5"):
        story.canary(version).then(stable="v1", candidate=version)
        assert len(story.outcome.history) <= 3
        assert {"v1", version} <= set(story.outcome.releases)
        assert len(story.outcome.releases) <= 3
    story.when_person("Promote", "v5").when_all_settles().then(stable="v5")
