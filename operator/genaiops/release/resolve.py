"""Resolving an LLMApp: follow its references and put together what the next release would be.

Pure: what exists is handed in as a lookup. What does not resolve comes back as problems that a person can act on;
they become conditions on the LLMApp while the running release goes on serving.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from genaiops.api.base import SecretKeyRef
from genaiops.api.detectors import Detector
from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.guardrails import Guardrail, GuardrailPolicySpec
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.model import LifecycleStage, ModelSpec
from genaiops.api.parameters import Parameters
from genaiops.api.prompt import PromptSpec
from genaiops.api.quality import Quality
from genaiops.api.release import (
    ModelContent,
    ReleaseContent,
    ReleaseSource,
    ReleaseSpec,
    RuntimeContent,
)
from genaiops.api.rollout import Experiment, RolloutPolicySpec, RolloutSpec
from genaiops.api.rollout import Variant as VariantSpec
from genaiops.guardrails.validate import validate
from genaiops.prompts import UnresolvedError, Wording, wording
from genaiops.release.changes import describe_changes
from genaiops.release.hashing import content_hash, release_name, suite_hash
from genaiops.release.lookup import Lookup, Spec, prompts_in, spec_of
from genaiops.release.size import size_problems
from genaiops.release.suites import evaluator_problems, suite_problems

_EVALUATIONS: Final = "spec.evaluations"

_PROMPT: Final = "spec.prompt"
_OF_NEW_RELEASES_ONLY: Final = frozenset({"ModelRetired", "PromptTooLong"})


@dataclass(frozen=True)
class ReferenceProblem:
    """Why an app can't be resolved: which field, what is wrong, what to do.

    `waits` marks what mends itself (a model server that is still starting), as against what needs a person.
    """

    reason: str
    field: str
    message: str
    waits: bool = False

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True)
class Suite:
    """An EvaluationSuite with the models that judge in it."""

    name: str
    hash: str
    spec: EvaluationSuiteSpec
    judges: tuple[ModelContent, ...]


@dataclass(frozen=True)
class Target:
    """What the app asks for: the release, and what it has to pass before it gets any traffic."""

    name: str
    release: ReleaseSpec
    suites: tuple[Suite, ...] = ()


@dataclass(frozen=True)
class Variant:
    """One more release of an experiment."""

    name: str
    weight: int
    """Percent of requests."""
    target: Target


@dataclass(frozen=True)
class Resolution:
    """Either a target or the problems that stand in its way; never both."""

    target: Target | None
    problems: tuple[ReferenceProblem, ...]
    rollout: RolloutSpec
    warnings: tuple[ReferenceProblem, ...] = ()
    """What stops nothing."""
    variants: Mapping[int, tuple[Variant, ...]] = field(default_factory=dict)
    """Of the experiments, by the index of their step; present where a target is."""


@dataclass
class _Resolver:
    lookup: Lookup
    namespace: str
    problems: list[ReferenceProblem] = field(default_factory=list)
    context_windows: dict[str, int] = field(default_factory=dict)
    """Of the models that were resolved, where they tell it."""
    guardrail_models: dict[str, ModelContent] = field(default_factory=dict)
    """By name: what the guardrails ask."""

    def fail(self, reason: str, where: str, message: str, *, waits: bool = False) -> None:
        self.problems.append(ReferenceProblem(reason, where, message, waits))

    def spec(self, kind: str, name: str, where: str, model: type[Spec]) -> Spec | None:
        try:
            return spec_of(kind, name, model, self.lookup, self.namespace)
        except UnresolvedError as error:
            self.fail(error.reason, where, error.message)
            return None

    def model(self, name: str, where: str) -> ModelContent | None:
        spec = self.spec("Model", name, where, ModelSpec)
        if spec is None:
            return None
        if spec.context_window:
            self.context_windows[name] = spec.context_window
        if spec.lifecycle.stage is LifecycleStage.RETIRED:
            instead = (
                f"its replacement {spec.lifecycle.replacement!r}" if spec.lifecycle.replacement else "another Model"
            )
            self.fail(
                "ModelRetired", where, f"Model {name!r} is retired and starts no new release; move the app to {instead}"
            )
        if spec.credentials:
            self.secret(spec.credentials.secret_ref, f"Model {name!r}", "the Model's credentials.secretRef.key", where)
        if spec.serving and not _is_ready(self.lookup("Model", name) or {}):
            self.fail(
                "ModelNotReady",
                where,
                f"waiting for the server of Model {name!r} to become ready (kubectl describe model {name})",
                waits=True,
            )
        return ModelContent(
            name=name,
            provider=spec.provider,
            model=spec.model,
            endpoint=spec.endpoint or serving_endpoint(name, self.namespace, spec),
            credentials=spec.credentials.secret_ref if spec.credentials else None,
            pricing=spec.pricing,
        )

    def secret(self, ref: SecretKeyRef, of: str, field: str, where: str, what: str = "its API key") -> None:
        """`of` takes a key from it, and says so in this field of its own."""
        secret = self.lookup("Secret", ref.name)
        if secret is None:
            self.fail(
                "SecretNotFound",
                where,
                f"{of} takes {what} from Secret {ref.name!r}, which does not exist in namespace "
                f"{self.namespace!r}; create it with key {ref.key!r}",
            )
        elif ref.key not in (secret.get("keys") or ()):
            self.fail(
                "SecretKeyNotFound",
                where,
                f"{of} takes {what} from key {ref.key!r} of Secret {ref.name!r}, which has only "
                f"{', '.join(sorted(secret.get('keys') or ())) or 'no keys'}; add the key or correct {field}",
            )

    def prompt(self, app: LLMAppSpec) -> Wording | None:
        use = app.prompt
        prompt = self.spec("Prompt", use.ref, "spec.prompt.ref", PromptSpec)
        if prompt is None:
            return None
        where = "spec.prompt.version" if use.version else "spec.prompt.label"
        try:
            return wording(use.ref, prompt, use.version, use.label, prompts_in(self.lookup, self.namespace))
        except UnresolvedError as error:
            self.fail(error.reason, where, error.message)
            return None

    def guardrails(self, app: LLMAppSpec) -> list[GuardrailPolicySpec]:
        policies = []
        for index, ref in enumerate(app.guardrails):
            where = f"spec.guardrails[{index}].ref"
            policy = self.spec("GuardrailPolicy", ref.ref, where, GuardrailPolicySpec)
            if policy is None:
                continue
            for problem in validate(policy):
                if not problem.warning:
                    self.fail(
                        "GuardrailPolicyInvalid", where, f"GuardrailPolicy {ref.ref!r} can't be used: spec.{problem}"
                    )
            for path, guardrail in _guardrails(policy):
                self._served(guardrail.detector, f"GuardrailPolicy {ref.ref!r}, spec.{path}.detector", where)
            policies.append(policy)
        return policies

    def _served(self, detector: Detector, told: str, where: str) -> None:
        """The Model or Secret that a detector needs to ask its server."""
        before = len(self.problems)
        name = detector.model
        if name and name not in self.guardrail_models and (model := self.model(name, where)):
            self.guardrail_models[name] = model
        if detector.secret_ref:
            self.secret(detector.secret_ref, "the webhook", "the detector's secretRef.key", where)
        self.problems[before:] = [
            replace(problem, message=f"{told}: {problem.message}") for problem in self.problems[before:]
        ]

    def suite(self, name: str, where: str) -> Suite | None:
        spec = self.spec("EvaluationSuite", name, where, EvaluationSuiteSpec)
        if spec is None:
            return None
        for problem in suite_problems(spec):
            if not problem.warning:
                self.fail("EvaluationSuiteInvalid", where, f"EvaluationSuite {name!r} can't be used: spec.{problem}")
        for ref in spec.secrets:
            # Without it the run's pod would wait for ever.
            self.secret(ref, f"EvaluationSuite {name!r}", "the name in it", where, what="a key")
        names = dict.fromkeys(evaluator.asks for evaluator in spec.evaluators if evaluator.asks)
        judges = [self.model(judge, f"{where} → EvaluationSuite {name!r}: spec.evaluators") for judge in names]
        known = tuple(judge for judge in judges if judge is not None)
        return Suite(name, suite_hash(spec, known), spec, known)

    def rollout(self, app: LLMAppSpec) -> RolloutSpec:
        if app.rollout_policy_ref:
            policy = self.spec("RolloutPolicy", app.rollout_policy_ref, "spec.rolloutPolicyRef", RolloutPolicySpec)
            if policy and (kinds := app.traffic.cannot_do(policy.steps)):
                self.fail(
                    "StepsNotPossible",
                    "spec.rolloutPolicyRef",
                    f"RolloutPolicy {app.rollout_policy_ref!r} has steps that this app's traffic can't do: "
                    f"{', '.join(kinds)}; use traffic.gateway, or a policy without them",
                )
            # With no readable policy nothing starts; what is under way is judged by the safe defaults.
            return policy or RolloutSpec()
        return app.rollout or RolloutSpec()


def _guardrails(policy: GuardrailPolicySpec) -> Iterator[tuple[str, Guardrail]]:
    for stage, guardrails in (("input", policy.input), ("output", policy.output)):
        yield from ((f"{stage}[{index}]", guardrail) for index, guardrail in enumerate(guardrails))


def _is_ready(raw: Mapping[str, Any]) -> bool:
    conditions = (raw.get("status") or {}).get("conditions") or ()
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def serving_endpoint(name: str, namespace: str, spec: ModelSpec) -> str:
    """Base URL of a model that is served in the cluster."""
    assert spec.serving is not None
    return f"http://{serving_name(name)}.{namespace}.svc:{spec.serving.port}/v1"


def serving_name(model: str) -> str:
    """Name of the Deployment and Service of a model's server."""
    return f"{model}-model"


