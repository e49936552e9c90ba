"""About how many tokens a prompt takes. No tokenizer: the operator knows none of the models' own."""

import math
from typing import Final

from genaiops.api.release import PromptContent
from genaiops.prompts.dialect import read

_ASCII_PER_TOKEN: Final = 4.0
"""Characters of English text a token has, by the rule of thumb of OpenAI's help pages."""
_OTHER_PER_TOKEN: Final = 1.5
"""Characters of other scripts a token has in vocabularies of 100,000 tokens and more."""
_PER_MESSAGE: Final = 4
"""Tokens that a chat template puts around a message."""


def estimated_tokens(prompt: PromptContent) -> int:
    """Tokens of what the prompt says by itself: the literal text of its messages, and each default once."""
    texts = [read(message.content).literal for message in prompt.messages]
    texts += [variable.default or "" for variable in prompt.variables]
    ascii_ = sum(character < "\x80" for text in texts for character in text)
    other = sum(map(len, texts)) - ascii_
    return math.ceil(ascii_ / _ASCII_PER_TOKEN + other / _OTHER_PER_TOKEN) + _PER_MESSAGE * len(prompt.messages)
