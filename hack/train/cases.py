"""The cases written for this project: one a line under ``[category language]``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADING = re.compile(r"\[([\w-]+) (\w\w)\]")


@dataclass(frozen=True, slots=True)
class Case:
    """One text and what it is a case of."""

    text: str
    category: str
    language: str


def read(file: Path) -> Iterator[Case]:
    """The cases of a file, with line breaks where it says ``\\n``."""
    category = language = ""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if heading := _HEADING.fullmatch(line):
            category, language = heading.groups()
        elif line and not line.startswith("# "):
            if not category:
                raise ValueError(f"{file}:{number}: a case before the first [category language]")
            yield Case(line.replace("\\n", "\n"), category, language)


def with_asks(cases: list[Case], each: int) -> Iterator[Case]:
    """Every ``{ask}`` filled in with `each` of the asks of its language in turn; the asks themselves left out."""
    asks: dict[str, list[str]] = {}
    for case in cases:
        if case.category == "asks":
            asks.setdefault(case.language, []).append(case.text)
    for number, case in enumerate(case for case in cases if case.category != "asks"):
        if "{ask}" not in case.text:
            yield case
            continue
        choices = asks[case.language]
        for turn in range(each):
            ask = choices[(number * each + turn) % len(choices)]
            yield Case(case.text.replace("{ask}", ask), case.category, case.language)
