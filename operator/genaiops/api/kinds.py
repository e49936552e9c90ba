"""The table of kinds: what the API server has to know of each, beside its fields."""

from dataclasses import dataclass

from genaiops.api.action import ReleaseActionSpec, ReleaseActionStatus
from genaiops.api.base import ApiModel, ObjectStatus
from genaiops.api.evaluation import EvaluationSpec, EvaluationStatus, EvaluationSuiteSpec
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.api.model import ModelSpec
from genaiops.api.prompt import PromptSpec
from genaiops.api.release import ReleaseSpec, ReleaseStatus
from genaiops.api.rollout import RolloutPolicySpec
from genaiops.api.rules import Rule


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; a wide one shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True)
class Scale:
    """Where the scale subresource (`kubectl scale`, autoscalers) finds its numbers."""

    spec_replicas: str
    status_replicas: str
    selector: str


@dataclass(frozen=True)
class Kind:
    """A custom resource. `rules` are those that look at an object's name: everything else stands in its spec."""

    name: str
    plural: str
    short_name: str
    spec: type[ApiModel]
    status: type[ApiModel]
    columns: tuple[Column, ...]
    scale: Scale | None = None
    rules: tuple[Rule, ...] = ()


READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
MESSAGE = Column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True)
AGE = Column("Age", ".metadata.creationTimestamp", "date")

# The names of pods, Services and label values are made of this name and up to 23 characters more.
SERVICE_NAME = "size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
SERVICE_NAME_MESSAGE = (
    "metadata.name: it names Services, so at most 40 lowercase letters, digits and inner '-', a letter first; rename it"
)

# The name of its Job, which is a label value of the Job's pods.
SHORT_NAME = "size(self.metadata.name) <= 60"
SHORT_NAME_MESSAGE = "metadata.name: it names a Job, so at most 60 characters; shorten it"

KINDS = (
    Kind(
        name="Model",
        plural="models",
        short_name="mdl",
        spec=ModelSpec,
        status=ObjectStatus,
        columns=(
            Column("Provider", ".spec.provider"),
            Column("Model", ".spec.model"),
            Column("Stage", ".spec.lifecycle.stage"),
            READY,
            AGE,
            Column("Endpoint", ".spec.endpoint", wide=True),
            MESSAGE,
        ),
        rules=(Rule(f"!has(self.spec.serving) || ({SERVICE_NAME})", SERVICE_NAME_MESSAGE),),
    ),
    Kind(
        name="Prompt",
        plural="prompts",
        short_name="prm",
        spec=PromptSpec,
        status=ObjectStatus,
        columns=(Column("Labels", ".spec.labels"), READY, AGE, MESSAGE),
    ),
    Kind(
        name="GuardrailPolicy",
        plural="guardrailpolicies",
        short_name="grd",
        spec=GuardrailPolicySpec,
        status=ObjectStatus,
        columns=(Column("On Error", ".spec.onError"), Column("Timeout", ".spec.timeout"), READY, AGE, MESSAGE),
    ),
    Kind(
        name="RolloutPolicy",
        plural="rolloutpolicies",
        short_name="rpo",
        spec=RolloutPolicySpec,
        status=ObjectStatus,
        columns=(
            Column("Interval", ".spec.analysis.interval"),
            Column("Deadline", ".spec.progressDeadline"),
            READY,
            AGE,
            MESSAGE,
        ),
    ),
    Kind(
        name="EvaluationSuite",
        plural="evaluationsuites",
        short_name="evs",
        spec=EvaluationSuiteSpec,
        status=ObjectStatus,
        columns=(
            Column("Evaluators", ".spec.evaluators[*].name"),
            Column("Min Pass Rate", ".spec.pass.minPassRate"),
            READY,
            AGE,
            MESSAGE,
        ),
    ),
    Kind(
        name="LLMApp",
        plural="llmapps",
        short_name="llm",
        spec=LLMAppSpec,
        status=LLMAppStatus,
        columns=(
            Column("Phase", ".status.phase"),
            Column("Stable", ".status.stableRelease"),
            Column("Candidate", ".status.candidateRelease"),
            Column("Weight", ".status.weight", "integer"),
            Column("Prompt", ".spec.prompt['version','label']"),
            READY,
            AGE,
            Column("Model", ".spec.model.ref", wide=True),
            MESSAGE,
        ),
        scale=Scale(".spec.replicas", ".status.replicas", ".status.selector"),
        rules=(Rule(SERVICE_NAME, SERVICE_NAME_MESSAGE),),
    ),
    Kind(
        name="Release",
        plural="releases",
        short_name="rel",
        spec=ReleaseSpec,
        status=ReleaseStatus,
        columns=(
            Column("App", ".spec.app"),
            Column("Prompt", ".spec.source.promptVersion"),
            Column("Model", ".spec.source.model"),
            Column("Role", ".status.role"),
            Column("Weight", ".status.weight", "integer"),
            AGE,
            Column("Changes", ".spec.changes", wide=True),
        ),
    ),
    Kind(
        name="ReleaseAction",
        plural="releaseactions",
        short_name="rac",
        spec=ReleaseActionSpec,
        status=ReleaseActionStatus,
        columns=(
            Column("App", ".spec.app"),
            Column("Action", ".spec.action"),
            Column("By", ".spec.requester.username"),
            Column("Phase", ".status.phase"),
            AGE,
            Column("Release", ".spec.release", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
    ),
    Kind(
        name="Evaluation",
        plural="evaluations",
        short_name="evl",
        spec=EvaluationSpec,
        status=EvaluationStatus,
        columns=(
            Column("App", ".spec.app"),
            Column("Suite", ".spec.suite"),
            Column("Release", ".spec.release"),
            Column("Phase", ".status.phase"),
            Column("Progress", ".status.progress"),
            AGE,
            Column("Purpose", ".spec.purpose", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
        rules=(Rule(SHORT_NAME, SHORT_NAME_MESSAGE),),
    ),
)
