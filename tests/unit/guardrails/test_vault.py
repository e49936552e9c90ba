"""What was redacted comes back where the model put its placeholder, however the answer is cut."""

from hypothesis import given
from hypothesis import strategies as st

from genaiops.guardrails.vault import Vault


def test_equal_values_have_one_placeholder_and_others_another() -> None:
    vault = Vault()

    assert vault.placeholder("EMAIL", "a@x.io") == "[EMAIL_1]"
    assert vault.placeholder("EMAIL", "b@x.io") == "[EMAIL_2]"
    assert vault.placeholder("EMAIL", "a@x.io") == "[EMAIL_1]"
    assert vault.placeholder("PHONE", "a@x.io") == "[PHONE_1]"


def test_a_placeholder_that_the_caller_wrote_is_not_taken() -> None:
    vault = Vault(["what does [EMAIL_1] mean?"])

    assert vault.placeholder("EMAIL", "a@x.io") == "[EMAIL_2]"
    assert vault.restorer().finish("[EMAIL_1] [EMAIL_2]") == "[EMAIL_1] a@x.io"


def test_in_json_a_value_stays_in_its_string() -> None:
    vault = Vault()
    placeholder = vault.placeholder("REGEX", 'say "hi"\n')

    assert vault.restorer(in_json=True).finish(f'{{"a": "{placeholder}"}}') == '{"a": "say \\"hi\\"\\n"}'


def test_what_is_no_placeholder_does_not_wait() -> None:
    vault = Vault()
    vault.placeholder("EMAIL", "a@x.io")
    restorer = vault.restorer()

    assert restorer.feed("see [1] and [E") == "see [1] and "
    assert restorer.feed("MAIL_") == ""
    assert restorer.feed("9] [") == "[EMAIL_9] "
    assert restorer.finish() == "["


@given(st.lists(st.sampled_from(["[", "[EMAIL_1]", "[EMAIL_1", "2]", "[EMAIL_11]", "x", "]"])), st.data())
def test_it_is_the_same_however_it_is_cut(parts: list[str], data: st.DataObject) -> None:
    vault = Vault()
    for number in range(12):
        vault.placeholder("EMAIL", f"<{number}>")
    text = "".join(parts)
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    restorer = vault.restorer()

    out = [restorer.feed(text[a:b]) for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    assert "".join(out) + restorer.finish() == vault.restorer().finish(text)
