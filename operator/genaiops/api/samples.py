"""What a runtime is told of online quality, and what it sends to the app's collector."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import uuid4

from pydantic import AwareDatetime, Field

from genaiops.api.base import ApiModel, Duration, ObjectName, Rate
from genaiops.api.detectors import PIIEntity
from genaiops.api.evaluator import Evaluator
from genaiops.api.release import ModelContent

QUALITY_DIR: Final = "/etc/genaiops/quality"
SAMPLING_FILE: Final = f"{QUALITY_DIR}/sampling.json"
"""What runtimes are told: a SamplingSettings. Absent: nothing is sampled, and feedback is only counted."""
COLLECTOR_FILE: Final = f"{QUALITY_DIR}/collector.json"
"""What the collector is told: a CollectorSettings."""
DSN_FILE: Final = "/etc/genaiops/store/dsn"
"""The database's address, from a Secret."""
DATA_DIR: Final = "/var/lib/genaiops/quality"
"""Folder of the SQLite file, where there is no other database."""
COLLECTOR_PORT: Final = 8080
"""Where runtimes bring samples and feedback."""
REPORTS_PORT: Final = 8081
"""Where people read what is kept."""
SAMPLES_PATH: Final = "/v1/samples"
FEEDBACK_PATH: Final = "/v1/feedback"
OPT_OUT_HEADER: Final = "x-genaiops-sample"
"""`x-genaiops-sample: never` keeps a request out of the sample."""

MAX_TEXT: Final = 65_536
"""Characters of one text."""
MAX_MESSAGES: Final = 256
MAX_GUARDRAILS: Final = 64
MAX_COMMENT: Final = 4096
MAX_CORRECTION: Final = 16_384
"""As long as an expected answer of a dataset may be."""

_ID: Final = re.compile(r"chatcmpl-(?P<release>[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)-[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{10}")
Text = Annotated[str, Field(max_length=MAX_TEXT)]
AnswerId = Annotated[str, Field(pattern=f"^{_ID.pattern}$", max_length=128)]


def new_answer_id(release: str) -> str:
    """The `id` of an answer: in the OpenAI protocol's shape, and it names the release that answered."""
    return f"chatcmpl-{release}-{uuid4().hex}"


def release_of(answer_id: str) -> str | None:
    """The release that an answer's id names; None where the id is not one of ours."""
    match = _ID.fullmatch(answer_id)
    return match["release"] if match else None


def is_release_of(release: str, app: str) -> bool:
    """Whether a release has the name of one of the app's: the app's own and ten hex digits of its hash."""
    digest = release.removeprefix(f"{app}-")
    return release != digest and _DIGEST.fullmatch(digest) is not None


class SamplingSettings(ApiModel):
    """What a runtime is told. Unlike a release it may change while the process runs."""

    collector: str = Field(description="Base URL of the collector.")
    rate: Rate = Field(default=Decimal(0), description="Share of answers that are sampled.")
    max_per_minute: int = Field(default=1, description="Samples of this process in a minute, at the most.")
    flagged: bool = Field(default=False, description="Whether what a guardrail flags is sampled, too.")
    redact: list[PIIEntity] | None = Field(default=None, description="What is replaced; all where absent.")
    comments: bool = Field(default=True, description="Whether comments and corrections are sent on.")


class CollectorSettings(ApiModel):
    """What the collector is told."""

    namespace: str = Field(description="Namespace of the LLMApp.")
    app: ObjectName = Field(description="Its name.")
    max_per_minute: int = Field(default=1, description="Samples of one release in a minute, at the most.")
    evaluators: list[Evaluator] = Field(default_factory=list, description="How a sample is judged.")
    models: list[ModelContent] = Field(default_factory=list, description="Judges, by the names evaluators call them.")
    retention: Duration = Field(description="Time after which everything is deleted.")


class SampledMessage(ApiModel):
    """A message of the conversation; never the release's own prompt."""

    role: Literal["user", "assistant", "tool", "function"] = Field(description="Who said it.")
    content: Text = Field(description="Its text, redacted.")


class LiveSample(ApiModel):
    """One live answer, as it leaves the runtime's pod: redacted."""

    id: AnswerId = Field(description="The answer's id.")
    release: ObjectName = Field(description="Who answered.")
    prompt_version: str = Field(max_length=253, description="With which prompt.")
    time: AwareDatetime = Field(description="When.")
    messages: list[SampledMessage] = Field(min_length=1, max_length=MAX_MESSAGES, description="What was asked.")
    answer: Text = Field(description="What the caller got; empty where a guardrail refused.")
    refused: bool = Field(default=False, description="Whether a guardrail withheld the answer.")
    drawn: bool = Field(default=True, description="Whether chance chose it; else a guardrail flagged it.")
    guardrails: list[Annotated[str, Field(max_length=253)]] = Field(
        default_factory=list, max_length=MAX_GUARDRAILS, description="Guardrails that found something, by name."
    )
    seconds: float = Field(ge=0, allow_inf_nan=False, description="From the request to the end of the answer.")
    first_token: float = Field(ge=0, allow_inf_nan=False, description="Until the first text, on a stream.")
    input_tokens: int = Field(default=0, ge=0, le=2**31 - 1, description="As the model's server counts them.")
    output_tokens: int = Field(default=0, ge=0, le=2**31 - 1, description="As the model's server counts them.")
    shadow: bool = Field(default=False, description="Whether nobody read the answer.")

    @property
    def question(self) -> str:
        """What the user said last."""
        said = [message.content for message in self.messages if message.role == "user"]
        return said[-1] if said else self.messages[-1].content


class GivenFeedback(ApiModel):
    """What somebody says of one answer."""

    id: AnswerId = Field(description="The answer's id.")
    rating: Literal["up", "down"] = Field(description="Thumb.")
    score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None, description="How good, from 0 to 1."
    )
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] | None = Field(default=None, description="Why.")
    correction: Annotated[str, Field(max_length=MAX_CORRECTION)] | None = Field(
        default=None, description="What the answer should have been."
    )
    time: AwareDatetime = Field(description="When.")
