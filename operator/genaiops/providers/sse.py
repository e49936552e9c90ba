"""Server-sent events, as the HTML standard defines them (section 9.2, event stream interpretation)."""

import re
from typing import Any

import orjson

DONE = b"[DONE]"
"""What the OpenAI protocol sends as the data of the last event."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventParser:
    """Bytes, however they are cut, into the data of events. An event without its blank line is dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of every event that this chunk completes."""
        text = self._rest + chunk
        # A \r at the end may be the first half of \r\n.
        open_end = text.endswith(b"\r")
        lines = _LINE_END.split(text[:-1] if open_end else text)
        self._rest = lines.pop() + (b"\r" if open_end else b"")
        events = []
        for line in lines:
            if not line:
                if self._data:
                    events.append(b"\n".join(self._data))
                    self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line == b"data":
                self._data.append(b"")
        return events


def encode(data: dict[str, Any] | bytes) -> bytes:
    """One event."""
    return b"data: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"
