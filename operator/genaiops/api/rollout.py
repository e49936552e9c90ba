"""Kind RolloutPolicy: how a candidate earns its traffic. The same struct as `LLMApp.spec.rollout`."""

from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from genaiops.api.analysis import Analysis, Metric
from genaiops.api.base import ApiModel, Duration, Name, PositiveDuration, Ref, UniqueBy
from genaiops.api.rules import Rule
from genaiops.api.uses import ModelUse, PromptUse


class Pause(ApiModel):
    """Wait for a time or, without a duration, for a person."""

    duration: Duration | None = Field(
        default=None, description="How long. Absent: until a person promotes (kubectl genaiops promote)."
    )


class CanaryScale(ApiModel):
    """The candidate's pods, apart from what its weight needs. Exactly one of its fields; never fewer than needed."""

    replicas: int | None = Field(default=None, ge=1, le=1000, description="So many pods.")
    percent: int | None = Field(default=None, ge=1, le=100, description="So many percent of spec.replicas.")
    match_weight: bool | None = Field(default=None, description="As many as the weight needs, as without this step.")

    @Rule(
        "[has(self.replicas), has(self.percent), has(self.matchWeight) && self.matchWeight]"
        ".exists_one(given, given) && (!has(self.matchWeight) || self.matchWeight)",
        "setCanaryScale: write exactly one of replicas, percent and matchWeight: true",
    )
    def says_one_number(self) -> bool:
        given = [self.replicas is not None, self.percent is not None, self.match_weight is not None]
        return given.count(True) == 1 and self.match_weight is not False


class AnalysisStep(ApiModel):
    """Metrics that have to succeed before the rollout goes on, from measurements of this step alone."""

    metrics: list[Metric] = Field(
        min_length=1, max_length=16, description="What is judged, beside the metrics of the background analysis."
    )
    min_samples: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Candidate requests before any verdict; absent: the analysis'."
    )
    max_duration: PositiveDuration | None = Field(
        default=None, description="Time without a verdict before onInconclusive; absent: the analysis'."
    )


class Approval(ApiModel):
    """Wait for people who approve this very release (kubectl genaiops approve)."""

    approvals: int = Field(default=1, ge=1, le=10, description="How many different people have to approve.")
    allow_self_approval: bool = Field(
        default=False, description="Whether somebody who changed the app, its prompt or its model counts."
    )


class ApprovalGate(Approval):
    """An approval before the candidate's first pod."""

    required: bool = Field(default=True, description="Whether it is asked for at all.")


class HeaderMatch(ApiModel):
    """A request header or a cookie. Exactly one of `header` and `cookie`, exactly one of the values."""

    header: Annotated[str, Field(pattern=r"^[-A-Za-z0-9]+$", max_length=128)] | None = Field(
        default=None, description="Name of a header."
    )
    cookie: Annotated[str, Field(pattern=r"^[-_A-Za-z0-9]+$", max_length=128)] | None = Field(
        default=None, description="Name of a cookie."
    )
    exact: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="It has this value."
    )
    prefix: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Its value begins with this."
    )

    @Rule("has(self.header) != has(self.cookie)", "match: write exactly one of header and cookie")
    def looks_at_one_place(self) -> bool:
        return (self.header is None) != (self.cookie is None)

    @Rule("has(self.exact) != has(self.prefix)", "match: write exactly one of exact and prefix")
    def looks_for_one_value(self) -> bool:
        return (self.exact is None) != (self.prefix is None)


class HeaderRoute(ApiModel):
    """Requests that go to the candidate whatever its weight: testers. Until another setHeaderRoute, or the end."""

    match: list[HeaderMatch] = Field(
        default_factory=list, max_length=8, description="A request that matches any of them; an empty list: none."
    )


class Shadow(ApiModel):
    """Copies of live requests for the candidate; its answers are judged and thrown away. Every copy costs tokens."""

    percent: int = Field(ge=1, le=100, description="Percent of requests that are copied.")
    duration: PositiveDuration = Field(description="How long at the most.")
    max_requests: int = Field(default=1000, ge=1, le=1_000_000, description="How many copies at the most.")


class Variant(ApiModel):
    """One more release of an experiment: the app with another prompt, model or guardrails."""

    name: Name = Field(description="What it is called in the report.")
    weight: int = Field(ge=1, le=98, description="Percent of requests for it, taken from stable.")
    prompt: PromptUse | None = Field(default=None, description="The prompt; absent: the app's.")
    model: ModelUse | None = Field(default=None, description="The model and its parameters; absent: the app's.")
    guardrails: Annotated[list[Ref], UniqueBy("ref")] | None = Field(
        default=None, max_length=16, description="GuardrailPolicies, in order; absent: the app's; an empty list: none."
    )

    @Rule(
        "has(self.prompt) || has(self.model) || has(self.guardrails)",
        "variants: a variant differs from the candidate; write prompt, model or guardrails, or remove it",
    )
    def differs(self) -> bool:
        return (self.prompt, self.model, self.guardrails) != (None,) * 3


