"""Pods that die under a rollout: the candidate's, stable's, both; pods that may not be made at all."""

from datetime import timedelta

import pytest

from rollout.scenario import Story, app, pause
from rollout.world import Requests

GOOD = Requests(1000)
CRASHING = "CrashLoopBackOff: back-off restarting failed container"
REFUSED = "FailedCreate: pods are forbidden: exceeded quota: pods, requested: pods=1, used: pods=4, limited: pods=4"


def at_half() -> Story:
    """v2 at weight 50, with 2 of its 4 pods, until a person says more."""
    story = app(replicas=4).with_steps(50, pause()).with_rollout(progressDeadline="5m")
    return story.serving("v1").canary("v2").then(weight=50, pods={"v1": 4, "v2": 2}, phase="Paused")


def test_a_candidate_that_crash_loops_at_half_of_the_weight_loses_it_pod_by_pod_and_then_everything() -> None:
    (
        at_half()
        .when_pods_ready("v2", 1)
        .then(weight=25, phase="Progressing", stable="v1", conditions={"Available": "True"})
        .when_pods_are_in_trouble("v2", CRASHING)
        .then(weight=0, candidate="v2", says=("0 of 2 pods", "CrashLoopBackOff"), pods={"v1": 4, "v2": 2})
        .when_time_passes("4m59s")
        .then(aborted=None, weight=0)
        .when_time_passes("1s")
        .then(aborted="v2", phase="Degraded", says=("no progress for 5m", "CrashLoopBackOff", "goes on serving"))
        .when_all_settles()
        .then(pods={"v1": 4}, retiring=[])
    )


def test_pods_that_come_and_go_take_their_weight_with_them_and_bring_it_back() -> None:
    story = at_half()
    for _ in range(3):
        story.when_pods_are_in_trouble("v2", CRASHING).then(weight=0).when_time_passes("30s")
        # Ready for a moment, as a container is that crashes on its first request.
        story.when_pods_ready("v2").when_gateway_reports().then(weight=50, aborted=None)
    story.then(candidate="v2", step=1, history=[("v1", "Promoted")])


def test_pods_that_are_ready_for_moments_only_are_no_progress() -> None:
    story = at_half()
    for _ in range(4):
        story.when_pods_are_in_trouble("v2", CRASHING).when_time_passes("1m")
        # As a container is that crashes on its first request.
        story.when_pods_ready("v2").when_gateway_reports().then(weight=50).when_time_passes("10s")
    story.when_pods_are_in_trouble("v2", CRASHING).when_time_passes("59s").then(aborted=None)
    story.when_time_passes("1s").then(aborted="v2", stable="v1", weight=0, says=("no progress for 5m", CRASHING))


def test_pods_that_come_and_go_every_second_are_taken_back_once_they_were_missing_for_the_deadline() -> None:
    story, seconds = at_half(), 0
    while story.outcome.candidate and seconds < 3600:
        story.when_pods_are_in_trouble("v2", CRASHING).when_time_passes("1s")
        if story.outcome.candidate:
            story.when_pods_ready("v2").when_gateway_reports().when_time_passes("1s")
        seconds += 2
    story.then(aborted="v2")
    assert seconds == 600, "half of the time nothing was missing"


def test_a_short_loss_now_and_then_in_a_long_pause_adds_up_to_nothing() -> None:
    story = at_half()
    for _ in range(60):
        story.when_pods_are_in_trouble("v2", CRASHING).when_time_passes("10s")
        story.when_pods_ready("v2").when_gateway_reports().when_time_passes("30s")
    story.then(weight=50, phase="Paused", aborted=None, history=[("v1", "Promoted")])


def test_an_operator_that_was_away_while_pods_came_and_went_counts_what_is_on_record() -> None:
    # given pods that are back for a moment after 4 minutes
    story = at_half().when_pods_are_in_trouble("v2", CRASHING).when_time_passes("4m")
    story.when_pods_ready("v2").when_gateway_reports()
    # when nobody looks for 20 s, and they are lost meanwhile
    story.world.now += timedelta(seconds=20)
    story.when_pods_are_in_trouble("v2", CRASHING)
    # then one minute is left of the five
    story.when_time_passes("59s").then(aborted=None).when_time_passes("1s").then(aborted="v2")


def test_a_candidate_whose_pods_never_stay_up_is_judged_by_what_they_answered() -> None:
    story = app(replicas=2).with_steps(50, pause()).with_analysis("error-rate").serving("v1").canary("v2")
    story.when_traffic(candidate=Requests(20, errors=14), stable=Requests(20))
    story.when_pods_are_in_trouble("v2", CRASHING).then(weight=0).when_time_passes("20s")
    story.when_pods_ready("v2").when_gateway_reports()
    story.when_traffic(candidate=Requests(60, errors=45), stable=Requests(60)).then(aborted="v2", weight=0)


