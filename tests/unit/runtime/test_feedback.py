"""Feedback: counted for the release that answered, checked, and kept where there is a collector."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.api.samples import new_answer_id
from genaiops.runtime import feedback

from .collecting import FakeCollector
from .conftest import Runtime, StartRuntime

OWN, OTHER = "support-0123456789", "support-aaaaaaaaaa"


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[FakeCollector]:
    async with FakeCollector(tmp_path) as running:
        yield running


async def rate(runtime: Runtime, rating: str = "up", release: str = OWN, **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"id": new_answer_id(release), "rating": rating, **fields}
    response = await runtime.request("POST", "/v1/feedback", body)
    return response.status, response.json


async def test_it_counts_for_the_release_that_answered_whoever_is_told(start: StartRuntime) -> None:
    runtime = await start()
    answered = (await runtime.chat()).json["id"]

    own = await runtime.request("POST", "/v1/feedback", {"response_id": answered, "rating": "up"})
    _, other = await rate(runtime, "down", OTHER)

    assert (own.status, own.json["release"], other["release"]) == (200, OWN, OTHER)
    assert runtime.metric("genaiops_feedback_total", rating="up", release=OWN) == 1
    assert runtime.metric("genaiops_feedback_total", rating="down", release=OTHER) == 1
    assert runtime.has("genaiops_feedback_total", rating="down", release=OWN)


async def test_made_up_releases_make_no_series_without_end(start: StartRuntime) -> None:
    runtime = await start()
    for number in range(feedback.RELEASES + 4):
        await rate(runtime, "down", f"support-{number:010x}")

    assert runtime.metric("genaiops_feedback_total", rating="down", release="other") == 5
    assert runtime.metric("genaiops_feedback_total", rating="down") == feedback.RELEASES + 4


async def test_who_sees_that_nothing_keeps_it(start: StartRuntime) -> None:
    status, told = await rate(await start(), comment="nice")
    assert (status, told["stored"]) == (200, False)
    assert "quality" in told["message"]


GOOD_ID = new_answer_id(OWN)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rating": "up"}, "response_id"),
        ({"id": "chatcmpl-1", "rating": "up"}, "id"),
        ({"id": new_answer_id("billing-0123456789"), "rating": "up"}, "id"),
        ({"response_id": 5, "rating": "up"}, "response_id"),
        ({"id": GOOD_ID, "rating": 5}, "rating"),
        ({"id": GOOD_ID, "rating": "up", "score": 1.5}, "score"),
        ({"id": GOOD_ID, "rating": "up", "score": True}, "score"),
        ({"id": GOOD_ID, "rating": "up", "comment": 1}, "comment"),
        ({"id": GOOD_ID, "rating": "up", "comment": "x" * 4097}, "comment"),
        ({"id": GOOD_ID, "rating": "up", "correction": ["x"]}, "correction"),
    ],
)
async def test_what_is_wrong_is_named(start: StartRuntime, body: dict[str, Any], field: str) -> None:
    runtime = await start()
    response = await runtime.request("POST", "/v1/feedback", body)
    assert (response.status, response.error["param"]) == (400, field)
    assert runtime.metric("genaiops_feedback_total") == 0


async def test_a_correction_gets_to_the_collector_redacted_even_if_that_is_down_at_first(
    start: StartRuntime, collector: FakeCollector
) -> None:
    collector.tell_runtimes()
    collector.statuses += [503]
    runtime = await start()

    status, told = await rate(runtime, "down", score=0.25, comment="ask jo@example.com", correction="On Monday.")
    assert (status, told["stored"]) == (202, True)
    await runtime.until(lambda: len(collector.feedback) == 1)

    (kept,) = collector.feedback
    assert (kept.rating, kept.score, kept.comment, kept.correction) == ("down", 0.25, "ask [EMAIL]", "On Monday.")
    await runtime.until(lambda: runtime.metric("genaiops_feedback_sent_total", result="sent") == 1)


async def test_an_app_that_wants_no_comments_gets_none(start: StartRuntime, collector: FakeCollector) -> None:
    collector.tell_runtimes(comments=False)
    runtime = await start()

    status, told = await rate(runtime, "down", comment="private", correction="private")
    await runtime.until(lambda: len(collector.feedback) == 1)

    assert (status, told["message"]) == (202, "comments and corrections are not kept here")
    assert "private" not in collector.bodies[0]


async def test_it_is_told_when_the_collector_can_t_keep_up(
    start: StartRuntime, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "ROOM", 1)
    collector.tell_runtimes()
    collector.may_answer.clear()
    runtime = await start()

    await rate(runtime)
    await runtime.until(lambda: len(collector.bodies) == 1)
    told = [await rate(runtime) for _ in range(2)]

    assert [(status, body["stored"]) for status, body in told] == [(202, True), (200, False)]
    assert runtime.metric("genaiops_feedback_sent_total", result="dropped") == 1
    assert runtime.metric("genaiops_feedback_total", rating="up") == 3
