"""A release asked as a user would ask it."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from evaluation.release import Behaviour, Reply, serving
from genaiops.api.dataset import Row
from genaiops.api.model import Pricing
from genaiops.evaluation.ask import Asked, UnansweredError, UnreachableError, new_client
from genaiops.evaluation.judgement import Answer
from ports import lasting_port

PRICES = Pricing(input_per_million=Decimal(1), output_per_million=Decimal(3))


async def asked(address: str, row: Row | None = None, pricing: Pricing | None = None) -> Answer:
    async with new_client() as client:
        return await Asked(address, "support", pricing, client, None).ask(row or Row(id="r", query="Hi there"))


async def unanswered(behaviour: Behaviour) -> str:
    with serving(behaviour) as release, pytest.raises(UnansweredError) as error:
        await asked(release.address)
    return str(error.value)


async def test_an_answer_has_its_text_its_times_its_tokens_and_their_price() -> None:
    with serving() as release:
        answer = await asked(release.address, Row(id="r", query="How are you?", variables={"who": "Ann"}), PRICES)

    assert answer.text == "How are you?"
    assert 0 < answer.first_token <= answer.seconds
    assert (answer.input_tokens, answer.output_tokens) == (10, 5)
    assert answer.cost == Decimal("0.000025")
    assert answer.refused_by is None
    (body,) = release.bodies
    assert body["messages"] == [{"role": "user", "content": "How are you?"}]
    assert body["prompt"] == {"variables": {"who": "Ann"}}
    # The release owns its parameters.
    assert body.keys() == {"model", "messages", "stream", "stream_options", "prompt"}


async def test_an_app_that_does_not_stream_is_asked_all_the_same() -> None:
    with serving(lambda text, _: Reply(text, streams=False)) as release:
        answer = await asked(release.address)

    assert answer.text == "Hi there"
    assert answer.input_tokens == 10


async def test_without_usage_and_price_there_is_no_cost() -> None:
    with serving(lambda text, _: Reply(text, usage=None)) as release:
        assert (await asked(release.address, pricing=PRICES)).cost is None
    with serving() as release:
        assert (await asked(release.address)).cost is None


async def test_a_refused_question_and_a_withheld_answer_are_refusals_and_no_errors() -> None:
    blocked = {"message": "not about that", "code": "content_filter"}
    with serving(lambda *_: Reply(status=400, error=blocked)) as release:
        refused = await asked(release.address)
    with serving(lambda *_: Reply("I must not say that", finish="content_filter")) as release:
        withheld = await asked(release.address)

    assert (refused.refused_by, refused.text) == ("guardrail", "")
    assert (withheld.refused_by, withheld.text) == ("guardrail", "")
    assert len(release.bodies) == 1


async def test_tools_that_the_release_calls_are_put_together() -> None:
    parts: list[dict[str, Any]] = [
        {"tool_calls": [{"index": 0, "function": {"name": "find", "arguments": '{"na'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": 'me": "Ann"}'}}]},
    ]
    with serving(lambda *_: Reply(extra=parts, finish="tool_calls")) as release:
        answer = await asked(release.address)

    assert [call["function"] for call in answer.tool_calls] == [{"name": "find", "arguments": '{"name": "Ann"}'}]


async def test_a_release_that_is_busy_is_asked_again() -> None:
    def busy_at_first(text: str, before: int) -> Reply:
        return Reply(text) if before == 2 else Reply(status=(429, 503)[before], headers={"retry-after": "0"})

    with serving(busy_at_first) as release:
        assert (await asked(release.address)).text == "Hi there"
    assert len(release.bodies) == 3


async def test_one_that_stays_busy_has_not_answered() -> None:
    overloaded = {"message": "overloaded"}
    said = await unanswered(lambda *_: Reply(status=503, error=overloaded, headers={"retry-after": "0"}))
    later = await unanswered(lambda *_: Reply(status=429, error=overloaded, headers={"retry-after": "3600"}))

    assert said == "it answers 503: overloaded"
    assert later == "it answers 429: overloaded"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=400, error={"message": "variable name is missing"}), "it answers 400: variable name is missing"),
        (Reply(status=502), "it answers 502: no reason given"),
        (Reply("a b", finish=None, error={"message": "the model went away"}), "broke off: the model went away"),
        (Reply("a b", finish=None), "the answer broke off"),
        (Reply("a b", breaks_off=True), "the answer can't be read"),
    ],
)
async def test_what_is_no_answer_is_told(reply: Reply, said: str) -> None:
    asked_for = []

    def once(text: str, before: int) -> Reply:
        asked_for.append(text)
        return reply

    assert said in await unanswered(once)
    assert len(asked_for) == 1


async def test_half_a_character_is_no_reason_to_fail() -> None:
    with serving(lambda *_: Reply("half \ud83d of it")) as release:
        assert (await asked(release.address)).text == "half ? of it"


async def test_no_more_requests_begin_than_may_in_a_minute() -> None:
    with serving() as release:
        async with new_client() as client:
            slowly = Asked(release.address, "support", None, client, per_minute=600)
            await asyncio.gather(*(slowly.ask(Row(id=str(n), query="Hi")) for n in range(4)))

    gaps = [later - sooner for sooner, later in zip(release.times, release.times[1:], strict=False)]
    assert sum(gaps) > 0.25, gaps


async def test_a_release_that_is_about_to_start_is_waited_for() -> None:
    started = asyncio.Event()

    async def wait_for(address: str) -> None:
        async with new_client() as client:
            await Asked(address, "support", None, client, None).reach(20)
        started.set()

    port = lasting_port()
    waiting = asyncio.create_task(wait_for(f"http://127.0.0.1:{port}"))
    await asyncio.sleep(0)
    assert not started.is_set()
    server = await asyncio.start_server(_answer_anything, "127.0.0.1", port)
    async with server:
        await waiting
    assert started.is_set()


async def _answer_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_one_that_never_starts_is_told() -> None:
    async with new_client() as client:
        with pytest.raises(UnreachableError, match=r"http://127.0.0.1:9/v1/chat/completions can't be reached"):
            await Asked("http://127.0.0.1:9", "support", None, client, None).reach(0.2)
