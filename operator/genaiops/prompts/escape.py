"""Values that can't be taken for more of the prompt.

A chat template turns messages into one text with control tokens between them, and a server that reads those tokens in
a message's content, too, lets whoever wrote the content begin a system message. Tokens are matched exactly, so a space
inside is enough to make them plain text. The tokens are those of the published chat templates of ChatML, Llama 2 to 4,
Mistral, Gemma, Phi, Qwen, DeepSeek and gpt-oss; role lines are those of Alpaca, Vicuna and Claude 1.

What this can't do: stop a model from doing what a value asks for in plain words.
"""

import re
from typing import Final

from genaiops.api.prompt import Escape

# Zero width space, word joiner and invisible operators, byte order mark, tags: unseen by people, read by models.
_INVISIBLE: Final = re.compile("[\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
# The first two break every `<|token|>`, also one that two values next to each other would make together.
_TOKENS: Final = re.compile(
    r"<(?=[|｜])|[|｜](?=>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK)\])"
    r"|<(?=</?SYS>>)"
    r"|<(?=/?(?:s|bos|eos|pad|unk|think|tool_call|tool_response|tools)>)"
    r"|<(?=(?:start|end)_of_(?:turn|image|text)>)",
    re.IGNORECASE,
)
_ROLE_LINE: Final = re.compile(
    r"^(?=[ \t]*(?:#{1,6}[ \t]*)?[*_]{0,2}"
    r"(?:system|developer|assistant|user|human|ai|instruction|input|response|tool)\b[*_]{0,2}[ \t]*[:：])",
    re.IGNORECASE | re.MULTILINE,
)


def escaped(value: str, name: str, how: Escape | None) -> str:
    """The value as it is inserted for the variable `name`."""
    if how is None:
        return value
    plain = _neutralised(value)
    return plain if how is Escape.NEUTRALISE else _delimited(plain, name)


def _neutralised(value: str) -> str:
    # What is taken out must not leave a token behind, so it goes first.
    seen = _INVISIBLE.sub("", value)
    return _ROLE_LINE.sub("> ", _TOKENS.sub(lambda found: f"{found[0]} ", seen))


def _delimited(value: str, name: str) -> str:
    """Between tags that it can't close: the same ones each time, so that servers can cache the prompt."""
    tag = re.compile(rf"<(?=\s*(?:/\s*)?{re.escape(name)}\b)", re.IGNORECASE)
    return f"<{name}>\n{tag.sub('&lt;', value)}\n</{name}>"
