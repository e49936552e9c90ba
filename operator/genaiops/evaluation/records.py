"""What a run found out of each row: one JSON object a line, in rows.jsonl and in the pod's log."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from genaiops.api.base import ApiModel, NonNegative

ROWS: Final = "rows.jsonl"


class Verdict(ApiModel):
    """What one evaluator said of one answer."""

    score: float | None = Field(default=None, description="On its own scale; absent where it could not judge.")
    passed: bool = Field(default=False, description="Whether the answer passes.")
    reason: str = Field(default="", description="Why. Untrusted.")
    error: str | None = Field(default=None, description="Why it could not judge.")


class Answered(ApiModel):
    """What one release answered, and what was said of it."""

    text: str = Field(default="", description="The answer. Untrusted.")
    seconds: Annotated[float, Field(ge=0)] = Field(default=0, description="From the request to the answer's end.")
    first_token: Annotated[float, Field(ge=0)] = Field(default=0, description="Seconds to the first token.")
    input_tokens: int = Field(default=0, description="Tokens of the question with its prompt.")
    output_tokens: int = Field(default=0, description="Tokens of the answer.")
    cost: NonNegative | None = Field(default=None, description="Its price.")
    tool_calls: list[dict[str, Any]] = Field(default_factory=list, description="Tools that it calls. Untrusted.")
    refused_by: str | None = Field(default=None, description="The guardrail that refused.")
    error: str | None = Field(default=None, description="Why there is no answer.")
    verdicts: dict[str, Verdict] = Field(default_factory=dict, description="By evaluator.")


class Record(ApiModel):
    """One row, asked once."""

    id: str = Field(description="The row.")
    repeat: int = Field(default=0, description="Which time it was asked, from 0.")
    query: str = Field(description="The question.")
    expected: str | None = Field(default=None, description="A right answer.")
    context: str | None = Field(default=None, description="What the answer may rely on.")
    tags: list[str] = Field(default_factory=list, description="Its marks.")
    candidate: Answered = Field(description="The release that is judged.")
    baseline: Answered | None = Field(default=None, description="The release that it is compared with.")
    tokens: int = Field(default=0, description="Of all requests for it, judges included.")
    cost: NonNegative | None = Field(default=None, description="Their price, where the Models have one.")

    def line(self) -> str:
        """One line of ASCII: whatever a model says, it ends no line and moves no cursor."""
        return json.dumps(self.to_manifest(), separators=(",", ":"))


def read(file: Path) -> Iterator[Record]:
    """The records of a file, in its order."""
    with file.open("rb") as lines:
        for line in lines:
            yield Record.model_validate_json(line)


def total(costs: list[Decimal | None]) -> Decimal | None:
    """The sum of what has a price; None where nothing has."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known else None
