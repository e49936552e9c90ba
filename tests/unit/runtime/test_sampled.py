"""Live answers that are sampled: in nobody's way, redacted before they leave, and only where that is wanted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from genaiops.runtime import sampler
from genaiops.runtime.collector import Collector
from genaiops.runtime.redaction import redacted

from .collecting import FakeCollector
from .conftest import StartRuntime
from .upstream import Upstream, answer, failure, streamed

RELEASE = "support-0123456789"


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[FakeCollector]:
    async with FakeCollector(tmp_path) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
async def test_every_answer_s_id_names_its_release(start: StartRuntime, upstream: Upstream, stream: bool) -> None:
    upstream.script += [streamed("Hi", "!") if stream else answer("Hi!")] * 2
    runtime = await start()

    responses = [await runtime.chat(stream=stream) for _ in range(2)]

    said = [[e for e in (r.events if stream else [r.json]) if e != "[DONE]"] for r in responses]
    first, second = ({event["id"] for event in events} for events in said)
    assert len(first) == len(second) == 1
    assert first != second
    assert all(one.startswith(f"chatcmpl-{RELEASE}-") for one in first | second)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_sent_as_its_caller_got_it_without_the_prompt(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector, stream: bool
) -> None:
    collector.tell_runtimes()
    upstream.script.append(streamed("It is ", "on its way.") if stream else answer("It is on its way."))
    runtime = await start()

    response = await runtime.chat("Where is my parcel?", stream=stream)
    await runtime.until(lambda: len(collector.samples) == 1)

    (sample,) = collector.samples
    assert sample.id == (response.events[0] if stream else response.json)["id"]
    assert (sample.release, sample.prompt_version) == (RELEASE, "v1")
    assert (sample.question, sample.answer, sample.refused) == ("Where is my parcel?", "It is on its way.", False)
    assert [message.role for message in sample.messages] == ["user"]
    assert (sample.input_tokens, sample.output_tokens) == (11, 5)
    assert 0 < sample.first_token <= sample.seconds
    assert "Contoso" not in collector.bodies[0]
    await runtime.until(lambda: runtime.metric("genaiops_samples_total", result="sent") == 1)


async def test_personal_data_and_credentials_never_leave(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector
) -> None:
    collector.tell_runtimes()
    upstream.script.append(answer("I wrote to jo@example.com, card 4111 1111 1111 1111."))
    runtime = await start()

    content = [{"type": "text", "text": "I am jo@example.com"}, {"type": "image_url", "image_url": {"url": "data:xyz"}}]
    body = {"messages": [{"role": "user", "content": content}, {"role": "user", "content": "password: hunter2xyz99"}]}
    await runtime.request("POST", "/v1/chat/completions", body)
    await runtime.until(lambda: len(collector.samples) == 1)

    (sample,) = collector.samples
    assert sample.messages[0].content == "I am [EMAIL]\n[image_url]"
    assert sample.answer == "I wrote to [EMAIL], card [CREDIT_CARD]."
    for secret in ("jo@", "4111", "hunter2", "data:xyz"):
        assert secret not in collector.bodies[0]


def test_an_address_with_a_password_loses_the_password_too() -> None:
    assert "hunter2" not in redacted("see postgres://me:hunter2@db.example.com/x", None)


async def test_what_was_withheld_is_sent_as_withheld_by_whom(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector
) -> None:
    collector.tell_runtimes()
    guardrail = {"name": "no-secrets", "detector": {"type": "Regex", "patterns": ["secret"]}, "action": "Block"}
    upstream.script.append(answer("the secret is 42"))
    runtime = await start(guardrails=[{"output": [guardrail]}])

    await runtime.chat()
    await runtime.until(lambda: len(collector.samples) == 1)

    (sample,) = collector.samples
    assert (sample.answer, sample.refused, sample.guardrails) == ("", True, ["no-secrets"])


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_guardrail_flags_is_sampled_beside_what_chance_draws(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector, stream: bool
) -> None:
    collector.tell_runtimes(rate="0", maxPerMinute=2, flagged=True)
    promise = {"name": "promises", "detector": {"type": "Regex", "patterns": ["refund"]}, "action": "Flag"}
    texts = ["no", "you get a refund", "never again", "a refund for you", "one more refund"]
    upstream.script += [streamed(*text.split(" ")) if stream else answer(text) for text in texts]
    runtime = await start(guardrails=[{"output": [promise]}])

    ids = []
    for _ in texts:
        response = await runtime.chat(stream=stream)
        ids.append((response.events[0] if stream else response.json)["id"])
    await runtime.until(lambda: len(collector.samples) == 2)

    assert [sample.id for sample in collector.samples] == [ids[1], ids[3]]
    assert all(not sample.drawn and sample.guardrails == ["promises"] for sample in collector.samples)
    assert "refund" in collector.samples[0].answer


async def test_an_answer_is_not_sampled_for_its_flag_where_nobody_asked_or_its_caller_asked_not_to(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector
) -> None:
    collector.tell_runtimes(rate="0", flagged=True)
    promise = {"name": "promises", "detector": {"type": "Regex", "patterns": ["refund"]}, "action": "Flag"}
    rehearsed = promise | {"name": "rehearsed", "detector": {"type": "Regex", "patterns": ["no"]}, "dryRun": True}
    upstream.script += [answer("a refund"), answer("no"), answer("a refund, last")]
    runtime = await start(guardrails=[{"output": [promise, rehearsed]}])

    await runtime.chat(headers={"x-genaiops-sample": "never"})
    await runtime.chat()
    await runtime.chat()
    await runtime.until(lambda: len(collector.samples) == 1)

    assert collector.samples[0].answer == "a refund, last"


async def test_who_asks_for_it_is_left_out_and_so_are_failures(
    start: StartRuntime, upstream: Upstream, collector: FakeCollector
) -> None:
    collector.tell_runtimes()
    upstream.script += [answer("private"), failure(400), answer("public")]
    runtime = await start()

    await runtime.chat(headers={"x-genaiops-sample": "never"})
    await runtime.chat()
    await runtime.chat(headers={"x-genaiops-shadow": "true"})
    await runtime.until(lambda: len(collector.samples) == 1)

    assert (collector.samples[0].answer, collector.samples[0].shadow) == ("public", True)


async def test_an_app_without_quality_sends_nothing(start: StartRuntime, collector: FakeCollector) -> None:
    runtime = await start()
    await runtime.chat()
    assert sum(runtime.metric("genaiops_samples_total", result=r) for r in ("sent", "dropped", "failed")) == 0
    assert collector.bodies == []


async def test_a_collector_that_hangs_delays_nobody_and_what_does_not_fit_is_counted(
    start: StartRuntime, collector: FakeCollector
) -> None:
    collector.tell_runtimes()
    collector.may_answer.clear()
    runtime = await start()

    responses = [await runtime.chat() for _ in range(sampler.ROOM + 5)]

    assert {response.status for response in responses} == {200}
    # One is on its way, so many wait.
    assert runtime.metric("genaiops_samples_total", result="dropped") == 4
    collector.may_answer.set()
    await runtime.until(lambda: runtime.metric("genaiops_samples_total", result="sent") == sampler.ROOM + 1)


async def test_no_more_than_the_cap_and_what_the_collector_refuses_is_counted(
    start: StartRuntime, collector: FakeCollector
) -> None:
    collector.tell_runtimes(maxPerMinute=3)
    collector.statuses += [429, 500]
    runtime = await start()

    for _ in range(5):
        await runtime.chat()

    await runtime.until(lambda: len(collector.bodies) == 3 and len(collector.samples) == 1)
    for result in ("sent", "dropped", "failed"):
        await runtime.until(lambda result=result: runtime.metric("genaiops_samples_total", result=result) == 1)


async def test_a_huge_conversation_stays_here(start: StartRuntime, collector: FakeCollector) -> None:
    collector.tell_runtimes()
    runtime = await start()
    await runtime.chat("x" * (sampler.LARGEST + 1))
    await runtime.until(lambda: runtime.metric("genaiops_samples_total", result="dropped") == 1)
    assert collector.bodies == []


async def test_settings_that_change_count_and_unreadable_ones_stop_it(collector: FakeCollector, tmp_path: Path) -> None:
    # Only the file matters here: nothing is sent.
    watched = Collector(tmp_path / "sampling.json", client=None)  # type: ignore[arg-type]
    assert watched.settings is None

    collector.tell_runtimes(rate="0.5")
    watched.file.look()
    assert watched.settings is not None
    assert float(watched.settings.rate) == 0.5

    (tmp_path / "sampling.json").write_text("{")
    watched.file.look()
    assert watched.settings is None
