"""What a provider is asked, and how it fails."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from genaiops.api.base import format_duration

_LARGEST: Final = Decimal(10) ** 15
_PLACES: Final = Decimal(1).scaleb(-12)


class ProviderError(Exception):
    """There is no answer. The message says why, and holds nothing secret and nothing of an answer's body."""


@dataclass(frozen=True)
class Question:
    """One release of one app, at one moment of its rollout."""

    app: str
    namespace: str
    release: str
    """The release that the value is asked of."""
    stable: str
    """The one that it is compared with."""
    window: timedelta
    """Time since the weight is live."""
    app_uid: str = ""
    identity: str = ""
    """The same for a measurement that was begun and not taken up: an operator that starts anew finds its Job by it."""

    def variables(self) -> dict[str, str]:
        """What the question is made of, as text. The window is in whole seconds, at least one."""
        seconds = max(1, int(self.window.total_seconds()))
        return {
            "app": self.app,
            "namespace": self.namespace,
            "release": self.release,
            "stable": self.stable,
            "window": format_duration(timedelta(seconds=seconds)),
        }


def number(value: object) -> Decimal | None:
    """A value as it is judged and kept: to 12 places. None where it is not finite: no data.

    Raises ProviderError for what is no number, or none that a status can hold (10^15 and beyond).
    """
    try:
        found = Decimal(value if isinstance(value, Decimal) else str(value))
    except InvalidOperation as error:
        raise ProviderError("the answer is not a number") from error
    if not found.is_finite():
        return None
    if abs(found) >= _LARGEST:
        raise ProviderError("the answer is 10^15 or more: use a larger unit")
    return found.quantize(_PLACES).normalize()
