"""Everything that is wrong with a Prompt, or may be: also what takes other Prompts, or a guardrail's eyes, to see."""

from collections.abc import Iterator
from functools import lru_cache

from genaiops.api.prompt import PromptSpec, PromptVersion
from genaiops.guardrails import secrets
from genaiops.problem import Problem
from genaiops.prompts import Find, UnresolvedError, problems, wording


def judge(name: str, prompt: PromptSpec, find: Find) -> list[Problem]:
    """Problems of every version of the Prompt `name`; paths start at ``versions[i]``."""
    return [
        problem
        for index, version in enumerate(prompt.versions)
        for problem in _version_problems(name, prompt, version, f"versions[{index}].", find)
    ]


def _version_problems(name: str, prompt: PromptSpec, version: PromptVersion, at: str, find: Find) -> Iterator[Problem]:
    found = problems(version, at)
    yield from found
    yield from _secrets(version, at)
    if version.includes and all(problem.warning for problem in found):
        try:
            wording(name, prompt, version.name, None, find)
        except UnresolvedError as error:
            # What isn't there yet is no fault of this one; an app that uses it waits, and says so.
            yield Problem(f"{at}includes", error.message, warning=error.reason == "PromptNotFound")


def _secrets(version: PromptVersion, at: str) -> Iterator[Problem]:
    texts = [
        *((f"messages[{index}].content", message.content) for index, message in enumerate(version.messages)),
        *((f"variables[{index}].default", variable.default) for index, variable in enumerate(version.variables)),
    ]
    for field, text in texts:
        for kind in _kinds_of_secrets(text or ""):
            message = f"looks like it holds a secret ({kind}): whoever may read the Prompt, and the model, can see it"
            yield Problem(f"{at}{field}", message, warning=True)


@lru_cache(maxsize=1024)
def _kinds_of_secrets(text: str) -> tuple[str, ...]:
    return tuple(sorted({finding.kind for finding in _detector().find(text, 0, True)}))


_detector = lru_cache(maxsize=1)(secrets.detector)
