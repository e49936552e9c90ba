"""The values of a prompt's variables: held against their declaration, typed, made safe to insert."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn

import re2
from jinja2 import Undefined

from genaiops.api.prompt import Variable, VariableType
from genaiops.prompts.escape import escaped

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
_FORMS: Final = {
    VariableType.STRING: "a string",
    VariableType.INTEGER: "an integer of at most 18 digits, such as 3",
    VariableType.NUMBER: "a number, such as 0.5",
    VariableType.BOOLEAN: "true or false",
}

Value = str | int | float | bool | Undefined


class VariableError(ValueError):
    """The values for a prompt's variables don't fit it. `variable` is the name of the first that doesn't."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(message)
        self.variable = variable


class Variables:
    """What a prompt declares. Raises VariableError where a declaration is itself wrong: see `declaration_problems`."""

    def __init__(self, declared: Sequence[Variable]) -> None:
        self._declared = {variable.name: _Kind(variable) for variable in declared}
        self._without_value = {name: kind.without_value() for name, kind in self._declared.items()}

    def fill(self, values: Mapping[str, object]) -> dict[str, Value]:
        """A value for each variable, as its type says. Raises VariableError that says what is wrong with which."""
        for name in values:
            if name not in self._declared:
                known = ", ".join(sorted(self._declared)) or "none"
                raise VariableError(name, f"the prompt declares no variable {name!r}; it declares: {known}")
        filled: dict[str, Value] = {}
        for name, kind in sorted(self._declared.items()):
            value = kind.read(values[name]) if name in values else self._without_value[name]
            if value is None:
                raise VariableError(name, f"the variable {name!r} has no default: give it in prompt.variables")
            filled[name] = value
        return filled


def declaration_problems(variable: Variable) -> Iterator[tuple[str, str]]:
    """What is wrong with a declaration: field of the variable and message."""
    if variable.pattern is not None:
        try:
            _compiled(variable.pattern)
        except ValueError as error:
            yield "pattern", f"is no RE2 expression: {error}"
            return
    if variable.default is not None:
        try:
            _Kind(variable).read(variable.default)
        except VariableError as error:
            yield "default", f"is no value of it: {error}"


class _Kind:
    """One declaration, ready to judge values."""

    def __init__(self, variable: Variable) -> None:
        self._declared = variable
        self._type = variable.type or VariableType.STRING
        try:
            self._pattern = _compiled(variable.pattern) if variable.pattern is not None else None
        except ValueError as error:
            raise VariableError(variable.name, f"pattern: is no RE2 expression: {error}") from error

    def without_value(self) -> Value | None:
        """What stands for a value that the request does not bring; None where it must."""
        if self._declared.default is not None:
            return self.read(self._declared.default)
        return Undefined(name=self._declared.name) if self._declared.required is False else None

    def read(self, value: object) -> Value:
        """Text counts as what it says: a dataset in CSV, or a command line, has nothing else."""
        typed = _typed(value, self._type)
        if typed is None:
            self._refuse(f"must be {_FORMS[self._type]}")
        if not isinstance(typed, str):
            return typed
        most, allowed = self._declared.max_length, self._declared.values
        if allowed is not None and typed not in allowed:
            self._refuse(f"must be one of: {', '.join(allowed)}")
        if most is not None and len(typed) > most:
            self._refuse(f"has {len(typed):,} characters; it may have {most:,}")
        if self._pattern is not None and not self._pattern.fullmatch(typed):
            self._refuse(f"must match {self._declared.pattern}")
        return escaped(typed, self._declared.name, self._declared.escape)

    def _refuse(self, why: str) -> NoReturn:
        raise VariableError(self._declared.name, f"the variable {self._declared.name!r} {why}")


def _typed(value: object, wanted: VariableType) -> str | int | float | bool | None:
    match wanted:
        case VariableType.STRING:
            return value if isinstance(value, str) else None
        case VariableType.BOOLEAN:
            return _BOOLEANS.get(value) if isinstance(value, str) else value if isinstance(value, bool) else None
        case VariableType.INTEGER | VariableType.NUMBER if isinstance(value, str):
            if _INTEGER.fullmatch(value):
                return int(value)
            return _finite(float(value)) if wanted is VariableType.NUMBER and _NUMBER.fullmatch(value) else None
        case VariableType.INTEGER | VariableType.NUMBER if isinstance(value, int) and not isinstance(value, bool):
            return value if abs(value) < 10**18 else None
        case VariableType.NUMBER if isinstance(value, float):
            return _finite(value)
    return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _compiled(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error
