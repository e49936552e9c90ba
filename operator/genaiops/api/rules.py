"""Rules across the fields of a struct, declared once and enforced twice.

The API server evaluates the CEL text when an object is applied. The operator evaluates the method below it when it
parses an object, because an object may be older than a rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Rule:
    """A CEL rule on a struct; as a decorator, together with the method that says the same in Python.

    `cel` is an expression over `self` (and `oldSelf`), true for a good object. `message` names the field, says what is
    wrong and what to do. A rule over `oldSelf` has no method: only the API server sees an object before and after.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None = None

    def __call__(self, holds: Callable[[Any], bool]) -> "Rule":
        return replace(self, holds=holds)

    def as_validation(self) -> dict[str, str]:
        """The rule as an item of `x-kubernetes-validations`."""
        return {"rule": self.cel, "message": self.message}


@cache
def rules_of(struct: type) -> tuple[Rule, ...]:
    """The rules of a class and of its bases, in the order of their declaration."""
    return tuple(value for base in reversed(struct.__mro__) for value in vars(base).values() if isinstance(value, Rule))
