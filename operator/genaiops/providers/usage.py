"""What an answer took: tokens, and their price."""

from dataclasses import dataclass
from decimal import Decimal

from genaiops.api.model import Pricing


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    read: int
    written: int

    def cost(self, pricing: Pricing) -> Decimal:
        """In the currency of the prices."""
        price = pricing.input_per_million * self.read + pricing.output_per_million * self.written
        return price / Decimal(1_000_000)


def usage_of(usage: object) -> Usage | None:
    """From the `usage` of the OpenAI protocol; None where there are no numbers in it."""
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(read, int) or not isinstance(written, int) or read < 0 or written < 0:
        return None
    return Usage(read, written)
