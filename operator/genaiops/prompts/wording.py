"""What a reference to a prompt stands for: one version, checked, with what it includes in its place."""

from dataclasses import dataclass

from genaiops.api.parameters import Parameters
from genaiops.api.prompt import PromptSpec
from genaiops.api.release import PromptContent
from genaiops.prompts.check import problems
from genaiops.prompts.includes import Find, UnresolvedError, expand, select


@dataclass(frozen=True)
class Wording:
    """A prompt as a release has it."""

    version: str
    content: PromptContent
    parameters: Parameters | None
    """What the version suggests."""
    includes: tuple[str, ...]
    """What was included, as ``Prompt/version``."""


def wording(name: str, prompt: PromptSpec, version: str | None, label: str | None, find: Find) -> Wording:
    """What the Prompt `name` says in this version, or else under this label.

    Raises UnresolvedError where there is no such version, or it can't be used.
    """
    index, found = select(name, prompt, version, label)
    if errors := [str(problem) for problem in problems(found, f"spec.versions[{index}].") if not problem.warning]:
        raise UnresolvedError("PromptInvalid", f"Prompt {name!r} can't be used: {'; '.join(errors)}")
    expanded = expand(name, found, find)
    content = PromptContent(
        messages=expanded.messages, variables=expanded.variables, response_format=found.response_format
    )
    return Wording(found.name, content, found.parameters, expanded.sources)
