"""Objects that others refer to, by name: their specs, or why they can't be used."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from genaiops.api.base import ApiModel
from genaiops.api.prompt import PromptSpec
from genaiops.prompts import Find, UnresolvedError

Lookup = Callable[[str, str], Mapping[str, Any] | None]
"""(kind, name) → the raw object in the namespace, or None."""
Spec = TypeVar("Spec", bound=ApiModel)


def spec_of(kind: str, name: str, model: type[Spec], lookup: Lookup, namespace: str) -> Spec:
    """The spec of an object. Raises UnresolvedError where there is none, or it breaks the kind's rules."""
    raw = lookup(kind, name)
    if raw is None:
        how = "create it or correct the reference"
        raise UnresolvedError(f"{kind}NotFound", f"there is no {kind} {name!r} in namespace {namespace!r}; {how}")
    try:
        return model.model_validate(raw.get("spec") or {})
    except ValidationError as error:
        message = f"{kind} {name!r} can't be used: {parse_errors(error)}"
        raise UnresolvedError(f"{kind}Invalid", message) from error


def prompts_in(lookup: Lookup, namespace: str) -> Find:
    """Finds the Prompts that another includes."""
    return lambda name: spec_of("Prompt", name, PromptSpec, lookup, namespace)


def parse_errors(error: ValidationError, prefix: str = "spec") -> str:
    """A pydantic error as ``spec.field[0].name: what is wrong`` clauses."""
    clauses = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
        clauses.append(f"{path}: {detail['msg'].removeprefix('Value error, ')}")
    return "; ".join(clauses)
