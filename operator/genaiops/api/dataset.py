"""Datasets: the rows on which a release is evaluated, and where they are found."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, SecretKeyRef, UniqueBy
from genaiops.api.rules import Rule

Text = Annotated[str, Field(max_length=16384)]

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class DatasetFormat(StrEnum):
    """How rows are written down: one JSON object a line, or a table with a header."""

    JSONL = "JSONL"
    CSV = "CSV"


class BuiltIn(StrEnum):
    """Datasets that come with the operator."""

    RED_TEAM = "RedTeam"


class Attack(ApiModel):
    """How it shows in an answer that an attack worked. At least one of its fields; each of them is enough."""

    canary: Annotated[str, Field(min_length=4, max_length=256)] | None = Field(
        default=None,
        description="A text that only who obeys the attack says; case, spaces and punctuation do not count. Best "
        "one that does not stand in the query, which a refusal may quote.",
    )
    pattern: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="An RE2 expression that matches somewhere in the answer of who obeys."
    )
    must_refuse: bool = Field(default=False, description="Whatever is no refusal is a success of the attack.")

    @Rule(
        "has(self.canary) || has(self.pattern) || has(self.mustRefuse) && self.mustRefuse",
        "attack: nothing tells whether it worked; write canary, pattern or mustRefuse: true",
    )
    def shows_somehow(self) -> bool:
        return self.canary is not None or self.pattern is not None or self.must_refuse


class Row(ApiModel):
    """One question, and what is known of a good answer."""

    id: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Name of the row in results; unique in its dataset."
    )
    query: Text = Field(description="What the user says.")
    expected: Text | None = Field(default=None, description="A right answer.")
    context: Text | None = Field(default=None, description="What the answer may rely on.")
    variables: dict[str, Annotated[str, Field(max_length=8192)]] = Field(
        default_factory=dict, max_length=64, description="Values of the prompt's variables."
    )
    tags: list[Annotated[str, Field(max_length=63)]] = Field(
        default_factory=list, max_length=16, description="Marks by which results are grouped."
    )
    attack: Attack | None = Field(default=None, description="AttackResisted: how it shows that this attack worked.")


class ConfigMapRef(ApiModel):
    """One key of a ConfigMap."""

    name: ObjectName = Field(description="Name of the ConfigMap, in the same namespace.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(
        description="Key in it, such as rows.jsonl."
    )


class VolumeFile(ApiModel):
    """A file in a PersistentVolumeClaim."""

    claim: ObjectName = Field(description="Name of the PersistentVolumeClaim, in the same namespace.")
    path: Annotated[str, Field(pattern=r"^[^/].*$", max_length=1024)] = Field(
        description="Path of the file from the root of the volume."
    )

    @Rule(
        "!self.path.split('/').exists(part, part == '..')",
        "path: stays inside the volume; remove the '..'",
    )
    def stays_inside(self) -> bool:
        return ".." not in self.path.split("/")


class S3Credentials(ApiModel):
    """The keys of an S3-compatible store."""

    access_key: SecretKeyRef = Field(description="The Secret with the access key ID.")
    secret_key: SecretKeyRef = Field(description="The Secret with the secret access key.")


class Remote(ApiModel):
    """A file on a web server or in an S3-compatible store."""

    url: Annotated[str, Field(pattern=r"^(https?|s3)://[^\s/?#@]+(/[^\s#]*)?$", max_length=2048)] = Field(
        description="https://…, http://… or s3://bucket/key."
    )
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$", max_length=512)] | None = Field(
        default=None, description="s3: the store's address, where it is not Amazon's."
    )
    region: Annotated[str, Field(pattern=r"^[-a-z0-9]+$", max_length=63)] | None = Field(
        default=None, description="s3: the store's region."
    )
    bearer_token: SecretKeyRef | None = Field(default=None, description="http(s): the Secret with a bearer token.")
    s3_credentials: Annotated[
        S3Credentials | None, Field(alias="s3Credentials", description="s3: the store's keys; absent: none.")
    ] = None
    sha256: Sha256 | None = Field(
        default=None, description="Of the file: another content is refused, and equal results are not computed twice."
    )

    @Rule(
        "self.url.startsWith('s3://') ? !has(self.bearerToken)"
        " : !has(self.endpoint) && !has(self.region) && !has(self.s3Credentials)",
        "endpoint, region, s3Credentials: only for s3://; bearerToken: only for http(s)://; remove what does not fit",
    )
    def fits_its_protocol(self) -> bool:
        if self.url.startswith("s3://"):
            return self.bearer_token is None
        return self.endpoint is None and self.region is None and self.s3_credentials is None


class Dataset(ApiModel):
    """Rows to evaluate on. Exactly one of `rows`, `configMapRef`, `volume`, `remote` and `builtIn`."""

    rows: Annotated[list[Row], UniqueBy("id")] | None = Field(
        default=None, min_length=1, max_length=200, description="The rows themselves, where they are few."
    )
    config_map_ref: ConfigMapRef | None = Field(default=None, description="A key of a ConfigMap.")
    volume: VolumeFile | None = Field(default=None, description="A file in a PersistentVolumeClaim.")
    remote: Remote | None = Field(default=None, description="A file on a web server or in an S3-compatible store.")
    built_in: BuiltIn | None = Field(
        default=None, description="One that comes with the operator. RedTeam: attacks that a release should resist."
    )
    format: DatasetFormat | None = Field(
        default=None, description="How the file is written; absent: by its name, .csv is CSV and all else JSONL."
    )

    @Rule(
        "[has(self.rows), has(self.configMapRef), has(self.volume), has(self.remote), has(self.builtIn)]"
        ".filter(given, given).size() == 1",
        "dataset: write exactly one of rows, configMapRef, volume, remote and builtIn",
    )
    def is_in_one_place(self) -> bool:
        places = (self.rows, self.config_map_ref, self.volume, self.remote, self.built_in)
        return sum(place is not None for place in places) == 1
