"""What is wrong with a manifest that the API server can't see."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a spec, for a condition, a log line or a terminal."""

    field: str
    """Path inside the spec, such as ``versions[1].messages[0].content``."""
    message: str
    """What is wrong and what to do, in one sentence."""
    warning: bool = False
    """A warning is worth telling and stops nothing."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
