"""Where the pod of a run finds what it is told, and leaves what it finds out."""

from dataclasses import dataclass
from pathlib import Path

from genaiops.api import evaluation_run as pod
from genaiops.api.base import SecretKeyRef


class SecretError(Exception):
    """A Secret of the suite can't be read. The message names it, never its value."""


@dataclass(frozen=True)
class Places:
    """Files and folders; the defaults are those of the pod."""

    run: Path = Path(pod.RUN_FILE)
    config_map: Path = Path(pod.CONFIG_MAP_DATASET)
    volume: Path = Path(pod.VOLUME_DATASET)
    results: Path = Path(pod.RESULTS)
    secrets: Path = Path(pod.SECRETS)
    credentials: Path = Path(pod.CREDENTIALS)
    pipes: Path = Path(pod.PIPES)
    termination: Path = Path("/dev/termination-log")
    port: int = pod.PROGRESS_PORT
    patience: float = 120.0
    """Seconds that a release has to begin to answer."""

    def secret(self, ref: SecretKeyRef) -> str:
        """One key of a mounted Secret. Raises SecretError."""
        try:
            value = (self.secrets / ref.name / ref.key).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"key {ref.key} of Secret {ref.name} can't be read") from error
        if not value:
            raise SecretError(f"key {ref.key} of Secret {ref.name} is empty")
        return value
