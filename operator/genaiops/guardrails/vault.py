"""Redaction that is taken back within one request: the model sees placeholders, the caller gets the values again."""

import json
import re
from collections.abc import Iterable

_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]*_[0-9]+\]")


class Vault:
    """The values that were redacted from one request, by placeholder. Lives no longer than the request."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """`texts`: what the caller sent. A placeholder that stands in it already is nobody's."""
        self._taken = {found for text in texts for found in _PLACEHOLDER.findall(text)}
        self._values: dict[str, str] = {}
        self._placeholders: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def placeholder(self, kind: str, value: str) -> str:
        """``[EMAIL_1]``: the same for the same value, so that the model can tell who is who."""
        known = self._placeholders.get((kind, value))
        while known is None:
            self._counts[kind] = number = self._counts.get(kind, 0) + 1
            if (new := f"[{kind}_{number}]") not in self._taken:
                self._values[new] = value
                known = self._placeholders[kind, value] = new
        return known

    def restorer(self, *, in_json: bool = False) -> "Restorer":
        """Restores one text; `in_json`: the text is JSON, in whose strings the placeholders stand."""
        values = {name: json.dumps(value)[1:-1] if in_json else value for name, value in self._values.items()}
        return Restorer(values)


class Restorer:
    """Puts values in place of placeholders in one text while it comes."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._longest = max(map(len, values), default=0)
        self._held = ""

    def feed(self, text: str) -> str:
        """What may go out now: all but the beginning of a placeholder at the end."""
        if not self._values:
            return text
        text = self._held + text
        place = text.rfind("[", max(0, len(text) - self._longest + 1))
        begun = text[place:] if place >= 0 else ""
        if not begun or not any(name.startswith(begun) for name in self._values):
            place = len(text)
        self._held = text[place:]
        return self._restored(text[:place])

    def finish(self, text: str = "") -> str:
        """The last of the text."""
        text, self._held = self._held + text, ""
        return self._restored(text)

    def _restored(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), text) if self._values else text
