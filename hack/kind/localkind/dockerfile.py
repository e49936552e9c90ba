"""What goes into each target of the Dockerfile, read from the Dockerfile itself.

An image's tag is computed from its own inputs alone: a change in one program gives no other image a new tag, and
so rolls no pod that runs something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import cache


@dataclass
class Stage:
    """One `FROM`: the stage or image it starts from, its instructions, and what it copies from where."""

    parent: str
    instructions: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)


def parse(text: str) -> dict[str, Stage]:
    """The stages by name. Knows what this project's Dockerfile uses: FROM ... AS, COPY without quotes."""
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for instruction in _instructions(text):
        word, *rest = instruction.split()
        if word == "FROM":
            parent, _, name = rest
            current = stages[name] = Stage(parent)
        elif current is not None:
            current.instructions.append(instruction)
            if word == "COPY":
                options = [each for each in rest if each.startswith("--")]
                origins = [option.removeprefix("--from=") for option in options if option.startswith("--from=")]
                if origins:
                    current.stages += origins
                else:
                    current.files += [each for each in rest if not each.startswith("--")][:-1]
    return stages


def _instructions(text: str) -> Iterator[str]:
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def target_key(stages: dict[str, Stage], target: str, context: Path, base: str) -> str:
    """The key of all that decides a target's content: instructions, files, and the same of each stage it uses."""
    stage = stages[target]
    parts: list[str | Path] = [*stage.instructions]
    for source in stage.files:
        parts += [source, context / source]
    for used in [stage.parent, *stage.stages]:
        parts.append(target_key(stages, used, context, base) if used in stages else base)
    return cache.key(*parts)
