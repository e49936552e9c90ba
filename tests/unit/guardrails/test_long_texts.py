"""A text that somebody made to be slow to judge: done within the test's limit, where quadratic time would take hours.

The judging of long texts is in a thread or a worker, and neither can be broken off: such a text would take it away from
everybody else.
"""

import pytest

from genaiops.guardrails import exfiltration, pii, secrets
from genaiops.guardrails.denylist import DenyListDetector
from genaiops.guardrails.disguise import MAX_DECODED, decoded, plain
from genaiops.guardrails.vault import Vault

pytestmark = pytest.mark.timeout(240)

MANY = 60_000


def test_tokens_that_all_only_begin() -> None:
    assert secrets.detector().find("eyJaaaaaaaa-" * MANY, 0, complete=True) == []


def test_addresses_that_are_all_allowed() -> None:
    assert exfiltration.detector(["example.com"]).find("http://example.com/" * MANY, 0, complete=True) == []


def test_an_address_is_found_whatever_its_length() -> None:
    [found, *_] = exfiltration.detector([]).find("see http://evil.example/" + "a" * MANY, 0, complete=True)

    assert found.start == 4
    assert found.end > 500


@pytest.mark.parametrize("between", [" ", " é "])
def test_a_denied_word_over_and_over(between: str) -> None:
    found = DenyListDetector(["foo"]).find(f"foo{between}" * MANY, 0, complete=True)

    assert len(found) == MANY
    assert found[-1].start == (MANY - 1) * (3 + len(between))


@pytest.mark.parametrize("before", ["", "a", "!" * MANY + "a"])
def test_marks_in_a_row(before: str) -> None:
    """As leetspeak they are letters, up to the last letter."""
    assert plain(before + "!" * MANY) == before.replace("!", "i") + "!" * MANY


def test_more_accents_than_any_letter_has() -> None:
    assert plain("e" + "\u0301\u0316" * MANY + " x") == "e x"


def test_what_looks_encoded_for_long_and_is_not() -> None:
    assert decoded("%" * 6 + "a" * MAX_DECODED) == []
    assert decoded("%41" + "a" * MAX_DECODED) == []


def test_one_placeholder_for_each_of_many_values() -> None:
    text = " ".join(f"a{number}@b.com" for number in range(MANY))
    vault = Vault([text])
    for finding in pii.detector(None).find(text, 0, complete=True):
        vault.placeholder(finding.kind, text[finding.start : finding.end])

    assert vault.restorer().finish(f"to [EMAIL_{MANY}] and [EMAIL_{MANY + 1}]") == (
        f"to a{MANY - 1}@b.com and [EMAIL_{MANY + 1}]"
    )