def test_while_stable_crash_loops_a_person_promotes_the_candidate_that_works() -> None:
    (
        at_half()
        .when_pods_are_in_trouble("v1", CRASHING)
        .then(weight=50, candidate="v2", phase="Paused", conditions={"Available": "False"}, pods={"v1": 4, "v2": 2})
        .when_time_passes("1h")
        .then(weight=50, aborted=None)
        .when_person("Promote", "v2", full=True)
        .when_all_settles()
        .then(stable="v2", phase="Healthy", conditions={"Available": "True"}, pods={"v2": 4}, retiring=[])
    )


def test_while_stable_crash_loops_nothing_is_promoted_by_itself() -> None:
    story = app(replicas=2).with_steps(50).with_analysis("error-rate", maxDuration="5m").serving("v1").canary("v2")
    story.when_pods_are_in_trouble("v1", CRASHING)
    story.world.answer(story.name("v2"), GOOD)
    story.when_time_passes("1h").then(stable="v1", candidate="v2", weight=50, phase="Paused")
    story.then(says="to go on anyway: kubectl genaiops promote")
    story.when_person_follows_the_message().when_all_settles().then(stable="v2", phase="Healthy")


def node_lost(story: Story) -> Story:
    """Every pod is on it."""
    for version in ("v1", "v2"):
        story.world.troubles[story.name(version)] = "NodeLost: the node is unreachable"
        story.world.set_ready(story.name(version), 0)
    return story.when_reconciled()


def node_back(story: Story) -> Story:
    for version in ("v1", "v2"):
        story.when_pods_ready(version)
    return story.when_gateway_reports()


def test_a_node_that_is_lost_under_both_and_comes_back_decides_nothing() -> None:
    # given
    story = at_half()
    before = story.world.status.rollout
    told = len(story.world.notices)
    # when all pods are lost
    node_lost(story).then(weight=0, candidate="v2", stable="v1", phase="Progressing", says=("0 of 2", "NodeLost"))
    story.then(conditions={"Available": "False", "Ready": "False", "Reconciling": "True", "Stalled": "False"})
    story.then(pods={"v1": 4, "v2": 2}).then_nothing_changes()
    # and are away for less than the deadline
    story.when_time_passes("4m").then(candidate="v2", aborted=None).then_nothing_changes()
    # then the same rollout goes on at the same step, and what was told is one loss and one return
    node_back(story).then(weight=50, step=1, phase="Paused", conditions={"Available": "True"})
    after = story.world.status.rollout
    assert before
    assert after
    assert (after.started_at, after.step_started_at) == (before.started_at, before.step_started_at)
    news = [notice.message for notice in story.world.notices[told:] if notice.reason == "WeightSet"]
    assert [message.rpartition(" weight ")[2] for message in news] == ["50 → 0", "0 → 50"]


def test_a_node_that_stays_lost_takes_the_candidate_back_and_stable_serves_when_it_is_back() -> None:
    story = node_lost(at_half()).when_time_passes("5m")
    story.then(aborted="v2", stable="v1", weight=0, conditions={"Available": "False"}).then_nothing_changes()
    story.when_pods_ready("v1").when_all_settles().then(stable="v1", pods={"v1": 4}, conditions={"Available": "True"})


def test_a_node_that_flickers_writes_as_many_decisions_as_it_has_failures() -> None:
    story = at_half()
    for _ in range(5):
        node_back(node_lost(story).when_time_passes("10s"))
    story.then(weight=50, step=1, candidate="v2", phase="Paused", history=[("v1", "Promoted")])
    assert sum(notice.reason == "WeightSet" for notice in story.world.notices) == 1 + 2 * 5


def test_a_node_lost_in_the_watch_goes_back_nowhere() -> None:
    story = app(replicas=2).with_steps(50).with_rollout(watchAfterPromotion="10m", progressDeadline="1m")
    story.serving("v1").canary("v2").when_all_settles().then(stable="v2", watched="v1")
    node_lost(story).when_time_passes("5m").then(stable="v2", watched="v1", candidate=None, aborted=None)
    node_back(story).then(stable="v2", phase="Healthy", watched="v1")


@pytest.mark.parametrize("ready", [0, 1])
def test_a_quota_that_refuses_the_candidates_pods_is_told_and_the_deadline_takes_it_back(ready: int) -> None:
    story = app(replicas=4).with_steps(50).with_rollout(progressDeadline="5m").serving("v1").when_prompt("v2")
    story.world.set_ready(story.name("v2"), ready)
    story.world.troubles[story.name("v2")] = REFUSED
    (
        story.when_reconciled()
        .then(weight=0, phase="Progressing", says=(f"{ready} of 2 pods", "exceeded quota"))
        .when_time_passes("5m")
        .then(aborted="v2", phase="Degraded", says=("ProgressDeadlineExceeded", "exceeded quota", "goes on serving"))
        .when_all_settles()
        .then(pods={"v1": 4}, conditions={"Available": "True", "Stalled": "True"})
    )