def resolve(
    app_name: str,
    namespace: str,
    app: LLMAppSpec,
    lookup: Lookup,
    runtime_image: str,
    releases: Mapping[str, ReleaseSpec],
    stable: str | None,
) -> Resolution:
    """What the app asks for now; `releases` are those it has, by name, `stable` the one that serves.

    The runtime's image is part of a release. To make an upgrade of the operator no change of every app, a release
    that the app already has keeps the image it was made with: only a new one takes `runtime_image`.
    """
    around = _Around(app_name, namespace, lookup, runtime_image, releases, stable)
    rollout, problems = _rollout(namespace, app, lookup)
    asked = _resolve_one(app, around)
    problems += asked.problems
    variants: dict[int, tuple[Variant, ...]] = {}
    warnings = list(asked.warnings)
    for index, step in enumerate(rollout.steps):
        # What serves is in no rollout, so nothing is compared with it.
        if step.experiment and step.experiment.variants and (asked.target is None or asked.target.name != stable):
            where = f"{_steps_of(app)}[{index}].experiment.variants"
            variants[index] = _variants(step.experiment, where, app, asked, around, problems, warnings)
    if problems:
        return Resolution(None, tuple(problems), rollout, tuple(warnings))
    return Resolution(asked.target, (), rollout, tuple(warnings), variants)


