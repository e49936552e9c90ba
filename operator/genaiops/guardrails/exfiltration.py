"""Links and images that carry what was said to a server nobody allowed.

A model that reads an attacker's text can be made to write an image whose address holds the conversation; whoever shows
the answer fetches it, and nobody clicked (OWASP Top 10 for LLM applications 2025, LLM01 and LLM05).
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from genaiops.guardrails.recognisers import Recogniser, TableDetector

# A longer address is found by its beginning: one allowed address after the other, with nothing between them, would
# each be read to the end of all.
_REST = r"[^\s\"'<>)\]}`]{1,500}"
_SLASHES = r"[/\\]"


def detector(allowed: Sequence[str]) -> TableDetector:
    """Finds addresses whose host isn't among these: example.com, or *.example.com for all below it."""
    exact = frozenset(domain for domain in allowed if not domain.startswith("*."))
    below = tuple(domain[1:] for domain in allowed if domain.startswith("*."))

    def foreign(address: str) -> bool:
        host = _host(address)
        return host is None or not (host in exact or host.endswith(below))

    return TableDetector(
        [
            # Browsers take one slash, or a backslash, for the two (WHATWG URL standard, special schemes).
            Recogniser("URL", rf"(?i:\b(?:https?|ftp|wss?):){_SLASHES}{{1,8}}{_REST}", foreign),
            # Autolinks of GitHub's Markdown.
            Recogniser("URL", rf"(?i:\bwww\.){_REST}", foreign),
            # Without a scheme, where Markdown or HTML expects an address.
            Recogniser(
                "URL",
                rf"(?:\]\(|\]:|(?i:\b(?:src|srcset|href|url)\s{{0,3}}[=(]))[\s\"'<]{{0,4}}"
                rf"(?P<value>{_SLASHES}{{2,8}}{_REST})",
                foreign,
            ),
        ]
    )


def _host(address: str) -> str | None:
    """The host, as a browser reads it; None where it can't be told."""
    scheme, colon, rest = address.partition(":")
    if not colon or "." in scheme or scheme[:1] in "/\\":
        rest = address
    try:
        host = urlsplit("//" + rest.replace("\\", "/").lstrip("/")).hostname
        return host.rstrip(".").encode("idna").decode() if host else None
    except (ValueError, UnicodeError):
        return None
