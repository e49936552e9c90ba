"""What the server is told at its start."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LANGUAGE = re.compile(r"(?P<code>[a-z]{2,3})(=(?P<model>\S+))?")


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's flags. Times are in seconds."""

    languages: tuple[tuple[str, str | None], ...]
    """ISO 639-1 codes, each with the spaCy model that reads it: a package's name or a folder; None without one."""
    entities: tuple[str, ...]
    """What is looked for where a request does not say it; empty: all that Presidio has for the language."""
    threshold: float
    """Score from which something is a finding, where a request does not say it."""
    recognizers: Path | None
    """A file in the form of Presidio's recognizer registry, in place of Presidio's own."""
    max_characters: int
    """Of one text."""
    timeout: float
    """For one text, waiting for the ones before it included."""
    port: int

    @property
    def without_model(self) -> tuple[str, ...]:
        """The languages that no model reads."""
        return tuple(code for code, model in self.languages if model is None)


def parse(arguments: Sequence[str] | None) -> Settings:
    """From the command line. Ends the process with status 2, and says why, where a flag is wrong."""
    flags = argparse.ArgumentParser(prog="presidio", description=__doc__)
    flags.add_argument(
        "--language",
        action="append",
        type=_language,
        metavar="CODE[=MODEL]",
        help="a language, and the spaCy model that reads it; the first one holds where a request names none, "
        "and each may be given once (default: en, without a model)",
    )
    flags.add_argument("--entities", default="", metavar="A,B", help="what to look for (default: all that there is)")
    flags.add_argument("--threshold", type=_share, default=0.4, help="score that makes a finding, 0 to 1")
    flags.add_argument("--recognizers", type=Path, metavar="FILE", help="a recognizer registry of Presidio's, as YAML")
    flags.add_argument("--max-characters", type=_count, default=20_000, help="of one text")
    flags.add_argument("--timeout", type=_seconds, default=5.0, help="seconds for one text")
    flags.add_argument("--port", type=int, default=8080)
    given = flags.parse_args(arguments)
    languages = tuple(given.language or [("en", None)])
    if len({code for code, _ in languages}) < len(languages):
        flags.error("argument --language: each language may be given once")
    return Settings(
        languages=languages,
        entities=words(given.entities),
        threshold=given.threshold,
        recognizers=given.recognizers,
        max_characters=given.max_characters,
        timeout=given.timeout,
        port=given.port,
    )


def words(listed: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(word.strip() for word in listed.split(",") if word.strip())


def _language(text: str) -> tuple[str, str | None]:
    match = _LANGUAGE.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no language: write en, or en=en_core_web_lg")
    return match["code"], match["model"]


def _share(text: str) -> float:
    return _number(text, 0, 1)


def _seconds(text: str) -> float:
    return _number(text, 0.01, 3600)


def _count(text: str) -> int:
    return int(_number(text, 1, 1_000_000))


def _number(text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
    return value
