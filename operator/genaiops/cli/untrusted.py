"""Text that other people wrote, made fit for a terminal.

A prompt, a dataset or a model's answer may hold escape sequences that recolour, retitle or overwrite the terminal,
direction marks that show code in another order than it runs (CVE-2021-42574), or invisible tag characters that only a
model reads. They are shown as what they are: `\\x1b[2J`.
"""

import json
import re
from typing import Any, Final

import yaml

# C0 without tab and newline, DEL and C1; soft hyphen; direction marks, embeddings and isolates; line separators and
# zero width space; invisible operators; byte order mark; interlinear annotation; tags. Joiners stay: emoji need them.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def block(text: str) -> str:
    """`text` of several lines; what a terminal would obey, or a person not see, is escaped."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def one_line(text: str) -> str:
    """`text` as a single line: a line break in a message can't forge the line after it."""
    return block(text).replace("\n", "\\n").replace("\t", " ")


def plain(value: Any) -> Any:
    """JSON-like data with every text in it, keys too, as one line."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dict):
        return {one_line(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dump(value: Any, form: str) -> str:
    """The data unchanged as ``json`` or ``yaml``, ending in a line break; both have escapes of their own."""
    if form == "json":
        readable = json.dumps(value, indent=2, ensure_ascii=False)
        return (json.dumps(value, indent=2) if _UNSAFE.search(readable) else readable) + "\n"
    readable = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    return yaml.safe_dump(value, sort_keys=False, width=120) if _UNSAFE.search(readable) else readable


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
