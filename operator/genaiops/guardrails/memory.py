"""What was judged before is known: a conversation's earlier messages come again with every request."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from genaiops.guardrails.finding import Finding

SIZE: Final = 4096
"""Texts: a few hundred conversations."""
MOST: Final = 64
"""Findings in one text, beyond which it is no conversation's, and takes room that others need."""


class Memory:
    """One detector's findings in the texts that it judged last. Of a text only a digest is kept."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._found: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()

    def recall(self, text: str) -> list[Finding] | None:
        """The findings in this text; None where it wasn't judged, or too long ago."""
        digest = _digest(text)
        found = self._found.get(digest)
        if found is None:
            return None
        self._found.move_to_end(digest)
        return list(found)

    def keep(self, text: str, findings: list[Finding]) -> None:
        """These are the findings in this text, in whatever request it comes."""
        if len(findings) > MOST:
            return
        self._found[_digest(text)] = tuple(findings)
        if len(self._found) > self._size:
            self._found.popitem(last=False)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
