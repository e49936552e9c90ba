"""What a judge is told: a rubric, how to read material that must not be obeyed, and the form of the reply."""

import secrets
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def messages(rubric: str, reply: str, parts: Mapping[str, str]) -> list[dict[str, str]]:
    """Chat messages: the rubric and the form `reply` of the reply for the system, the parts for the user.

    What is graded is untrusted, and stands between markers that nobody can write who has not seen them.
    """
    code = secrets.token_hex(8)
    instructions = f"{rubric.strip()}\n\n{text('frame').replace('CODE', code)}\n{text(reply)}"
    material = "\n\n".join(f"<{name}-{code}>\n{part}\n</{name}-{code}>" for name, part in parts.items())
    return [{"role": "system", "content": instructions}, {"role": "user", "content": material}]


@cache
def text(name: str) -> str:
    """One of the texts in the folder `rubrics`."""
    return (files("genaiops.evaluation") / "rubrics" / f"{name}.md").read_text(encoding="utf-8").strip()