@dataclass(frozen=True)
class _Around:
    """What the releases that an app may have are resolved in."""

    app_name: str
    namespace: str
    lookup: Lookup
    runtime_image: str
    releases: Mapping[str, ReleaseSpec]
    stable: str | None


@dataclass(frozen=True)
class _Resolved:
    """One release that an app may have, or what stands in its way."""

    target: Target | None
    problems: tuple[ReferenceProblem, ...]
    warnings: tuple[ReferenceProblem, ...] = ()


def _variants(
    experiment: Experiment,
    where: str,
    app: LLMAppSpec,
    asked: _Resolved,
    around: _Around,
    problems: list[ReferenceProblem],
    warnings: list[ReferenceProblem],
) -> tuple[Variant, ...]:
    """Those that are releases of their own; what is wrong with one is added to `problems` and `warnings`."""
    others = {around.stable: "stable", asked.target.name if asked.target else "": "the candidate"}
    found = []
    for place, variant in enumerate(experiment.variants):
        resolved, at = _resolve_one(_as(variant, app), around), f"{where}[{place}]"
        # What it has in common with the app is told of the app.
        problems += [
            replace(problem, field=f"{at}{problem.field.removeprefix('spec')}")
            for problem in resolved.problems
            if problem not in asked.problems
        ]
        if resolved.target and (same := others.get(resolved.target.name)):
            message = f"variant {variant.name!r} is the same release as {same}, so it is left out"
            warnings.append(ReferenceProblem("VariantIsNotAnother", at, message))
        elif resolved.target:
            found.append(Variant(variant.name, variant.weight, resolved.target))
            others[resolved.target.name] = f"variant {variant.name!r}"
    return tuple(found)


