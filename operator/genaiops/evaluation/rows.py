"""A dataset's file into rows: JSON Lines or CSV, every bad row named by its line. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from genaiops.api.dataset import DatasetFormat, Row

MAX_BYTES: Final = 100 * 1024 * 1024
"""Of a file."""
MAX_ROWS: Final = 100_000
_NAMED: Final = 20
_ALIASES: Final = {"input": "query", "ground_truth": "expected", "expected_output": "expected"}
"""Names that other tools give to our columns."""


class DatasetError(Exception):
    """The dataset can't be used. The message says what is wrong and where."""


@dataclass
class Parsed:
    """The rows of a file."""

    rows: list[Row] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    """Columns that mean nothing here."""


@dataclass
class _Problems:
    """What is wrong with which line: the first ones in words, and how many there are."""

    told: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str) -> None:
        self.count += 1
        if len(self.told) < _NAMED:
            self.told.append(f"line {line}: {message}")


class _BadRowError(Exception):
    pass


def parse(content: bytes, form: DatasetFormat) -> Parsed:
    """The rows of a file, in its order. Raises DatasetError that names every bad line (the first 20, and their number).

    A row without an id has the number of its line as its id.
    """
    content = _without_mark(content)
    raw = _json_lines(content) if form is DatasetFormat.JSONL else _table(content)
    parsed, problems, lines = Parsed(), _Problems(), dict[str, int]()
    number = 0
    for line, item in raw:
        number += 1
        if number > MAX_ROWS:
            raise DatasetError(f"the dataset has more than {MAX_ROWS} rows; split it")
        try:
            row = _row(line, item, parsed.ignored)
            if row.id in lines:
                raise _BadRowError(f"id {row.id!r} is that of line {lines[row.id]}, too; give each row its own")
        except _BadRowError as error:
            problems.add(line, str(error))
            continue
        lines[row.id] = line
        parsed.rows.append(row)
    if problems.count:
        more = f"; and {problems.count - len(problems.told)} more" if problems.count > len(problems.told) else ""
        raise DatasetError(f"{problems.count} of {number} rows can't be used: {'; '.join(problems.told)}{more}")
    if not parsed.rows:
        raise DatasetError("the dataset is empty; write at least one row")
    return parsed


def _without_mark(content: bytes) -> bytes:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError("the dataset is UTF-16; save it as UTF-8")
    return content.removeprefix(b"\xef\xbb\xbf")


def _json_lines(content: bytes) -> Iterator[tuple[int, Mapping[str, Any] | _BadRowError]]:
    for line, data in enumerate(io.BytesIO(content), start=1):
        if not data.strip():
            continue
        try:
            value = json.loads(data)
        except UnicodeDecodeError as error:
            yield line, _BadRowError(f"is no UTF-8 at byte {error.start + 1}; save the file as UTF-8")
        except ValueError as error:
            yield line, _BadRowError(f"is no JSON: {error}")
        except RecursionError:
            yield line, _BadRowError("is nested too deeply")
        else:
            if isinstance(value, dict):
                yield line, value
            else:
                yield line, _BadRowError("is no JSON object")


def _table(content: bytes) -> Iterator[tuple[int, Mapping[str, Any] | _BadRowError]]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"line {line}: the dataset is no UTF-8; save it as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [name.strip() for name in next(reader, [])]
    _require_header(header)
    end = reader.line_num
    while True:
        # A quoted cell may span lines: a row is called by its first.
        line = end + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _BadRowError(f"is no CSV: {error}")
            # Behind a quote that is never closed nothing can be told apart.
            return
        finally:
            end = reader.line_num
        if not cells:
            continue
        if len(cells) != len(header):
            yield line, _BadRowError(f"has {len(cells)} cells, the header {len(header)}; quote cells that hold commas")
        else:
            yield line, {name: cell for name, cell in zip(header, cells, strict=True) if cell != ""}


def _require_header(header: list[str]) -> None:
    known = [_ALIASES.get(name, name) for name in header]
    if "query" not in known:
        hint = "; separate columns by commas" if len(header) == 1 and (";" in header[0] or "\t" in header[0]) else ""
        raise DatasetError(f"line 1: the header has no column query (or input){hint}")
    for name in known:
        if known.count(name) > 1:
            raise DatasetError(f"line 1: the header has more than one column for {name}; leave one")


def _row(line: int, item: Mapping[str, Any] | _BadRowError, ignored: set[str]) -> Row:
    if isinstance(item, _BadRowError):
        raise item
    known: dict[str, Any] = {}
    for column, value in item.items():
        name = _ALIASES.get(column, column)
        if name not in Row.model_fields:
            ignored.add(str(column)[:63])
        elif value is not None:
            if name in known:
                raise _BadRowError(f"has {name} twice, under two names; leave one")
            known[name] = value
    known["id"] = str(known.get("id", line))
    if "variables" in known:
        known["variables"] = _variables(known["variables"])
    if isinstance(known.get("tags"), str):
        known["tags"] = [tag.strip() for tag in known["tags"].split(";") if tag.strip()]
    if "query" not in known:
        raise _BadRowError("has no query (or input)")
    try:
        return Row.model_validate(known)
    except ValidationError as error:
        raise _BadRowError(_in_words(error)) from error


def _variables(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _BadRowError(f"variables: is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _BadRowError('variables: write a JSON object, such as {"name": "Ann"}')
    texts = {}
    for name, each in value.items():
        if isinstance(each, dict | list) or each is None:
            raise _BadRowError(f"variables.{name}: write a text, a number or a boolean")
        texts[name] = each if isinstance(each, str) else json.dumps(each)
    return texts


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"{_path(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))


def _path(parts: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in parts) or "row"