class Experiment(ApiModel):
    """Releases side by side at fixed weights, for a time or a number of requests, whichever comes first.

    Stable, the candidate at its present weight, and the variants. Each of them passes the app's evaluations and
    approval before its first request, is compared with stable, and is taken out by a breach. At the end every metric is
    reported with its interval, the variants' requests go back to stable, and the rollout waits for a person: it
    promotes nothing.
    """

    duration: PositiveDuration | None = Field(default=None, description="How long at the most.")
    samples: int | None = Field(
        default=None, ge=1, le=100_000_000, description="How many requests to each release but stable at the most."
    )
    variants: Annotated[list[Variant], UniqueBy("name")] = Field(
        default_factory=list, max_length=4, description="Releases beside stable and the candidate."
    )

    @Rule(
        "!has(self.variants) || self.variants.map(variant, variant.weight).sum() < 100",
        "variants: their weights come to 100 or more, which leaves stable nothing to compare them with; lower them",
    )
    def leaves_stable_something(self) -> bool:
        return sum(variant.weight for variant in self.variants) < 100

    @Rule(
        "has(self.duration) || has(self.samples)", "experiment: it has to end; write duration, samples, or both of them"
    )
    def ends(self) -> bool:
        return self.duration is not None or self.samples is not None


_STEP_KINDS: Final = (
    "setWeight",
    "pause",
    "setCanaryScale",
    "analysis",
    "approval",
    "setHeaderRoute",
    "shadow",
    "experiment",
)


class Step(ApiModel):
    """One step. Exactly one of its fields."""

    set_weight: int | None = Field(default=None, ge=0, le=100, description="Percent of requests for the candidate.")
    pause: Pause | None = Field(default=None, description="Stay at the present weight.")
    set_canary_scale: CanaryScale | None = Field(default=None, description="The candidate's pods.")
    analysis: AnalysisStep | None = Field(default=None, description="Wait for the verdict on more metrics.")
    approval: Approval | None = Field(default=None, description="Wait for people.")
    set_header_route: HeaderRoute | None = Field(default=None, description="Send testers to the candidate.")
    shadow: Shadow | None = Field(default=None, description="Judge the candidate on copies of live requests.")
    experiment: Experiment | None = Field(default=None, description="Compare releases, and let a person decide.")

    @Rule(
        f"[{', '.join(f'has(self.{name})' for name in _STEP_KINDS)}].exists_one(given, given)",
        f"steps: a step does one thing; write exactly one of {', '.join(_STEP_KINDS)}",
    )
    def does_one_thing(self) -> bool:
        return sum(value is not None for _, value in self) == 1


def _default_steps() -> list[Step]:
    return [Step(set_weight=weight) for weight in (5, 25, 50)]


class RolloutSpec(ApiModel):
    """How a candidate becomes stable. A last step to weight 100 is implied."""

    steps: list[Step] = Field(default_factory=_default_steps, max_length=64, description="Steps, in order.")
    analysis: Analysis = Field(default_factory=Analysis, description="What is judged at every weight.")
    progress_deadline: PositiveDuration = Field(
        default=timedelta(minutes=10),
        description="Time for pods to become ready or weights live; then it aborts.",
    )
    approval: ApprovalGate | None = Field(
        default=None, description="People who have to approve a candidate before it gets its first pod."
    )
    watch_after_promotion: Duration = Field(
        default=timedelta(0),
        description="How long the old stable release stays at its full size after a promotion, while the new one is "
        "judged on: a breach goes back to it at once. 0s: not at all.",
    )
    rollback_window: int = Field(
        default=3, ge=0, le=100, description="Going back to one of so many promoted releases skips the steps."
    )

    @Rule(
        "self.steps.filter(step, has(step.setWeight)).map(step, step.setWeight).isSorted()",
        "steps: setWeight may never be lower than in a step before; put the steps in rising order",
    )
    def weights_rise(self) -> bool:
        weights = [step.set_weight for step in self.steps if step.set_weight is not None]
        return weights == sorted(weights)

    @Rule(
        "self.steps.filter(step, has(step.shadow) || (has(step.setWeight) && step.setWeight > 0))"
        ".map(step, has(step.shadow) ? 0 : 1).isSorted()",
        "steps: shadow comes before the first weight above 0, else requests that the candidate has answered would be "
        "copied to it; move it up",
    )
    def copies_come_before_weights(self) -> bool:
        order = [0 if step.shadow else 1 for step in self.steps if step.shadow or step.set_weight]
        return order == sorted(order)

    # No Rule: CEL can't tell which weight holds at a step.
    @model_validator(mode="after")
    def _experiments_leave_stable_something(self) -> Self:
        weight = 0
        for index, step in enumerate(self.steps):
            weight = weight if step.set_weight is None else step.set_weight
            variants = step.experiment.variants if step.experiment else ()
            given = weight + sum(variant.weight for variant in variants)
            if variants and given >= 100:
                raise ValueError(
                    f"steps[{index}].experiment.variants: with the candidate's {weight} their weights come to {given}, "
                    "which leaves stable nothing to compare them with; lower them, or the setWeight before"
                )
        return self


class RolloutPolicySpec(RolloutSpec):
    """A rollout that several apps share."""
