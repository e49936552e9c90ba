"""Kind ReleaseAction: a person's decision on one release of an app, and what became of it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, PositiveDuration, Time
from genaiops.api.rules import Rule

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]
"""A release's hash, whole: nobody approves one release and gets another."""


class Action(StrEnum):
    """What a person decides. Each is also the verb (in lowercase) that the person needs on the LLMApp."""

    APPROVE = "Approve"
    REJECT = "Reject"
    PROMOTE = "Promote"
    ABORT = "Abort"
    RETRY = "Retry"
    PAUSE = "Pause"
    RESUME = "Resume"
    UNDO = "Undo"
    RESTART = "Restart"


class Requester(ApiModel):
    """Who decided, as the API server knows them. Set by the operator's webhook, whatever stood there before."""

    username: str = Field(max_length=1024, description="Name of the user or service account.")
    groups: list[Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=list, max_length=256, description="Groups of the user."
    )
    stamp: str = Field(
        max_length=128, description="HMAC by which the operator knows that its own webhook wrote this for this action."
    )


class ReleaseActionSpec(ApiModel):
    """A decision. The API server refuses any change of it; it holds for one release of one app, for a while."""

    app: ObjectName = Field(description="Name of the LLMApp.")
    action: Action = Field(
        description="Approve, Reject: a candidate that waits for approval. Promote: past the present pause or missing "
        "verdict; with `full` past all steps but approvals. Abort: take the candidate (or, while it is watched after "
        "its promotion, the new stable release) back. Retry: roll the aborted release out again. Pause, Resume: hold "
        "a rollout where it is, and let it go on. Undo: from the stable release back to an earlier one. Restart: "
        "replace the pods of the release, a few at a time."
    )
    release: Hash = Field(
        description="Hash (spec.hash of the Release) of what it is about: the candidate (for Approve, Reject and Abort "
        "also a variant of its experiment); for Retry the aborted "
        "release; for Undo the stable one; for Restart either."
    )
    full: bool = Field(default=False, description="Promote: skip all remaining steps. Approvals are still asked for.")
    to: Hash | None = Field(
        default=None, description="Undo: hash of the release to go back to. Absent: the one promoted before."
    )
    step: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="Promote, Approve: only at this step (status.rollout.step): two people who act at once take "
        "one step and not two.",
    )
    reason: str = Field(default="", max_length=1024, description="Why, for the history.")
    ttl: PositiveDuration = Field(
        default=timedelta(hours=1),
        description="Time from its creation for which it holds: not carried out by then it expires, and an approval "
        "counts no longer.",
    )
    requester: Requester | None = Field(default=None, description="Who decided; the webhook writes it.")

    never_changes: ClassVar[Rule] = Rule(
        "self == oldSelf", "spec: a decision can't be changed; make another ReleaseAction"
    )

    @Rule("!self.full || self.action == 'Promote'", "full: only Promote can be full; remove it")
    def only_a_promotion_is_full(self) -> bool:
        return not self.full or self.action is Action.PROMOTE

    @Rule("!has(self.to) || self.action == 'Undo'", "to: only Undo goes back to a release; remove it")
    def only_undo_goes_back(self) -> bool:
        return self.to is None or self.action is Action.UNDO

    @Rule(
        "!has(self.step) || self.action in ['Promote', 'Approve']",
        "step: only Promote and Approve are at a step; remove it",
    )
    def only_going_on_is_at_a_step(self) -> bool:
        return self.step is None or self.action in (Action.PROMOTE, Action.APPROVE)

    @Rule("duration(self.ttl) <= duration('168h')", "ttl: at most 168h: a decision is for now; make it shorter")
    def is_for_now(self) -> bool:
        return self.ttl <= timedelta(hours=168)


class ActionPhase(StrEnum):
    """What became of a decision."""

    APPLIED = "Applied"
    REFUSED = "Refused"
    EXPIRED = "Expired"


class ReleaseActionStatus(ApiModel):
    """What became of it."""

    phase: ActionPhase | None = Field(
        default=None, description="Applied, Refused or Expired; absent until it was looked at."
    )
    message: str = Field(default="", max_length=1024, description="What followed, or why nothing did.")
    finished_at: Time | None = Field(default=None, description="When it was looked at.")
