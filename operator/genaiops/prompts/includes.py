"""What a prompt includes of others, put in its place: a release has the whole text, and so has its hash."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from genaiops.api.prompt import LATEST, Message, PromptSpec, PromptVersion, Variable
from genaiops.prompts.check import problems
from genaiops.prompts.dialect import read, splice

MAX_DEPTH: Final = 4
_MAX_CHARACTERS: Final = 32768
_MAX_VARIABLES: Final = 64

Find = Callable[[str], PromptSpec]
"""The Prompt of this name; raises UnresolvedError where there is none that can be used."""


class UnresolvedError(Exception):
    """What is referred to can't be used. `reason` is one word for a condition, such as PromptNotFound."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Expanded:
    """A version with the texts of others in their place."""

    messages: list[Message]
    variables: list[Variable]
    sources: tuple[str, ...]
    """What was included, directly or not, as ``Prompt/version``, in the order of the alphabet."""


def select(name: str, prompt: PromptSpec, version: str | None, label: str | None) -> tuple[int, PromptVersion]:
    """The version of the Prompt `name` that is asked for, by its name or else by a label, and its place in versions.

    Raises UnresolvedError where it has none such.
    """
    if version is None:
        version = prompt.versions[-1].name if label == LATEST else prompt.labels.get(label or "")
    if version is None:
        known = ", ".join([*sorted(prompt.labels), LATEST])
        message = f"Prompt {name!r} has no label {label!r}; add it or choose one of its labels: {known}"
        raise UnresolvedError("PromptLabelNotFound", message)
    found = {item.name: (index, item) for index, item in enumerate(prompt.versions)}
    if version not in found:
        message = f"Prompt {name!r} has no version {version!r}; add it or choose one of its versions: "
        raise UnresolvedError("PromptVersionNotFound", message + ", ".join(found))
    return found[version]


def expand(name: str, version: PromptVersion, find: Find) -> Expanded:
    """The version of the Prompt `name`, which must itself be in order (`problems`), with what it includes.

    Raises UnresolvedError that tells the way to what is missing, wrong, too long or included in a circle.
    """
    return _Expansion(find).of(version, [f"{name}/{version.name}"])


class _Expansion:
    """One expansion; a text that is included from several places is put together once."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._done: dict[str, Expanded] = {}

    def of(self, version: PromptVersion, path: Sequence[str]) -> Expanded:
        used = {name for message in version.messages for name in read(message.content).includes}
        parts = {
            include.name: self._included(include.prompt, include.version, include.label, path)
            for include in version.includes or ()
            if include.name in used
        }
        texts = {name: part.messages[0].content for name, (_, part) in parts.items()}
        sources = {source for own, part in parts.values() for source in (own, *part.sources)}
        return Expanded(
            messages=[_spliced(message, texts, path) for message in version.messages] if texts else version.messages,
            variables=_merged(version.variables, dict(parts.values()), path) if texts else version.variables,
            sources=tuple(sorted(sources)),
        )

    def _included(self, name: str, version: str | None, label: str | None, path: Sequence[str]) -> tuple[str, Expanded]:
        try:
            index, found = select(name, self._find(name), version, label)
        except UnresolvedError as error:
            raise UnresolvedError(error.reason, f"{path[-1]} includes another: {error.message}") from error
        key = f"{name}/{found.name}"
        way = [*path, key]
        if key in path:
            _refuse(way, "goes in a circle; remove one of these includes")
        if len(path) > MAX_DEPTH:
            _refuse(way, f"is nested deeper than {MAX_DEPTH}; write the last text into the one that includes it")
        if key in self._done:
            return key, self._done[key]
        if errors := [str(problem) for problem in problems(found, f"spec.versions[{index}].") if not problem.warning]:
            _refuse(way, f"can't be used, Prompt {name!r} is wrong: {'; '.join(errors)}")
        if len(found.messages) != 1:
            _refuse(way, f"can't be used: {key} has {len(found.messages)} messages, only the text of one is included")
        self._done[key] = self.of(found, way)
        return key, self._done[key]


def _spliced(message: Message, texts: dict[str, str], path: Sequence[str]) -> Message:
    content = splice(message.content, texts) if read(message.content).includes else message.content
    if len(content) > _MAX_CHARACTERS:
        _refuse(path, f"has a message of {len(content):,} characters with what it includes; {_MAX_CHARACTERS:,} fit")
    return message.model_copy(update={"content": content})


def _merged(own: list[Variable], parts: dict[str, Expanded], path: Sequence[str]) -> list[Variable]:
    """The version's own variables win; two texts that declare one differently leave no choice but to ask."""
    merged = {variable.name: variable for variable in own}
    declared_by: dict[str, str] = {}
    for source, part in parts.items():
        for variable in part.variables:
            first = declared_by.setdefault(variable.name, source)
            if variable.name in {mine.name for mine in own}:
                continue
            if merged.setdefault(variable.name, variable) != variable:
                how = f"includes {first} and {source}, which declare the variable {variable.name!r} in different ways"
                _refuse(path, f"{how}; declare it in {path[-1]}, too: that one counts")
    if len(merged) > _MAX_VARIABLES:
        _refuse(path, f"has {len(merged)} variables with those of what it includes; {_MAX_VARIABLES} fit")
    return list(merged.values())


def _refuse(path: Sequence[str], what: str) -> NoReturn:
    raise UnresolvedError("PromptInvalid", f"{' → '.join(path)} {what}")
