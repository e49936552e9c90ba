"""What a text says once its disguises are off: what detectors of meaning read, in training and when judging alike.

Against: look-alike letters, accents and full-width forms, invisible characters, leetspeak, letters set apart, and
text in base64, hexadecimal or percent-encoding. None of it is trusted to give the author's exact words back; it only
has to make a disguised text and a plain one alike.
"""

import base64
import binascii
import re
import unicodedata
from typing import Literal
from urllib.parse import unquote

# Unicode TR39 "confusables", the part that is drawn like Latin letters: Cyrillic and Greek.
_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһӏвнкмтвАВЕНІКМОРСТУХαβεικνορτυχ", "aeopcyxijsdhlbhkmtbabehikmopctyxabeiknoptux"
)
_LEET = str.maketrans("013457@$!|", "oieastasil")
# Everything that is drawn as nothing, and the tag characters (U+E0000 …), which spell ASCII invisibly.
_INVISIBLE_RANGES = ((0xAD, 0xAD), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
                     (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0001, 0xE0001), (0xE007F, 0xE007F))  # fmt: skip
_UNSEEN: dict[int, str | None] = {code: None for first, last in _INVISIBLE_RANGES for code in range(first, last + 1)}
_UNSEEN |= {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_ACCENTS = re.compile("[\u0300-\u036f]")
_MIXED_SCRIPT = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[\u0370-\u04ff\u0500-\u052f])\w+")
_LEET_RUN = re.compile(r"[\w@$!|]+")
_LEET_SIGN = re.compile(r"[013457@$!|]")
_LETTER = re.compile(r"[a-z]")
_LETTERS_APART = re.compile(r"(?<!\w)\w(?:[ ._*|/\\-]\w){3,}(?!\w)")
_SEPARATORS = re.compile(r"[\W_]+")
_SPACE = re.compile(r"\s+")
_PART = 512
"""Characters that are normalised at once."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:\b|0x|\\x)(?:[0-9A-Fa-f]{2}(?:\s|\\x)?){16,}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}|\w)+")
_FEWEST = 6
"""Characters in percent-encoding that make a word one that is to be decoded."""
MAX_DECODED = 20_000
"""Characters of a text in which encoded parts are looked for, and of what is decoded."""


def plain(text: str) -> str:
    """The text in lower case without its disguises. Linear in its length."""
    text = _normalised("NFKD", text.translate(_UNSEEN))
    text = _normalised("NFC", _ACCENTS.sub("", text))
    if not text.isascii():
        text = _MIXED_SCRIPT.sub(lambda word: word[0].translate(_LOOK_ALIKES), text)
    text = text.casefold()
    text = _LETTERS_APART.sub(lambda letters: _SEPARATORS.sub("", letters[0]), text)
    text = _LEET_RUN.sub(_without_leet, text)
    return _SPACE.sub(" ", text).strip()


def _normalised(form: Literal["NFC", "NFKD"], text: str) -> str:
    # In parts: putting a row of accents in order takes quadratic time, and nothing bounds the row.
    return "".join(unicodedata.normalize(form, text[place : place + _PART]) for place in range(0, len(text), _PART))


def _without_leet(run: re.Match[str]) -> str:
    word = run[0].rstrip("!|")
    if not _LETTER.search(word) or not _LEET_SIGN.search(word, 0, len(word) - 1):
        return run[0]
    return word.translate(_LEET) + run[0][len(word) :]


def decoded(text: str) -> list[str]:
    """Readable texts that stand in this one in base64, hexadecimal or percent-encoding."""
    text = text[:MAX_DECODED]
    found = [_readable(_from_base64(match[0])) for match in _BASE64.finditer(text)]
    found += [_readable(_from_hex(match[0])) for match in _HEX.finditer(text)]
    found += [unquote(match[0]) for match in _PERCENT.finditer(text) if match[0].count("%") >= _FEWEST]
    return [one for one in found if one]


def _from_base64(run: str) -> bytes:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except binascii.Error:
        return b""


def _from_hex(run: str) -> bytes:
    digits = re.sub(r"0x|\\x|\s", "", run)
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def _readable(data: bytes) -> str:
    """The bytes as text where they are one: letters and spaces, for the most part."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    words = sum(character.isalpha() or character.isspace() for character in text)
    return text if len(text) >= 12 and words >= 0.8 * len(text) else ""
