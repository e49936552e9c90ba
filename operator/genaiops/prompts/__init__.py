"""Prompts: the dialect of their templates, their variables, what they include, and what can be wrong with them.

One place for all of it, so that what the operator calls correct is what the runtime can render.
"""

from genaiops.prompts.check import problems, spec_problems
from genaiops.prompts.includes import Find, UnresolvedError
from genaiops.prompts.size import estimated_tokens
from genaiops.prompts.template import PromptTemplate, RenderError
from genaiops.prompts.values import VariableError
from genaiops.prompts.wording import Wording, wording

__all__ = [
    "Find",
    "PromptTemplate",
    "RenderError",
    "UnresolvedError",
    "VariableError",
    "Wording",
    "estimated_tokens",
    "problems",
    "spec_problems",
    "wording",
]
