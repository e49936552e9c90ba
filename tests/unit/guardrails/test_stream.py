"""A text is judged the same however it is cut, and nothing that was found ever gets out."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.api.guardrails import Action, GuardrailPolicySpec
from genaiops.guardrails import BlockedError, Chain, Decision, DetectorError, Report, checks_of
from genaiops.guardrails.checks import Check
from genaiops.guardrails.finding import Finding, Inline
from genaiops.guardrails.judges import Here

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
LEAKS = [
    "alice@example.com",
    "4111 1111 1111 1111",
    "AKIAIOSFODNN7EXAMPLE",
    "+1 415-555-2671",
    KEY,
    "FALCON",
    "536-90-4399",
]
HARMLESS = [
    "Hello",
    " ",
    ", ",
    "\n",
    "on ",
    "4111 ",
    "alice@",
    "-----BEGIN ",
    "AKIA",
    "sk-",
    "Ünïcödé ",
    "3.14",
    "FALC",
    "+1 ",
]

texts = st.lists(st.sampled_from(LEAKS + HARMLESS), max_size=8).map("".join)


def checks(*guardrails: dict[str, Any], **policy: Any) -> tuple[Check, ...]:
    named = [{"name": f"g{index}", **guardrail} for index, guardrail in enumerate(guardrails)]
    return checks_of([GuardrailPolicySpec.model_validate({"output": named, **policy})], "output")


def found(action: Action, kind: str) -> Decision:
    return Decision("g0", action, dry_run=False, kinds=frozenset({kind}), score=None)


REDACTING = checks(
    {"detector": {"type": "PII"}, "action": "Redact"},
    {"detector": {"type": "Secrets"}, "action": "Redact"},
    {"detector": {"type": "Regex", "patterns": ["FALCON", r"(?s)Hello.*\n"]}, "action": "Redact"},
)


async def judged(chain: Chain, chunks: list[str]) -> str:
    out = [await chain.feed(chunk) for chunk in chunks]
    return "".join(out) + await chain.finish()


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = draw(texts)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return text, [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(deadline=None)
@given(cut_texts())
def test_a_redacted_text_is_the_same_however_it_is_cut(cut: tuple[str, list[str]]) -> None:
    text, chunks = cut
    whole, parts = Report(), Report()

    expected = asyncio.run(Chain(REDACTING, whole).finish(text))
    streamed = asyncio.run(judged(Chain(REDACTING, parts), chunks))

    assert streamed == expected
    assert parts.decisions == whole.decisions
    assert "FALCON" not in streamed


@settings(deadline=None)
@given(cut_texts(), st.sampled_from(["PII", "Secrets"]))
def test_of_a_blocked_text_no_part_of_the_finding_gets_out(cut: tuple[str, list[str]], kind: str) -> None:
    text, chunks = cut
    blocking = checks({"detector": {"type": kind}})
    findings = blocking[0].judge.detector.find(text, 0, complete=True)
    chain = Chain(blocking, Report())
    out = ""

    async def run() -> None:
        nonlocal out
        for chunk in chunks:
            out += await chain.feed(chunk)
        out += await chain.finish()

    if findings:
        with pytest.raises(BlockedError):
            asyncio.run(run())
        assert len(out) <= findings[0].start
    else:
        asyncio.run(run())
    assert text.startswith(out)


async def test_plain_text_is_let_go_at_once() -> None:
    """Only the word at the end waits: it could become an address."""
    chain = Chain(REDACTING[:2], Report())

    assert await chain.feed("The weather is fine today. And to") == "The weather is fine today. And "
    assert await chain.feed("morrow? ") == "tomorrow? "


async def test_a_flag_counts_and_holds_nothing_back() -> None:
    report = Report()
    chain = Chain(checks({"detector": {"type": "PII"}, "action": "Flag"}), report)

    assert await chain.feed("I am ali") == "I am ali"
    assert await chain.feed("ce@example.com ") == "ce@example.com "
    assert await chain.finish() == ""
    assert report.decisions == {"g0": found(Action.FLAG, "EMAIL")}


async def test_each_check_judges_what_the_one_before_lets_through() -> None:
    report = Report()
    both = checks(
        {"detector": {"type": "PII"}, "action": "Redact"},
        {"detector": {"type": "Regex", "patterns": ["@example"]}},
    )

    assert await Chain(both, report).finish("to alice@example.com") == "to [EMAIL]"
    assert report.decisions == {"g0": found(Action.REDACT, "EMAIL")}


async def test_nothing_beyond_the_allowed_length_gets_out() -> None:
    chain = Chain(checks({"detector": {"type": "MaxLength", "maxCharacters": 5}}), Report())

    assert await chain.feed("1234") == "1234"
    with pytest.raises(BlockedError):
        await chain.feed("56")


async def test_a_schema_needs_the_whole_answer() -> None:
    schema = {"type": "object", "required": ["a"]}
    good, bad = (Chain(checks({"detector": {"type": "JSONSchema", "schema": schema}}), Report()) for _ in range(2))

    assert await good.feed('{"a": ') == ""
    assert await good.finish("1}") == '{"a": 1}'
    assert await bad.feed('{"b": ') == ""
    with pytest.raises(BlockedError):
        await bad.finish("1}")


class Broken(Inline):
    judges_whole = False

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        raise RuntimeError("secret text")

    def first_open(self, text: str, start: int) -> int:
        return len(text)


class Slow(Broken):
    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        time.sleep(0.2)
        return []


@pytest.fixture(params=[Broken(), Slow()], ids=["broken", "slow"])
def failing(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("on_error", ["Block", "Allow"])
async def test_a_detector_that_fails_decides_as_its_policy_says(failing: Any, on_error: str) -> None:
    [template] = checks({"detector": {"type": "PII"}}, onError=on_error, timeout="50ms")
    check = replace(template, judge=Here(failing))
    report, text = Report(), "x" * 10_000

    if on_error == "Block":
        with pytest.raises(DetectorError):
            await Chain([check], report).finish(text)
    else:
        chain = Chain([check], report)
        assert await chain.feed(text) + await chain.finish("y") == text + "y"
    assert report.errors == ["g0"]
    assert report.decisions == {}


async def test_a_long_text_does_not_hold_up_the_event_loop() -> None:
    chain = Chain(checks({"detector": {"type": "Regex", "patterns": ["(?:[a-z]+ ){50}X"]}}, timeout="30s"), Report())
    beats, running = 0, True

    async def beat() -> None:
        nonlocal beats
        while running:
            beats += 1
            await asyncio.sleep(0)

    heart = asyncio.create_task(beat())
    await chain.finish("abc def " * 500_000)
    running = False
    await heart
    assert beats > 20, "on the event loop itself it would be one or two"


class Counting:
    """A detector, and how many characters it was given."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self.read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def given(self, context: Any) -> Any:
        return self

    def find(self, text: str, start: int, complete: bool) -> Any:
        self.read += len(text)
        return self._detector.find(text, start, complete)


async def test_a_long_answer_in_small_chunks_takes_linear_time() -> None:
    """Held as a whole, 100,000 characters in chunks of four: judged as they grow, not at every chunk."""
    [check] = checks({"detector": {"type": "Regex", "patterns": [r"(?s)BEGIN.*END"]}, "action": "Redact"})
    assert isinstance(check.judge, Here)
    detector = Counting(check.judge.detector)

    chain = Chain([replace(check, judge=Here(detector))], Report())  # type: ignore[arg-type]

    assert await judged(chain, ["BEGIN", *["abcd"] * 25_000, "END"]) == "[REGEX]"
    assert 100_000 <= detector.read < 1_000_000, "at every chunk it would be more than a thousand million"
