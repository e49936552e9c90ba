"""The operator's clock is put back or forward by an hour between two passes.

What is promised, either way:
- no breach is lost: one in the data is found within an interval of the jump, whichever window it falls in;
- no time is negative, nothing is looked at in a busy loop (the `World` refuses a wake-up that is not in the future);
- no weight changes by the jump alone, but for a deadline that is over.

Put back: what began "later" begins now, so a pause, a deadline, a watch takes at most its whole time once more. A
decision and an approval hold for as much longer. Who asked for a change "before" stable was asked for asked for it.

Put forward: what waits for a time has waited for it, as if the operator had been away for an hour. A pause ends, though
not without the verdict that more weight takes; a candidate whose pods are not ready is taken back; a watch ends, once
what was counted until then was judged; a decision that nobody looked at in time expires.
"""

from datetime import datetime, timedelta

import pytest

from genaiops.analysis.window import kept
from genaiops.api.llmapp_status import Measured, Measurement, Verdict
from genaiops.rollout.clock import begun_by
from genaiops.rollout.due import next_question
from rollout.scenario import Story, app, pause
from rollout.world import BEGINNING, Requests

HOUR = timedelta(hours=1)
BACK, FORWARD = -HOUR, HOUR
GOOD, BAD = Requests(800), Requests(100, errors=60)


def jumps(story: Story, by: timedelta) -> Story:
    """The clock is put to another time, and the operator looks at the app for some other reason."""
    story.world.now += by
    return story.when_reconciled()


def canary() -> Story:
    """v2 at weight 25, measured once."""
    story = app(replicas=4).with_steps(25, pause("10m"), 50).with_analysis("error-rate", maxDuration="2h")
    return story.serving("v1").canary("v2").when_traffic(candidate=Requests(20), stable=Requests(80)).then(weight=25)


def watched() -> Story:
    """v2 was promoted, and is watched for 30 minutes of which 10 are over."""
    return (
        app(replicas=2)
        .with_steps(50)
        .with_analysis("error-rate")
        .with_rollout(watchAfterPromotion="30m")
        .serving("v1")
        .canary("v2")
        .when_traffic(candidate=GOOD, stable=GOOD)
        .when_all_settles()
        .then(stable="v2", watched="v1")
        .when_time_passes("10m")
    )


def gated() -> Story:
    """v2 waits for two people."""
    story = app().serving("v1").with_rollout(approval={"approvals": 2})
    return story.when_prompt("v2").then(phase="Paused", pods={"v1": 1})


@pytest.mark.parametrize("by", [BACK, FORWARD])
@pytest.mark.parametrize("bad_before_the_jump", [True, False])
def test_a_breach_of_a_candidate_is_found_within_an_interval(by: timedelta, bad_before_the_jump: bool) -> None:
    story = canary()
    if not bad_before_the_jump:
        jumps(story, by).then(candidate="v2", aborted=None)
    story.world.answer(story.name("v2"), BAD)
    story.world.answer(story.name("v1"), GOOD)
    if bad_before_the_jump:
        jumps(story, by)
    story.when_time_passes("10s").then(weight=0, aborted="v2", stable="v1")


@pytest.mark.parametrize("by", [BACK, FORWARD / 4])
def test_a_breach_after_a_promotion_is_found_within_an_interval(by: timedelta) -> None:
    story = jumps(watched(), by).then(watched="v1", stable="v2")
    story.world.answer(story.name("v2"), BAD)
    story.when_time_passes("10s").then(stable="v1", aborted="v2", watched=None)


def test_what_is_measured_after_the_clock_was_put_back_is_newer_than_what_was() -> None:
    def of_a_query(at: datetime) -> Measurement:
        return Measurement(at=at, verdict=Verdict.FAILED)

    story = canary()
    before = story.world.status
    assert before.rollout
    assert before.rollout.analysis
    measured = {"quality": Measured(measurements=[of_a_query(story.world.now)])}
    window = before.rollout.analysis.model_copy(update={"metrics": measured})
    rollout = before.rollout.model_copy(update={"analysis": window})
    earlier = story.world.now + BACK

    after = begun_by(earlier, before.model_copy(update={"rollout": rollout}))

    assert after.rollout
    assert after.rollout.analysis
    more = of_a_query(earlier + timedelta(seconds=10))
    assert kept(after.rollout.analysis.metrics["quality"], more).measurements[-1] == more
    assert after.history == before.history, "what is over stays as it was told"


def test_a_watch_that_is_over_by_the_jump_judges_what_was_counted_before_it_ends() -> None:
    story = watched()
    story.world.answer(story.name("v2"), BAD)
    jumps(story, FORWARD).then(stable="v1", aborted="v2", says="after its promotion")


@pytest.mark.parametrize("by", [BACK, FORWARD])
def test_a_rollout_goes_on_to_its_end(by: timedelta) -> None:
    story = jumps(canary(), by).when_all_settles()
    for _ in range(2):
        story.when_traffic(candidate=GOOD, stable=GOOD).when_all_settles().when_time_passes("10m").when_all_settles()
    story.then(stable="v2", phase="Healthy", weight=0, pods={"v2": 4}, retiring=[])
    story.then(history=[("v1", "Promoted"), ("v2", "Promoted")])


