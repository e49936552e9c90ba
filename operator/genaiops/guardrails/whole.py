"""Detectors that judge a text as a whole."""

import json
from typing import Any, NoReturn

import jsonschema_rs

from genaiops.guardrails.finding import Finding, Inline


class MaxLengthDetector(Inline):
    """What is beyond the allowed length, in characters, is the finding."""

    judges_whole = True

    def __init__(self, max_characters: int) -> None:
        self._max = max_characters

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        first = max(start, self._max)
        return [Finding(first, len(text), "TOO_LONG")] if first < len(text) else []

    def first_open(self, text: str, start: int) -> int:
        """As in Detector. Nothing is ever open: no further text makes a text shorter."""
        return len(text)


class JSONSchemaDetector(Inline):
    """A text that is no JSON, or JSON that the schema refuses, is one finding.

    Raises ValueError where the schema is none.
    """

    judges_whole = True

    def __init__(self, schema: dict[str, Any]) -> None:
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                schema,
                # Expressions without backtracking, so that no `pattern` can hang the process.
                pattern_options=jsonschema_rs.RegexOptions(),
                retriever=_refuse_reference,
            )
        except jsonschema_rs.ValidationError as error:
            place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
            raise ValueError(f"{place.lstrip('.')}: {error.message}" if place else error.message) from error

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        return [Finding(0, len(text), "JSON_SCHEMA")] if complete and self.problem(text) else []

    def first_open(self, text: str, start: int) -> int:
        """As in Detector. Everything is open until the text is complete."""
        return start

    def problem(self, text: str) -> str | None:
        """What is wrong with the text, in words that may quote it; None where nothing is."""
        try:
            document = json.loads(text, parse_constant=_refuse_constant)
        except ValueError as error:
            return f"it is no JSON: {error}"
        except RecursionError:
            return "it is nested too deeply"
        if self._validator.is_valid(document):
            return None
        fault = next(self._validator.iter_errors(document))
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.instance_path)
        return f"at ${place}: {fault.message}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse_reference(uri: str) -> NoReturn:
    raise ValueError(f"{uri}: a schema can't refer to another document, put its definitions under $defs")
