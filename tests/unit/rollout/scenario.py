"""Stories of a rollout in the words of its domain: given an app, when this happens, then that holds.

    (
        app()
        .with_steps(25, pause("60s"), 50)
        .serving("v1")
        .when_prompt("v2")
        .when_pods_ready("v2")
        .when_gateway_reports()
        .then(weight=25, phase="Paused")
    )

Releases are called by their prompt's version. After each `when` the operator plans until nothing changes, on a
cluster that is a `World`; every plan is checked against what must always hold (see `World`).
"""

import re
from collections.abc import Iterable
from typing import Any, Self, Unpack

from genaiops.api.action import ReleaseActionSpec
from genaiops.api.base import parse_duration
from genaiops.api.evaluation import EvaluationStatus
from genaiops.api.llmapp import LLMAppSpec
from genaiops.rollout.snapshot import Asked, Run
from rollout.outcome import Expected, Outcome, difference_in, version_of
from rollout.world import APP, Requests, World

Step = int | dict[str, Any]
VERSIONS = ("v1", "v2", "v3", "v4", "v5")


def app(replicas: int = 1) -> "Story":
    """An app that asks for prompt v1 of a model that is served elsewhere. Nothing has been made of it yet."""
    return Story(replicas)


def pause(duration: str | None = None) -> Step:
    """A step that waits for a time or, without one, for a person."""
    return {"pause": {"duration": duration} if duration else {}}


def metric(name: str, **fields: Any) -> dict[str, Any]:
    """A metric of the analysis, as in a manifest."""
    return {"name": name, **fields}


def a_suite(query: str) -> dict[str, Any]:
    """A suite of one row."""
    return {"dataset": {"rows": [{"id": "r1", "query": query}]}, "evaluators": [{"name": "f1", "type": "F1"}]}


