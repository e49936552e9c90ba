"""How long to wait before a call is tried again."""

import random

FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 8.0
"""Seconds."""


def backoff(attempt: int, retry_after: float | None) -> float:
    """Seconds before the next try: exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015).

    What the server asks for is the least; a little is added so that its callers don't all return in one instant.
    """
    jitter = random.uniform(0, min(LONGEST_BACKOFF, FIRST_BACKOFF * 2**attempt))
    return jitter if retry_after is None else retry_after + min(jitter, FIRST_BACKOFF)
