"""Where a metric of the team's own comes from: a Prometheus query, a webhook, a Job."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from genaiops.api.base import ApiModel, PositiveDuration, ResourceRequirements, SecretKeyRef
from genaiops.api.json_path import PATH
from genaiops.api.rules import Rule

_QUERY: Final = r"([^{]|\{\{ *(release|stable|app|namespace|window) *\}\}|\{[^{])*"
"""A query in which `{{…}}` stands only for what it can stand for."""

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$", max_length=2048)]
"""An HTTP address without a user in it: what is secret stands in a Secret."""


class Tls(ApiModel):
    """How a server's certificate is checked."""

    ca_secret: SecretKeyRef | None = Field(
        default=None, description="Certificates (PEM) of the authorities to trust; absent: those of the operator."
    )
    insecure_skip_verify: bool = Field(default=False, description="Accept any certificate: for tests only.")

    @Rule(
        "!has(self.caSecret) || !self.insecureSkipVerify",
        "tls: insecureSkipVerify makes caSecret useless; remove one",
    )
    def checks_or_does_not(self) -> bool:
        return self.ca_secret is None or not self.insecure_skip_verify


class BasicAuth(ApiModel):
    """A user and a password."""

    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f]+$", max_length=256)] = Field(description="The user.")
    password: SecretKeyRef = Field(description="The Secret with the password.")


class Credentials(ApiModel):
    """Who asks. Exactly one of its fields."""

    bearer_token: SecretKeyRef | None = Field(default=None, description="The Secret with a bearer token.")
    basic: BasicAuth | None = Field(default=None, description="User and password.")

    @Rule(
        "has(self.bearerToken) != has(self.basic)",
        "credentials: write exactly one of bearerToken and basic",
    )
    def is_one(self) -> bool:
        return (self.bearer_token is None) != (self.basic is None)


class Prometheus(ApiModel):
    """A query that gives one number."""

    address: Url = Field(description="Base URL of the server, or of anything that speaks its API.")
    query: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="PromQL. {{release}}, {{stable}}, {{app}}, {{namespace}} and {{window}} (time since the weight is "
        "live, such as 90s) are filled in. It has to give a scalar or one series."
    )
    credentials: Credentials | None = Field(default=None, description="Who asks; absent: nobody.")
    tls: Tls = Field(default_factory=Tls, description="How the server's certificate is checked.")
    timeout: PositiveDuration = Field(default=timedelta(seconds=10), description="Time for an answer.")

    @Rule(
        f"self.query.matches(r'^{_QUERY}$')",
        "query: {{…}} stands for release, stable, app, namespace or window; correct the name",
    )
    def knows_its_variables(self) -> bool:
        return re.fullmatch(_QUERY, self.query) is not None


class Header(ApiModel):
    """A header of a request. Exactly one of `value` and `secretRef`."""

    name: Annotated[str, Field(pattern=r"^[-A-Za-z0-9]+$", max_length=128)] = Field(description="Its name.")
    value: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$", max_length=1024)] | None = Field(
        default=None, description="Its value."
    )
    secret_ref: SecretKeyRef | None = Field(default=None, description="The Secret with its value.")

    @Rule("has(self.value) != has(self.secretRef)", "headers: write exactly one of value and secretRef")
    def has_one_value(self) -> bool:
        return (self.value is None) != (self.secret_ref is None)


class Webhook(ApiModel):
    """A POST whose answer has a number in it.

    What is sent for a metric: {app, namespace, release, stable, window, body}; for an evaluator: {row, answer,
    baseline, body}, and a text `reason` of its answer is kept.
    """

    url: Url = Field(description="Where to.")
    body: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict, max_length=32, description="Sent along as `body`."
    )
    headers: list[Header] = Field(default_factory=list, max_length=16, description="Headers of the request.")
    json_path: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        default="$.value",
        description="Where in the answer the number (or true, false) stands: a JSONPath of names and indexes.",
    )
    tls: Tls = Field(default_factory=Tls, description="How the server's certificate is checked.")
    timeout: PositiveDuration = Field(default=timedelta(seconds=10), description="Time for an answer.")

    @Rule(
        f'self.jsonPath.matches(r"^{PATH}$")',
        "jsonPath: write names and indexes only, such as $.data[0].value or $['p95 latency']",
    )
    def walks_straight(self) -> bool:
        return re.fullmatch(PATH, self.json_path) is not None


class EnvironmentVariable(ApiModel):
    """A variable of a container. Exactly one of `value` and `secretRef`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)] = Field(description="Its name.")
    value: Annotated[str, Field(max_length=4096)] | None = Field(default=None, description="Its value.")
    secret_ref: SecretKeyRef | None = Field(default=None, description="The Secret with its value.")

    @Rule("has(self.value) != has(self.secretRef)", "env: write exactly one of value and secretRef")
    def has_one_value(self) -> bool:
        return (self.value is None) != (self.secret_ref is None)

    def as_container_env(self) -> dict[str, Any]:
        """The variable as it stands in a Pod's container."""
        if self.secret_ref is None:
            return {"name": self.name, "value": self.value}
        return {"name": self.name, "valueFrom": {"secretKeyRef": self.secret_ref.to_manifest()}}


class JobProvider(ApiModel):
    """A container that measures: exit code 0 passes and 1 fails, or it leaves {"value": 0.97} in a file.

    Where the metric has a limit the file counts, else the exit code; any other exit code is an error. The container
    finds GENAIOPS_APP, GENAIOPS_NAMESPACE, GENAIOPS_RELEASE, GENAIOPS_STABLE and GENAIOPS_WINDOW in its environment;
    each release is reached at the Service of its name.
    """

    image: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="Image of the container.")
    command: list[Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=list, max_length=64, description="What is run; absent: what the image says."
    )
    args: list[Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=list, max_length=64, description="Arguments."
    )
    env: list[EnvironmentVariable] = Field(default_factory=list, max_length=64, description="Its environment.")
    resources: ResourceRequirements = Field(default_factory=ResourceRequirements, description="CPU and memory.")
    result_path: Annotated[str, Field(pattern=r"^/[^\s]+$", max_length=256)] = Field(
        default="/dev/termination-log",
        description='File in which it may leave {"value": a number}: at most 4096 bytes.',
    )
    timeout: PositiveDuration = Field(default=timedelta(minutes=10), description="Time from its start to its end.")
