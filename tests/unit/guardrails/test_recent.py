"""What was made of a text is known while there is room for it, and the text itself is not kept."""

from genaiops.guardrails.recent import Recent


def upper(recent: Recent[str], *texts: str) -> tuple[str, bool]:
    """The texts in capitals, and whether that had to be made."""
    made: list[str] = []

    def make() -> str:
        made.append(" ".join(texts).upper())
        return made[0]

    return recent.get(texts, make), bool(made)


def test_it_is_made_once() -> None:
    recent = Recent[str](100, len)

    assert upper(recent, "a", "b") == ("A B", True)
    assert upper(recent, "a", "b") == ("A B", False)
    assert upper(recent, "ab") == ("AB", True)


def test_what_was_not_asked_for_for_longest_makes_room() -> None:
    recent = Recent[str](10, len)
    for text in ("aaaa", "bbbb", "aaaa", "cccc"):
        upper(recent, text)

    assert upper(recent, "aaaa") == ("AAAA", False)
    assert upper(recent, "bbbb") == ("BBBB", True)


def test_what_is_too_large_takes_no_room_from_others() -> None:
    recent = Recent[str](10, len)
    upper(recent, "aaaa")

    assert upper(recent, "c" * 11) == ("C" * 11, True)
    assert upper(recent, "c" * 11) == ("C" * 11, True)
    assert upper(recent, "aaaa") == ("AAAA", False)
