"""Whatever happens in whatever order: Hypothesis tells the stories.

What must hold in each of them is checked on every plan by the `World`: weight only on ready pods, stable at its full
size, no pods taken from what the gateway sends requests to, nobody past a suite that it has not passed, a fixpoint
after each event, and no busy loop.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from genaiops.api.action import Action
from genaiops.rollout.snapshot import Run
from rollout.outcome import version_of
from rollout.scenario import Step, Story, app, pause
from rollout.world import Requests


def variant(name: str, version: str, weight: int = 10) -> dict[str, Any]:
    """The app with another version of the prompt, in an experiment."""
    return {"name": name, "weight": weight, "prompt": {"ref": "support", "version": version}}


STEPS: list[tuple[Step, ...]] = [
    (),
    (10,),
    (25, 50, 75),
    (pause(), 60),
    ({"setHeaderRoute": {"match": [{"header": "x-tester", "exact": "yes"}]}}, {"approval": {}}, 50),
    ({"setCanaryScale": {"percent": 100}}, {"shadow": {"percent": 10, "duration": "1m"}}, 20),
    (10, {"analysis": {"metrics": [{"name": "latency"}], "maxDuration": "1m"}}, {"setCanaryScale": {"replicas": 2}}),
    (20, {"experiment": {"duration": "2m", "variants": [variant("terse", "v3"), variant("warm", "v5", 40)]}}, 50),
    ({"experiment": {"samples": 40, "variants": [variant("terse", "v5"), variant("odd", "v9")]}}, 10),
]
OFTEN = "* * * * *"
SUITES: list[tuple[dict[str, str], ...]] = [
    (),
    ({"suite": "golden"},),
    ({"suite": "golden"}, {"suite": "red-team", "schedule": OFTEN}),
    ({"suite": "golden", "schedule": OFTEN}, {"suite": "red-team", "schedule": OFTEN, "onDrift": "Rollback"}),
]
VERSIONS = st.sampled_from(["v1", "v2", "v3", "v9"])
"""The prompt has no version v9."""


class Interleavings(RuleBasedStateMachine):
    """An app, its cluster, the people who change it and the users who ask it."""

    @initialize(replicas=st.integers(1, 5), midway=st.booleans(), watch=st.sampled_from(["0s", "5m"]))
    def begins(self, replicas: int, midway: bool, watch: str) -> None:
        self.story = app(replicas).with_rollout(watchAfterPromotion=watch)
        self.story.with_steps(10, pause("30s"), 50).with_analysis("error-rate", maxDuration="3m")
        self.story.with_rollout(progressDeadline="2m").when_reconciled()
        self.world = self.story.world
        if midway:
            self.story.serving("v1").canary("v2").then(weight=10)

    # --- people ---------------------------------------------------------------------------------------------

    @rule(version=VERSIONS)
    def prompt_changes(self, version: str) -> None:
        self.story.when_prompt(version)

    @rule(replicas=st.integers(1, 6))
    def app_is_scaled(self, replicas: int) -> None:
        self.story.when_replicas(replicas)

    @rule(steps=st.sampled_from(STEPS))
    def steps_change(self, steps: tuple[Step, ...]) -> None:
        self.story.with_steps(*steps).when_reconciled()

    @rule(required=st.booleans())
    def an_approval_is_asked_for_or_not(self, required: bool) -> None:
        self.story.with_rollout(approval={"required": required}).when_reconciled()

    @precondition(lambda self: self.world.releases)
    @rule(data=st.data(), action=st.sampled_from(list(Action)), full=st.booleans())
    def a_person_decides(self, data: st.DataObject, action: Action, full: bool) -> None:
        release = data.draw(st.sampled_from(sorted(self.world.releases)))
        fields = {"full": True} if full and action is Action.PROMOTE else {}
        self.story.when_person(action, version_of(self.world.releases[release]), **fields)

    @rule(uses=st.sampled_from(SUITES))
    def suites_are_asked_for_or_not(self, uses: tuple[dict[str, str], ...]) -> None:
        self.story.with_uses(*uses).when_reconciled()

    @rule(suite=st.sampled_from(["golden", "red-team"]), query=st.sampled_from(["Hello?", "Goodbye?"]))
    def a_suite_changes(self, suite: str, query: str) -> None:
        self.story.when_suite_asks(suite, query)

    @rule(suite=st.sampled_from(["golden", "red-team"]))
    def a_suite_is_deleted(self, suite: str) -> None:
        self.story.when_suite_is_deleted(suite)

    # --- evaluations ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.runs)
    @rule(data=st.data(), phase=st.sampled_from(["Running", "Passed", "Failed", "Error"]), passed=st.integers(0, 100))
    def an_evaluation_tells(self, data: st.DataObject, phase: str, passed: int) -> None:
        unfinished = [name for name, run in self.world.runs.items() if not is_over(run)]
        if unfinished:
            name = data.draw(st.sampled_from(unfinished))
            found = {"name": "f1", "type": "F1", "judged": 100, "passed": passed, "ok": phase == "Passed"}
            self.story.when_run(name, phase, message=f"{passed} of 100 pass", evaluators=[found])

    @precondition(lambda self: self.world.runs)
    @rule(data=st.data())
    def an_evaluation_is_deleted(self, data: st.DataObject) -> None:
        del self.world.runs[data.draw(st.sampled_from(sorted(self.world.runs)))]
        self.story.when_reconciled()

    # --- the cluster ----------------------------------------------------------------------------------------

    @rule(data=st.data(), ready=st.integers(0, 6))
    def pods_become_ready_or_are_lost(self, data: st.DataObject, ready: int) -> None:
        release = data.draw(st.sampled_from(sorted({*self.world.pods, "none"})))
        self.world.set_ready(release, ready)
        self.story.when_reconciled()

    @rule()
    def pods_end(self) -> None:
        self.story.when_pods_ended()

    @rule()
    def gateway_reports(self) -> None:
        self.story.when_gateway_reports()

    @rule()
    def gateway_falls_silent(self) -> None:
        self.story.when_gateway_is_silent("timeout")

    @rule()
    def all_settles(self) -> None:
        self.story.when_all_settles()

    @rule(length=st.sampled_from(["1s", "10s", "40s", "2m"]))
    def time_passes(self, length: str) -> None:
        self.story.when_time_passes(length)

    @rule(by=st.sampled_from([timedelta(hours=-1), timedelta(hours=1)]))
    def the_clock_jumps(self, by: timedelta) -> None:
        self.world.now += by
        self.story.when_reconciled()

    # --- users ----------------------------------------------------------------------------------------------

    def both_answer(self) -> bool:
        """Whether a window is open and both releases have a pod that answers."""
        rollout, stable = self.world.status.rollout, self.world.status.stable_release
        if rollout is None or stable is None or rollout.analysis is None or not rollout.weight:
            return False
        return bool(self.world.ready(rollout.release) and self.world.ready(stable))

    @precondition(both_answer)
    @rule()
    def candidate_answers_well(self) -> None:
        self.story.when_traffic(candidate=Requests(50), stable=Requests(50))

    # --- always ---------------------------------------------------------------------------------------------

    @invariant()
    def between_two_events_nothing_changes(self) -> None:
        if hasattr(self, "story"):
            self.story.then_nothing_changes()

    def teardown(self) -> None:
        """From wherever it got to, an app that is asked for a good release ends up serving it."""
        if not hasattr(self, "story"):
            return
        self.story.with_rollout(approval={"required": False}, watchAfterPromotion="0s")
        self.story.with_suites("golden").with_steps(10).when_suite_asks("golden", "Hello?")
        self.story.when_prompt("v4").when_all_settles()
        self.story.when_evaluation("golden", "Passed").when_all_settles()
        if self.world.status.rollout:
            self.story.when_traffic(candidate=Requests(1000), stable=Requests(1000)).when_all_settles()
        self.story.then(stable="v4", phase="Healthy", retiring=[], candidate=None, weight=0)
        assert list(self.world.pods) == [self.story.name("v4")]


def is_over(run: Run) -> bool:
    return bool(run.status.phase and run.status.phase.finished)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

DISTURBANCES: list[Callable[[Story], object]] = [
    lambda story: story.when_prompt("v9"),
    lambda story: story.when_replicas(6),
    lambda story: story.when_gateway_is_silent("timeout"),
    lambda story: story.when_gateway_loses_sight_of("v2"),
    lambda story: story.when_gateway_reports(),
    lambda story: story.when_pods_ready("v2", 0),
    lambda story: story.when_pods_ready("v2"),
    lambda story: story.when_pods_cannot_be_read("timeout").when_time_passes("20s").when_pods_cannot_be_read(None),
    lambda story: story.when_time_passes("5s"),
]


@cache
def canary() -> Story:
    """v2 at weight 25, its window open."""
    return app(4).with_steps(25, pause(), 50).with_analysis("error-rate").serving("v1").canary("v2").then(weight=25)


@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.sampled_from(DISTURBANCES), max_size=2),
    after=st.lists(st.sampled_from(DISTURBANCES), max_size=3),
)
def test_no_disturbance_before_or_after_loses_a_breach(
    before: list[Callable[[Story], object]], after: list[Callable[[Story], object]]
) -> None:
    story = deepcopy(canary())
    for disturb in before:
        disturb(story)
    assume(story.world.ready(story.name("v2")))
    story.world.answer(story.name("v2"), Requests(300, errors=300))
    story.world.answer(story.name("v1"), Requests(300))

    for disturb in after:
        disturb(story)
    story.when_pods_ready("v2").when_time_passes("20s").then(weight=0)

    # Once all is well again but the release, it is taken back, too.
    story.when_prompt("v2").when_all_settles().when_time_passes("20s").then(weight=0, candidate=None, aborted="v2")
