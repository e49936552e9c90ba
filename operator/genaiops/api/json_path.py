"""A JSONPath (RFC 9535) of names and indexes only: it finds one thing, in no time."""

import re
from typing import Any, Final

PATH: Final = r"\$(\.[A-Za-z0-9_-]+|\['[^']+'\]|\[[0-9]{1,6}\])*"
"""How it is written: $.data[0].value or $['p95 latency']."""


def found_at(path: str, document: Any) -> Any:
    """What stands there. Raises LookupError where nothing does."""
    for name, quoted, index in re.findall(r"\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[([0-9]+)\]", path):
        try:
            document = document[int(index)] if index else document[name or quoted]
        except (LookupError, TypeError) as error:
            raise LookupError(f"jsonPath: nothing stands at {path}") from error
    return document
