"""Kind RolloutPolicy: how a candidate earns its traffic. The same struct as `LLMApp.spec.rollout`."""

from datetime import timedelta

from pydantic import Field

from genaiops.api.analysis import Analysis
from genaiops.api.base import ApiModel, Duration, PositiveDuration
from genaiops.api.rules import Rule


class Pause(ApiModel):
    """Wait for a time or, without a duration, for a person."""

    duration: Duration | None = Field(
        default=None,
        description="How long. Absent: until a person sets the annotation genaiops.dev/promote "
        "to the value that the status message names.",
    )


class Step(ApiModel):
    """One step. Exactly one of its fields."""

    set_weight: int | None = Field(default=None, ge=0, le=100, description="Percent of requests for the candidate.")
    pause: Pause | None = Field(default=None, description="Stay at the present weight.")

    @Rule("has(self.setWeight) != has(self.pause)", "steps: a step is either setWeight or pause; write exactly one")
    def does_one_thing(self) -> bool:
        return (self.set_weight is None) != (self.pause is None)


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


class RolloutPolicySpec(RolloutSpec):
    """A rollout that several apps share."""
