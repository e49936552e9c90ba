"""The model that judges: what evaluators need of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge said, and what it took."""

    text: str
    tokens: int
    cost: Decimal | None


class Judge(Protocol):
    """A model, asked over the network."""

    async def ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> Reply:
        """Its reply to chat messages ({role, content}), which should be JSON of this schema and may be anything.

        Raises EvaluatorError where there is none.
        """
        ...
