"""The page of a run: everything in it was written by somebody else."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.api.evaluation import EvaluationPhase, EvaluationSuiteSpec, EvaluationSummary
from genaiops.evaluation.records import Record
from genaiops.evaluation.report import ROWS_SHOWN, report
from genaiops.evaluation.verdicts import judge

ATTACK = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'\u202e</textarea>"


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def row(name: str = "r1", text: str = "so", *, passed: bool = False, **fields: Any) -> dict[str, Any]:
    verdicts = {"f1": {"score": 0.4 + passed / 2, "passed": passed, "reason": f"why {text}"}}
    answered = {"text": text, "seconds": 0.5, "verdicts": verdicts}
    return {"id": name, "query": "Hi", "candidate": answered, "baseline": answered, **fields}


def page_of(*rows: dict[str, Any], message: str = "") -> str:
    suite = EvaluationSuiteSpec.model_validate(
        {"dataset": {"rows": [{"id": "a", "query": "b"}]}, "evaluators": [{"name": "f1", "type": "F1"}]}
    )
    found = judge(map(Record.model_validate, rows), suite, compared=True)
    summary = EvaluationSummary(
        done=len(rows),
        total=len(rows),
        phase=EvaluationPhase.FAILED,
        message=message or found.message,
        evaluators=found.evaluators,
        worst=found.worst,
    )
    return report(rows, summary, title="golden-1: b against a")


def test_question_expected_answer_and_stables_answer_stand_together() -> None:
    page = Page(page_of(row(expected="Hello", context="be kind", tags=["en"], text="Good day")))

    for said in ("golden-1: b against a", "Failed", "r1", "Hi", "Hello", "be kind", "en", "why Good day", "0.4"):
        assert said in page.text
    assert page.text.count("Good day") == 4


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: ATTACK + text))
def test_nothing_that_somebody_wrote_becomes_a_part_of_the_page(text: str) -> None:
    harmless = Page(page_of(row(text="so", expected="x", context="x", tags=["x"])))
    hostile = row(text=text, expected=text, context=text, tags=[ATTACK], query=text)
    hostile["id"] = ATTACK[:60]
    page = Page(page_of(hostile, message=text))

    assert page.tags == harmless.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in harmless.attributes}
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_it_loads_nothing_and_runs_no_script_but_its_own() -> None:
    text = page_of(row())
    page = Page(text)

    (policy,) = [value for name, value in page.attributes if name == "content" and value and "default-src" in value]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href", "action")]


def test_what_went_worst_stands_first_and_a_long_run_is_no_long_page() -> None:
    good = [row(f"good-{n}", passed=True) for n in range(ROWS_SHOWN + 50)]
    unanswered = {"id": "silent", "query": "Hi", "candidate": {"error": "it answers 503"}}

    text = page_of(*good, row("bad"), unanswered)

    shown = re.findall(r"<h3>([a-z0-9-]+)", text)
    assert shown[:2] == ["silent", "bad"]
    assert len(shown) == ROWS_SHOWN
    assert f"the worst {ROWS_SHOWN} of {ROWS_SHOWN + 52}" in text


def test_a_long_answer_is_cut_and_says_so() -> None:
    assert "4000 more characters" in page_of(row(text="x" * 10_000))


def test_a_refusal_and_a_tool_call_are_shown() -> None:
    refused, calls = row("refused", text=""), row("calls", text="")
    refused["candidate"] = {"refusedBy": "guardrail"}
    calls["candidate"] = {"toolCalls": [{"type": "function", "function": {"name": "find", "arguments": "{}"}}]}

    text = Page(page_of(refused, calls)).text

    assert "refused by a guardrail" in text
    assert '"name": "find"' in text


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(ValueError, match="candidate"):
        page_of({"id": "r1", "query": "Hi"})