def _rollout(namespace: str, app: LLMAppSpec, lookup: Lookup) -> tuple[RolloutSpec, list[ReferenceProblem]]:
    resolver = _Resolver(lookup, namespace)
    return resolver.rollout(app), resolver.problems


def _steps_of(app: LLMAppSpec) -> str:
    """Where the steps stand, in the words of a problem."""
    if app.rollout_policy_ref:
        return f"spec.rolloutPolicyRef → RolloutPolicy {app.rollout_policy_ref!r}: spec.steps"
    return "spec.rollout.steps"


def _as(variant: VariantSpec, app: LLMAppSpec) -> LLMAppSpec:
    """The app as a variant of an experiment has it."""
    parts = {"prompt": variant.prompt, "model": variant.model, "guardrails": variant.guardrails}
    return app.model_copy(update={name: part for name, part in parts.items() if part is not None})


def _resolve_one(app: LLMAppSpec, around: _Around) -> _Resolved:
    resolver = _Resolver(around.lookup, around.namespace)
    prompt = resolver.prompt(app)
    model = resolver.model(app.model.ref, "spec.model.ref")
    fallbacks = [
        resolver.model(fallback.ref, f"spec.model.fallbacks[{index}].ref")
        for index, fallback in enumerate(app.model.fallbacks)
    ]
    guardrails = resolver.guardrails(app)
    suites = [resolver.suite(use.suite, f"{_EVALUATIONS}[{index}].suite") for index, use in enumerate(app.evaluations)]
    parameters = _effective(prompt, app.model.parameters)
    answering = {app.model.ref, *(fallback.ref for fallback in app.model.fallbacks)}
    windows = {name: window for name, window in resolver.context_windows.items() if name in answering}
    sizes = size_problems(prompt.content, parameters, windows) if prompt else []
    warnings = tuple(ReferenceProblem("PromptNearlyTooLong", _PROMPT, size.message) for size in sizes if size.fits)
    for size in sizes:
        if not size.fits:
            resolver.fail("PromptTooLong", _PROMPT, size.message)
    problems = tuple(resolver.problems)
    usable = [fallback for fallback in fallbacks if fallback is not None]
    if prompt is None or model is None or len(usable) < len(fallbacks) or len(guardrails) < len(app.guardrails):
        return _Resolved(None, problems, warnings)

    fresh = ReleaseContent(
        prompt=prompt.content,
        model=model,
        parameters=parameters,
        fallbacks=usable,
        timeout=app.model.timeout,
        max_retries=app.model.max_retries,
        guardrails=guardrails,
        guardrail_models=[resolver.guardrail_models[name] for name in sorted(resolver.guardrail_models)],
        container=app.container,
        runtime=RuntimeContent(image=app.runtime.image or around.runtime_image, resources=app.runtime.resources),
        pods=app.pods,
    )
    known = _known(fresh, around.releases, around.stable, pinned=app.runtime.image is not None)
    if known is not None and known == around.stable:
        # What already serves needs neither a model that may start new releases nor one that is ready just now, and no
        # evaluation.
        problems = tuple(
            problem
            for problem in problems
            if not problem.waits
            and problem.reason not in _OF_NEW_RELEASES_ONLY
            and not problem.field.startswith(_EVALUATIONS)
        )
    if problems:
        return _Resolved(None, problems, warnings)
    passes = tuple(suite for suite in suites if suite)
    if known is not None:
        return _Resolved(Target(known, around.releases[known], passes), (), warnings)

    digest = content_hash(fresh)
    predecessor = around.releases.get(around.stable) if around.stable else None
    release = ReleaseSpec(
        app=around.app_name,
        hash=digest,
        source=ReleaseSource(
            prompt=app.prompt.ref,
            prompt_version=prompt.version,
            includes=list(prompt.includes) or None,
            model=app.model.ref,
            guardrails=[ref.ref for ref in app.guardrails],
            pinned=app.runtime.image is not None,
        ),
        content=fresh,
        predecessor=around.stable if predecessor else None,
    )
    changes = describe_changes(predecessor, release)
    target = Target(release_name(around.app_name, digest), release.model_copy(update={"changes": changes}), passes)
    return _Resolved(target, (), warnings)


