"""In which order checks judge, what stops them, and what a rehearsal does not do."""

import asyncio
from typing import Any

import pytest

from genaiops.api.detectors import Detector
from genaiops.api.guardrails import Action, OnError
from genaiops.guardrails import BlockedError, Chain, DetectorError, Report
from genaiops.guardrails.checks import Check
from genaiops.guardrails.detectors import build
from genaiops.guardrails.finding import Context, Finding
from genaiops.guardrails.judges import Asked, Here
from genaiops.guardrails.sentences import unfinished


class Server:
    """A detector that asks somebody else, and finds the word it looks for."""

    judges_whole = False

    def __init__(self, word: str = "evil", kind: str = "EVIL") -> None:
        self._word = word
        self._kind = kind
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.given_up = False

    def given(self, context: Context) -> "Server":
        return self

    async def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        self.asked.append(text[start:])
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        place = text.find(self._word, start)
        return [Finding(place, place + len(self._word), self._kind, 0.9)] if place >= 0 else []

    def first_open(self, text: str, start: int) -> int:
        return unfinished(text, start)


def check(name: str, detector: Any, action: Action = Action.BLOCK, **more: Any) -> Check:
    judge = Asked(detector) if isinstance(detector, Server) else Here(build(Detector.model_validate(detector)))
    fields = {"on_error": OnError.BLOCK, "timeout": 5.0, **more}
    return Check(name, judge, action, f"No: {name}.", **fields)


PII = {"type": "PII"}


async def test_what_is_redacted_leaves_the_process_for_no_server() -> None:
    """However the policy orders them: quick checks first, then slow ones that redact, then the others at once."""
    judge, redactor, report = Server(), Server("Falcon", "PROJECT"), Report()
    checks = [
        check("judge", judge),
        check("redactor", redactor, Action.REDACT),
        check("pii", PII, Action.REDACT),
    ]

    assert await Chain(checks, report).finish("Falcon: al@x.io") == "[PROJECT]: [EMAIL]"

    assert redactor.asked == ["Falcon: [EMAIL]"]
    assert judge.asked == ["[PROJECT]: [EMAIL]"]


async def test_a_block_that_costs_nothing_saves_the_others() -> None:
    server = Server()

    with pytest.raises(BlockedError, match="No: pii"):
        await Chain([check("server", server), check("pii", PII)], Report()).finish("al@x.io")

    assert server.asked == []


async def test_slow_checks_judge_at_the_same_time_and_the_first_block_ends_the_others() -> None:
    slow, quick = Server("other"), Server()
    slow.answers.clear()

    with pytest.raises(BlockedError, match="No: quick"):
        await Chain([check("slow", slow), check("quick", quick)], Report()).finish("evil")

    assert slow.given_up


async def test_a_stream_is_judged_sentence_by_sentence() -> None:
    server = Server()
    chain = Chain([check("server", server)], Report())

    assert await chain.feed("One. Tw") == "One."
    assert await chain.feed("o and") == ""
    with pytest.raises(BlockedError):
        await chain.feed(" evil. Three")
    assert server.asked == ["One.", " Two and evil."]


async def test_what_goes_out_is_what_every_slow_check_has_let_go() -> None:
    sentences, words = Server(), Server()
    words.first_open = lambda text, start: max(start, text.rfind(" "))  # type: ignore[method-assign]
    chain = Chain([check("a", sentences), check("b", words)], Report())

    assert await chain.feed("One. Two and") == "One."
    assert await chain.feed(" three. ") == " Two and three."
    assert await chain.finish("Four") == " Four"


async def test_what_only_counts_does_not_slow_a_stream_down() -> None:
    server, report = Server(), Report()
    chain = Chain([check("server", server, Action.FLAG)], report)

    assert await chain.feed("Some evil. ") == "Some evil. "
    assert server.asked == []
    assert await chain.finish("End") == "End"
    assert server.asked == ["Some evil. End"]
    assert report.decisions["server"].score == 0.9


@pytest.mark.parametrize("action", list(Action))
async def test_a_rehearsal_is_counted_and_changes_nothing(action: Action) -> None:
    report = Report()
    chain = Chain([check("pii", PII, action, dry_run=True), check("server", Server(), dry_run=True)], report)

    assert await chain.feed("al@x.io, evil") == "al@x.io, evil"
    assert await chain.finish() == ""

    assert not report.violated
    assert {d.guardrail: d.dry_run for d in report.decisions.values()} == {"pii": True, "server": True}
    assert report.decisions["pii"].action is action


async def test_a_rehearsal_that_fails_refuses_nobody() -> None:
    server, report = Server(), Report()
    server.answers.clear()

    text = await Chain([check("server", server, timeout=0.01, dry_run=True)], report).finish("evil")

    assert text == "evil"
    assert report.errors == ["server"]


async def test_each_check_has_its_own_time() -> None:
    patient, hasty, report = Server(), Server(), Report()
    hasty.answers.clear()
    allowing = check("hasty", hasty, timeout=0.01, on_error=OnError.ALLOW)

    assert await Chain([check("patient", patient), allowing], report).finish("fine") == "fine"
    assert report.errors == ["hasty"]
    assert hasty.given_up
    with pytest.raises(DetectorError):
        await Chain([check("hasty", hasty, timeout=0.01)], report).finish("fine")


async def test_a_report_has_kinds_and_the_highest_score_and_no_text() -> None:
    report = Report()
    await Chain([check("pii", PII, Action.REDACT)], report).finish("al@x.io, 536-90-4399")

    [decision] = report.decisions.values()
    assert decision.kinds == {"EMAIL", "US_SSN"}
    assert decision.score is None
    assert "al@" not in repr(report)
