"""Manifests read from files, each value with the line and column it stands at."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from genaiops.cli.failure import Failure

Path_ = Sequence[str | int]
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_SUFFIXES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Position:
    """A place in a file; lines and columns from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Unreadable:
    """Text that is no YAML, or that the API server would read in another way than it looks."""

    position: Position
    message: str


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: a date stays the text it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """One object of a file."""

    value: Any
    _file: str
    _node: Node

    def position(self, path: Path_ = ()) -> Position:
        """Where the value at `path` begins, with its key; where there is none, what would hold it."""
        at = node = self._node
        for part in path:
            found = _entry(node, part)
            if found is None:
                break
            at, node = found
        return _position(self._file, at.start_mark)

    def items(self) -> "Iterator[Document]":
        """The document itself or, of a List, its items."""
        if not (isinstance(self.value, dict) and self.value.get("kind") == "List"):
            yield self
            return
        entry = _entry(self._node, "items")
        for index, item in enumerate(self.value.get("items") or ()):
            found = _entry(entry[1], index) if entry else None
            yield from Document(item, self._file, found[1] if found else self._node).items()


def read(paths: Sequence[str]) -> Iterator[Document | Unreadable]:
    """Every object of the files, and of the YAML and JSON files in folders; ``-`` is standard input.

    Raises Failure for a file that can't be read at all.
    """
    for path in paths:
        if path == "-":
            yield from _documents("<stdin>", sys.stdin.read())
            continue
        try:
            files = sorted(file for file in Path(path).rglob("*") if file.suffix in _SUFFIXES)
            for file in files if Path(path).is_dir() else [Path(path)]:
                yield from _documents(str(file), file.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"can't read {path}: {error}") from error


def _documents(file: str, text: str) -> Iterator[Document | Unreadable]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            misleading = list(_misleading(node, file))
            yield from misleading
            value = None if misleading else loader.construct_document(node)
            if value is not None:
                yield from Document(value, file, node).items()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        message = getattr(error, "problem", None) or str(error)
        yield Unreadable(_position(file, mark) if mark else Position(file, 1, 1), f"is no YAML: {message}")


def _position(file: str, mark: Any) -> Position:
    return Position(file, mark.line + 1, mark.column + 1)


def _entry(node: Node, part: str | int) -> tuple[Node, Node] | None:
    """A part of a node: where it begins, and itself."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _misleading(root: Node, file: str) -> Iterator[Unreadable]:
    """Keys that are there twice (the last would win), and what contains itself."""
    done: set[int] = set()

    def walk(node: Node, above: frozenset[int]) -> Iterator[Unreadable]:
        if id(node) in above:
            yield Unreadable(_position(file, node.start_mark), "refers to itself; write it out")
        if id(node) in done:
            return
        done.add(id(node))
        if isinstance(node, MappingNode):
            seen = set()
            for key, value in node.value:
                if isinstance(key, ScalarNode):
                    if key.value in seen:
                        message = f"the key {key.value!r} is there twice; remove one"
                        yield Unreadable(_position(file, key.start_mark), message)
                    seen.add(key.value)
                yield from walk(value, above | {id(node)})
        elif isinstance(node, SequenceNode):
            for item in node.value:
                yield from walk(item, above | {id(node)})

    yield from walk(root, frozenset())