class Story:
    """A fluent story; every method but the properties goes on with it."""

    def __init__(self, replicas: int) -> None:
        self._manifest: dict[str, Any] = {
            "replicas": replicas,
            "model": {"ref": "gpt"},
            "prompt": {"ref": "support", "version": "v1"},
            # A story that is not about the analysis lets weights follow each other.
            "rollout": {"steps": [], "analysis": {"metrics": []}},
        }
        prompts = [{"name": v, "messages": [{"role": "system", "content": f"wording {v}"}]} for v in VERSIONS]
        objects: dict[tuple[str, str], dict[str, Any]] = {
            ("Model", "gpt"): {"spec": {"model": "gpt", "endpoint": "http://gpt:8080/v1"}},
            ("Prompt", "support"): {"spec": {"versions": prompts}},
        }
        self.world = World(self._spec(), objects)
        self._told: list[str] = []
        self._seen_notices = 0

    # --- given ----------------------------------------------------------------------------------------------

    def with_steps(self, *steps: Step) -> Self:
        """Steps of the rollout; a number is a weight."""
        rollout = self._manifest["rollout"]
        rollout["steps"] = [{"setWeight": step} if isinstance(step, int) else step for step in steps]
        return self._apply(f"steps {steps}")

    def with_analysis(self, *metrics: str | dict[str, Any], **fields: Any) -> Self:
        """Metrics that are judged, and other fields of the analysis, as in a manifest."""
        listed = [metric(one) if isinstance(one, str) else one for one in metrics]
        self._manifest["rollout"]["analysis"] = {"interval": "10s", "minSamples": 30, **fields, "metrics": listed}
        return self._apply(f"analysis of {metrics}")

    def with_rollout(self, **fields: Any) -> Self:
        """Other fields of the rollout, as in a manifest."""
        self._manifest["rollout"] |= fields
        return self._apply(f"rollout {fields}")

    def with_suites(self, *names: str, **use: Any) -> Self:
        """EvaluationSuites that a new release has to pass, and when what serves is evaluated again; those that don't
        exist yet are written."""
        return self.with_uses(*({"suite": name, **use} for name in names))

    def with_uses(self, *uses: dict[str, Any]) -> Self:
        """The same, each with its own schedule."""
        self._manifest["evaluations"] = list(uses)
        for use in uses:
            self.world.objects.setdefault(("EvaluationSuite", use["suite"]), {"spec": a_suite("Hello?")})
        return self._apply(f"suites {uses}")

    def with_history_limit(self, limit: int) -> Self:
        """Releases and history entries that are kept."""
        self._manifest["revisionHistoryLimit"] = limit
        return self._apply(f"history limit {limit}")

    def serving(self, version: str) -> Self:
        """The app serves this version and all is quiet."""
        return self.when_prompt(version).when_all_settles().then(stable=version, weight=0)

    def canary(self, version: str) -> Self:
        """A rollout of this version stands at its first weight, or wherever else it has to wait."""
        return self.when_prompt(version)._settle()

    # --- when -----------------------------------------------------------------------------------------------

    def when_prompt(self, version: str) -> Self:
        """A person asks for another version of the prompt."""
        self._manifest["prompt"]["version"] = version
        return self._apply(f"prompt {version}").when_reconciled()

    def when_replicas(self, replicas: int) -> Self:
        """A person or an autoscaler scales the app."""
        self._manifest["replicas"] = replicas
        return self._apply(f"replicas {replicas}").when_reconciled()

    def when_policy_is_taken_from(self, name: str) -> Self:
        """A person has the rollout's settings come from a RolloutPolicy."""
        self._manifest["rolloutPolicyRef"] = name
        self._manifest.pop("rollout", None)
        return self._apply(f"rollout policy {name}").when_reconciled()

    def when_policy_is(self, name: str, spec: dict[str, Any] | None) -> Self:
        """A RolloutPolicy is written or, with None, deleted."""
        if spec is None:
            del self.world.objects["RolloutPolicy", name]
        else:
            self.world.objects["RolloutPolicy", name] = {"spec": spec}
        return self._event(f"policy {name} is {spec}")

    def when_reconciled(self) -> Self:
        """The operator looks at the app."""
        return self._event("reconciled")

    def when_pods_ready(self, version: str, count: int | None = None) -> Self:
        """So many pods of a release are ready, all where no number is said; what kept them from it is over."""
        release = self.name(version)
        self.world.troubles.pop(release, None)
        self.world.set_ready(release, self.world.deployments.get(release, 0) if count is None else count)
        return self._event(f"{count if count is not None else 'all'} pods of {version} ready")

    def when_pods_are_in_trouble(self, version: str, why: str) -> Self:
        """The cluster tells why no pod of a release becomes ready."""
        self.world.troubles[self.name(version)] = why
        self.world.set_ready(self.name(version), 0)
        return self._event(f"pods of {version}: {why}")

    def when_pods_ended(self) -> Self:
        """The pods that were told to end are gone."""
        self.world.end_pods()
        return self._event("pods ended")

    def when_gateway_reports(self) -> Self:
        """The gateway has in effect what it was told last, and says so."""
        self.world.gateway.silent = None
        self.world.load_routes()
        return self._event("the gateway reports")

    def when_gateway_is_silent(self, why: str) -> Self:
        """The gateway can't be asked."""
        self.world.gateway.silent = why
        return self._event(f"the gateway is silent: {why}")

    def when_gateway_loses_sight_of(self, version: str) -> Self:
        """The gateway's own checks find no healthy pod of a release."""
        self.world.gateway.endpoints[self.name(version)] = 0
        return self._event(f"the gateway sees no pod of {version}")

    def when_suite_asks(self, name: str, query: str) -> Self:
        """A person changes the rows of a suite."""
        self.world.objects["EvaluationSuite", name] = {"spec": a_suite(query)}
        return self._event(f"suite {name} asks {query}")

    def when_suite_is_deleted(self, name: str) -> Self:
        """Somebody deletes a suite."""
        self.world.objects.pop(("EvaluationSuite", name), None)
        return self._event(f"suite {name} is deleted")

    def when_evaluation(self, suite: str, phase: str, **status: Any) -> Self:
        """The newest run of a suite tells where it stands."""
        name = next(name for name, run in reversed(self.world.runs.items()) if run.spec.suite == suite)
        return self.when_run(name, phase, **status)

    def when_run(self, name: str, phase: str, **status: Any) -> Self:
        """An Evaluation tells where it stands."""
        run = self.world.runs[name]
        asked = {"suiteHash": run.status.suite_hash, "phase": phase}
        self.world.runs[name] = Run(run.spec, EvaluationStatus.model_validate(asked | status))
        return self._event(f"evaluation {run.spec.suite} of {run.spec.release} is {phase}")

    def when_all_settles(self) -> Self:
        """Pods become ready, the gateway reports, pods end, until nothing is left to happen."""
        self._mark("all settles")
        return self._settle()

    def when_traffic(self, *, candidate: Requests, stable: Requests) -> Self:
        """Both releases answer requests, during one interval of the analysis."""
        status = self.world.status
        self.world.answer(str(status.candidate_release), candidate)
        self.world.answer(str(status.stable_release), stable)
        self._tell(f"traffic: candidate {candidate}, stable {stable}")
        return self.when_time_passes("10s")

    def when_answers(self, **by_version: Requests) -> Self:
        """Releases answer requests, during one interval of the analysis."""
        for version, requests in by_version.items():
            self.world.answer(self.name(version), requests)
        self._tell(f"answers: {by_version}")
        return self.when_time_passes("10s")

    def when_pods_cannot_be_read(self, why: str | None) -> Self:
        """Asking pods for their counters fails; with None it works again."""
        self.world.unreadable = why
        return self._tell(f"counters: {why}")

    def when_pods_restart(self, version: str) -> Self:
        """All pods of a release are replaced by new ones that have counted nothing."""
        self.world.restart(self.name(version))
        return self._event(f"pods of {version} restart")

    def when_time_passes(self, duration: str) -> Self:
        """Time passes. The operator looks again only when it said that it would."""
        self._mark(f"{duration} pass")
        self.world.pass_time(parse_duration(duration))
        return self

    def decides(
        self,
        action: str,
        version: str,
        *,
        by: str = "jane",
        ago: str = "0s",
        anonymous: bool = False,
        forged: bool = False,
        **fields: Any,
    ) -> Self:
        """A person decides on a release; the operator has not looked yet. `anonymous`: it runs without its webhook;
        `forged`: the requester was not written by that."""
        release = self.world.releases[self.name(version)]
        if "to" in fields:
            fields["to"] = self.world.releases[self.name(fields["to"])].hash
        requester = {"username": by, "stamp": "x"}
        spec = {"app": APP, "action": action, "release": release.hash, "requester": requester, **fields}
        number = len(self.world.actions) + 1
        problem = "its requester was not written by the webhook" if forged else None
        at = self.world.now - parse_duration(ago)
        asked = Asked(f"action-{number}", str(number), at, ReleaseActionSpec.model_validate(spec), problem, anonymous)
        self.world.actions.append(asked)
        return self._tell(f"{by}: {action} {version} {fields or ''}")

    def when_person(self, action: str, version: str, **fields: Any) -> Self:
        """A person decides on a release, and the operator looks at it."""
        return self.decides(action, version, **fields)._event(f"{action} is looked at")

    def when_person_follows_the_message(self) -> Self:
        """A person runs the command that the status message names."""
        found = re.search(rf"kubectl genaiops (\w+) {APP} -n \S+", self.outcome.message)
        assert found, self._complaint("the message names no command")
        rollout = self.world.status.rollout
        assert rollout is not None
        version = version_of(self.world.releases[rollout.release])
        return self.when_person(found[1].capitalize(), version)

    # --- then -----------------------------------------------------------------------------------------------

    def then(self, **expected: Unpack[Expected]) -> Self:
        """All of this holds now."""
        for what, value in expected.items():
            difference = difference_in(self.outcome, what, value)
            assert difference is None, self._complaint(str(difference))
        return self

    def then_nothing_changes(self) -> Self:
        """However often the operator looks again, it says and does the same."""
        first = self.world.plan()
        assert first.status == self.world.status, self._complaint("the status changes")
        assert not first.notices, self._complaint(f"it says {first.notices}")
        assert self.world.plan() == first, self._complaint("the plan changes")
        return self

    @property
    def outcome(self) -> Outcome:
        """Where the story stands."""
        return Outcome(self.world, self._seen_notices)

    def name(self, version: str) -> str:
        """The release of a version."""
        known = {version_of(release): name for name, release in self.world.releases.items()}
        assert version in known, self._complaint(f"there is no release of {version}")
        return known[version]

    # --- how ------------------------------------------------------------------------------------------------

    def _spec(self) -> LLMAppSpec:
        return LLMAppSpec.model_validate(self._manifest)

    def _apply(self, what: str) -> Self:
        spec = self._spec()
        if spec != self.world.spec:
            self.world.spec = spec
            self.world.generation += 1
        return self._tell(what)

    def _settle(self) -> Self:
        for _ in range(20):
            before = self.world.state()
            for release, replicas in self.world.deployments.items():
                if release not in self.world.troubles:
                    self.world.set_ready(release, replicas)
            self.world.end_pods()
            self.world.gateway.silent = None
            self.world.load_routes()
            self.world.reconcile()
            if self.world.state() == before:
                return self
        raise AssertionError(self._complaint("the cluster doesn't settle"))

    def _event(self, what: str) -> Self:
        self._mark(what)
        self.world.reconcile()
        return self

    def _mark(self, what: str) -> None:
        self._seen_notices = len(self.world.notices)
        self._tell(what)

    def _tell(self, what: str) -> Self:
        self._told.append(f"{self.world.now:%H:%M:%S} {what}")
        return self

    def _complaint(self, what: str) -> str:
        events: Iterable[str] = (f"{notice.reason}: {notice.message}" for notice in self.world.notices)
        story, said = "\n  ".join(self._told), "\n  ".join(events)
        return f"{what}\nthe story so far:\n  {story}\nevents:\n  {said}\nstatus: {self.world.status}"
