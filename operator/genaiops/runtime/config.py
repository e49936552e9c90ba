"""What the process is told at its start: the release it serves, and a few settings of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
from pydantic import ValidationError

from genaiops import guardrails, prompts
from genaiops.api.release import ReleaseSpec
from genaiops.api.samples import SAMPLING_FILE
from genaiops.api.tracing import TRACING_DIR


class ConfigError(Exception):
    """The process can't start. The message says which setting or file is wrong and how."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment's settings. Times are in seconds."""

    release_file: Path
    """GENAIOPS_RELEASE_FILE: the release as JSON."""
    credentials_dir: Path
    """GENAIOPS_CREDENTIALS_DIR: ``<Model name>/api-key`` below it."""
    sampling_file: Path
    """GENAIOPS_SAMPLING_FILE: what is sampled and where it goes; absent where the app has no `quality`."""
    tracing_dir: Path
    """GENAIOPS_TRACING_DIR: where traces go, and what is asked for there; empty where the app has no `tracing`."""
    port: int
    """GENAIOPS_PORT: the API."""
    metrics_port: int
    """GENAIOPS_METRICS_PORT: ``/metrics``."""
    drain: float
    """GENAIOPS_DRAIN_SECONDS: how long a stopping pod goes on taking requests, until no one sends it any."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Raises ConfigError for a value that is no number."""
        return cls(
            release_file=Path(env.get("GENAIOPS_RELEASE_FILE", "/etc/genaiops/release/release.json")),
            credentials_dir=Path(env.get("GENAIOPS_CREDENTIALS_DIR", "/etc/genaiops/credentials")),
            sampling_file=Path(env.get("GENAIOPS_SAMPLING_FILE", SAMPLING_FILE)),
            tracing_dir=Path(env.get("GENAIOPS_TRACING_DIR", TRACING_DIR)),
            port=int(_number(env, "GENAIOPS_PORT", 8080)),
            metrics_port=int(_number(env, "GENAIOPS_METRICS_PORT", 9464)),
            drain=_number(env, "GENAIOPS_DRAIN_SECONDS", 5),
        )


@dataclass(frozen=True, slots=True)
class Release:
    """The release that this process serves."""

    name: str
    spec: ReleaseSpec

    @property
    def timeout(self) -> timedelta:
        """Time for one call of a model."""
        return self.spec.content.timeout


def load_release(path: Path) -> Release:
    """The release in the file, checked as far as that is possible without asking a model.

    Raises ConfigError where the file is missing, is no release, or has a template or a guardrail that can't work.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"can't read the release at {path}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise ConfigError(f"{path} is no release: it has no name")
    name = document.pop("name")
    try:
        spec = ReleaseSpec.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path} is no release: {wrong}") from error
    found = [
        *prompts.problems(spec.content.prompt, "content.prompt."),
        *(
            problem
            for index, policy in enumerate(spec.content.guardrails)
            for problem in guardrails.validate(policy, f"content.guardrails[{index}].")
        ),
    ]
    if errors := [problem for problem in found if not problem.warning]:
        raise ConfigError(f"release {name} can't be served: " + "; ".join(map(str, errors)))
    return Release(name, spec)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{name}={text!r} is no number from 0 up")
    return value