def _effective(prompt: Wording | None, own: Parameters) -> Parameters:
    """The app's parameters, and the prompt version's where the app says nothing."""
    if prompt is None or prompt.parameters is None:
        return own
    return Parameters.model_validate({**prompt.parameters.to_manifest(), **own.to_manifest()})


def resolve_suite(name: str, namespace: str, lookup: Lookup) -> tuple[Suite | None, tuple[ReferenceProblem, ...]]:
    """A suite that a run names, or what stands in its way."""
    resolver = _Resolver(lookup, namespace)
    suite = resolver.suite(name, "spec.suite")
    return (None if resolver.problems else suite), tuple(resolver.problems)


def resolve_quality(
    namespace: str, quality: Quality, lookup: Lookup
) -> tuple[tuple[ModelContent, ...], tuple[ReferenceProblem, ...]]:
    """The Models that judge live answers, and what stands in the way of online quality.

    A judge whose server is still starting does not: what it can't judge yet is an error of the judge.
    """
    resolver, where = _Resolver(lookup, namespace), "spec.quality"
    for problem in evaluator_problems(quality.evaluators):
        if not problem.warning:
            resolver.fail("EvaluatorUnusable", where, f"quality can't be judged: quality.{problem}")
    names = dict.fromkeys(evaluator.asks for evaluator in quality.evaluators if evaluator.asks)
    judges = [resolver.model(name, f"{where}.evaluators.model") for name in names]
    if quality.store and quality.store.postgresql:
        ref, field = quality.store.postgresql.secret_ref, f"{where}.store.postgresql"
        resolver.secret(ref, "online quality", f"{field}.secretRef.key", field, what="its database's address")
    return (
        tuple(judge for judge in judges if judge is not None),
        tuple(problem for problem in resolver.problems if not problem.waits),
    )


def _known(
    fresh: ReleaseContent, releases: Mapping[str, ReleaseSpec], stable: str | None, *, pinned: bool
) -> str | None:
    """The release among those the app has that `fresh` is, but for the operator's runtime image; stable first."""
    for name in sorted(releases, key=lambda name: name != stable):
        release = releases[name]
        runtime = (
            fresh.runtime
            if pinned or release.source.pinned
            else release.content.runtime.model_copy(update={"resources": fresh.runtime.resources})
        )
        if content_hash(fresh.model_copy(update={"runtime": runtime})) == release.hash:
            return name
    return None
