"""What the pod of an evaluation is told: written by the operator, read by the evaluator."""

from typing import Final

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName
from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.release import ModelContent

RUN_FILE: Final = "/etc/genaiops/evaluation/run.json"
CONFIG_MAP_DATASET: Final = "/etc/genaiops/dataset"
"""Folder in which the key of the dataset's ConfigMap is a file."""
VOLUME_DATASET: Final = "/var/lib/genaiops/dataset"
"""The root of the dataset's volume, read only."""
RESULTS: Final = "/var/lib/genaiops/results"
"""Where rows are written, and found again by a container that is started anew: the run's own folder in the store's
claim, else a volume of the pod."""
SECRETS: Final = "/etc/genaiops/secrets"
"""Secrets of the suite, as <name of the Secret>/<key>."""
CREDENTIALS: Final = "/etc/genaiops/credentials"
"""API keys of judges, as <name of the Model>/api-key: as in a runtime's pod."""
PIPES: Final = "/var/run/genaiops"
"""Pipes to the containers that judge, as <name of the evaluator>/in and /out; the evaluator makes them."""
PROGRESS_PORT: Final = 9465
"""GET /progress on it answers an EvaluationSummary. The runtime beside it has 8080 and 9464."""
CHAT_PATH: Final = "/v1/chat/completions"
"""What a release is asked at, below its address. A team's own container has to serve it to be evaluated."""


class EvaluationRun(ApiModel):
    """One run: what to ask whom, and how to judge it."""

    evaluation: ObjectName = Field(description="Name of the Evaluation.")
    uid: str = Field(default="", description="Its UID: rows that an earlier one of this name left are not its own.")
    namespace: str = Field(description="Its namespace.")
    app: ObjectName = Field(description="Name of the LLMApp.")
    release: ObjectName = Field(description="The release that is judged.")
    baseline: ObjectName | None = Field(default=None, description="The release that is asked the same.")
    release_address: str = Field(description="Where the release is asked, such as http://127.0.0.1:8080.")
    baseline_address: str | None = Field(default=None, description="Where the baseline is asked.")
    models: list[ModelContent] = Field(
        default_factory=list, max_length=32, description="Judges, by the names that evaluators call them."
    )
    model: ModelContent = Field(description="The model of the release: what its answers cost.")
    baseline_model: ModelContent | None = Field(
        default=None, description="The model of the baseline; absent: its answers have no price."
    )
    suite: EvaluationSuiteSpec = Field(description="What is judged, and how.")
    message_bytes: int = Field(
        default=4096,
        ge=512,
        description="What the kubelet keeps of the termination message: 12 KiB divided by the number of the pod's "
        "containers, init containers included, and 4096 at the most; what is longer it cuts anywhere.",
    )