def test_put_back_a_pause_takes_its_time_once_more_and_no_hour() -> None:
    story = app().with_steps(25, pause("10m"), 50, pause()).serving("v1").canary("v2").when_time_passes("5m")
    jumps(story, BACK).then(weight=25, phase="Paused").when_time_passes("9m59s").then(weight=25)
    story.when_time_passes("1s").then(weight=50)


def test_put_forward_a_pause_is_over_and_more_weight_still_takes_a_verdict() -> None:
    story = jumps(canary(), FORWARD).then(weight=25, candidate="v2")
    story.when_traffic(candidate=GOOD, stable=GOOD).when_all_settles().then(weight=50)


def test_put_back_the_progress_deadline_is_no_hour_later() -> None:
    story = app().with_steps(25).with_rollout(progressDeadline="5m").serving("v1").when_prompt("v2")
    jumps(story.when_time_passes("4m"), BACK).when_time_passes("4m59s").then(aborted=None)
    story.when_time_passes("1s").then(aborted="v2", weight=0, stable="v1")


@pytest.mark.parametrize("by", [BACK, timedelta(seconds=-10), timedelta(seconds=10)])
def test_pods_that_are_ready_for_moments_only_get_the_deadline_once_more_at_the_most(by: timedelta) -> None:
    story = app().with_steps(25, pause()).with_rollout(progressDeadline="5m").serving("v1").canary("v2")
    for minute in range(10):
        story.when_pods_are_in_trouble("v2", "CrashLoopBackOff").when_time_passes("1m")
        if story.outcome.candidate:
            story.when_pods_ready("v2").when_gateway_reports()
            if minute == 3:
                jumps(story, by)
    story.then(aborted="v2", stable="v1")


def test_put_forward_a_candidate_without_pods_is_taken_back_and_may_be_retried() -> None:
    story = app().with_steps(25).with_rollout(progressDeadline="5m").serving("v1").when_prompt("v2")
    jumps(story, FORWARD).then(aborted="v2", says="ProgressDeadlineExceeded").when_person("Retry", "v2")
    story.when_all_settles().then(candidate=None, stable="v2")


def test_put_back_a_watch_takes_its_time_once_more() -> None:
    story = jumps(watched(), BACK).then(watched="v1").when_time_passes("29m").then(watched="v1")
    story.when_time_passes("1m").when_all_settles().then(watched=None, stable="v2", pods={"v2": 2})


def test_put_back_and_set_right_again_is_no_harm() -> None:
    story = jumps(jumps(canary(), BACK), FORWARD).then(candidate="v2", weight=25, aborted=None)
    story.when_traffic(candidate=BAD, stable=GOOD).then(aborted="v2", weight=0)


def test_put_back_a_decision_is_carried_out_and_an_approval_counts_longer() -> None:
    story = gated().when_person("Approve", "v2", by="ann", ttl="30m")
    jumps(story, BACK).when_time_passes("80m").when_person("Approve", "v2", by="joe").then(pods={"v1": 1, "v2": 1})


def test_put_forward_an_approval_counts_no_longer_and_can_be_given_anew() -> None:
    story = gated().when_person("Approve", "v2", by="ann", ttl="30m")
    jumps(story, FORWARD).when_person("Approve", "v2", by="joe").then(pods={"v1": 1}, says="so far joe")
    story.when_person("Approve", "v2", by="ann").then(pods={"v1": 1, "v2": 1})


def test_a_decision_made_before_the_clock_was_put_forward_expires_and_one_made_before_it_was_put_back_holds() -> None:
    story = canary().decides("Abort", "v2", ttl="30m")
    jumps(story, FORWARD).then(decisions=[("Abort", "Expired")], aborted=None)
    story = canary().decides("Abort", "v2", ttl="30m")
    jumps(story, BACK).then(decisions=[("Abort", "Applied")], aborted="v2")


def test_put_back_nobody_approves_what_they_asked_for() -> None:
    story = app().serving("v1").with_rollout(approval={"required": True})
    story.world.now = BEGINNING - HOUR
    story.world.changed_by = {"joe": story.world.now + timedelta(minutes=1)}
    (
        story.when_time_passes("2m")
        .when_prompt("v2")
        .when_person("Approve", "v2", by="joe")
        .then(pods={"v1": 1}, event=("ActionRefused", "joe asked for this change"))
    )


def test_a_silent_gateway_is_asked_no_more_often_while_a_release_goes() -> None:
    story = canary().when_prompt("v1").when_gateway_is_silent("timeout").then(retiring=["v2"])
    jumps(story, BACK)
    assert story.world.wake == story.world.now + timedelta(seconds=5)
    assert next_question(BEGINNING, BEGINNING) == BEGINNING + timedelta(milliseconds=200)
