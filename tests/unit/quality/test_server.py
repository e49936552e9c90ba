"""What the collector takes and tells, and in which words it refuses."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web

from genaiops.api.dataset import Row
from genaiops.quality.metrics import Metrics
from genaiops.quality.server import MAX_BODY, Cap, Intake, Reports
from genaiops.quality.store import Judged, Store

from .given import NOON, V1, V2, a_sample, said, sample_document

pytestmark = pytest.mark.timeout(240)


class Collector:
    """Both addresses on loopback."""

    def __init__(self, client: ClientSession, intake: str, reports: str, metrics: Metrics) -> None:
        self._client, self._intake, self._reports = client, intake, reports
        self.metrics = metrics

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._client.post(self._intake + path, data=data) as response:
            told = await response.json() if response.content_type == "application/json" else None
            return response.status, told

    async def get(self, path: str) -> tuple[int, str]:
        async with self._client.get(self._reports + path) as response:
            return response.status, await response.text()

    def received(self, result: str) -> float | None:
        return self.metrics.registry.get_sample_value("genaiops_received_samples_total", {"result": result})


@pytest.fixture
async def collector(store: Store) -> AsyncIterator[Collector]:
    metrics = Metrics([])
    async with AsyncExitStack() as stack:
        addresses = []
        intake = Intake(store, "support", Cap(3), metrics, lambda: None)
        for app in (intake.application(), Reports(store, lambda: NOON).application()):
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        client = await stack.enter_async_context(ClientSession())
        yield Collector(client, *addresses, metrics)


async def test_from_a_sample_and_its_correction_to_a_row_of_a_suite(collector: Collector) -> None:
    sample = sample_document(V1, answer="Who knows?")
    feedback = {"id": sample["id"], "rating": "down", "correction": "On Monday.", "time": NOON.isoformat()}

    assert (await collector.post("/v1/samples", sample))[0] == 202
    assert (await collector.post("/v1/feedback", feedback))[0] == 202

    status, text = await collector.get("/v1/rows?kind=corrected")
    (row,) = [Row.model_validate_json(line) for line in text.splitlines()]
    assert (status, row.query, row.expected, row.tags) == (200, "Where is my parcel?", "On Monday.", ["corrected", V1])
    (told,) = json.loads((await collector.get("/v1/summary"))[1])["releases"]
    assert (told["release"], told["samples"], told["feedback"]["down"]) == (V1, 1, 1)


async def test_each_release_has_its_own_share_of_a_minute(collector: Collector) -> None:
    stable = [(await collector.post("/v1/samples", sample_document(V1)))[0] for _ in range(5)]
    candidate = [(await collector.post("/v1/samples", sample_document(V2)))[0] for _ in range(3)]
    assert (stable, candidate) == ([202, 202, 202, 429, 429], [202, 202, 202])
    assert (collector.received("kept"), collector.received("capped")) == (6, 2)
    # What was flagged takes nothing from what chance drew.
    assert (await collector.post("/v1/samples", sample_document(V1, drawn=False)))[0] == 202


def test_a_minute_later_there_is_room_again() -> None:
    now = [0.0]
    cap = Cap(1, lambda: now[0])
    assert [cap.takes(V1), cap.takes(V1)] == [True, False]
    now[0] = 60.0
    assert cap.takes(V1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "chatcmpl-1"}, "id"),
        ({"id": a_sample(V2).id}, "id"),
        ({"release": "billing-aaaaaaaaaa"}, "release"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "the prompt"}]}, "messages.0.role"),
        ({"answer": 5}, "answer"),
        ({"answer": "x" * 65_537}, "answer"),
        ({"seconds": -1}, "seconds"),
        ({"time": "2026-05-04T12:00:00"}, "time"),
        ({"variables": {"name": "Jo"}}, "variables"),
    ],
)
async def test_a_sample_that_is_wrong_is_refused_by_the_field(
    collector: Collector, change: dict[str, Any], field: str
) -> None:
    status, told = await collector.post("/v1/samples", {**sample_document(), **change})
    assert (status, told["error"]["param"]) == (400, field)
    assert told["error"]["message"].startswith(f"{field}: ")
    assert collector.received("invalid") == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"id": a_sample("billing-aaaaaaaaaa").id}, "id"), ({"rating": "meh"}, "rating"), ({"score": 2}, "score")],
)
async def test_feedback_that_is_wrong_is_refused_by_the_field(
    collector: Collector, change: dict[str, Any], field: str
) -> None:
    good = {"id": a_sample().id, "rating": "up", "time": NOON.isoformat()}
    status, told = await collector.post("/v1/feedback", {**good, **change})
    assert (status, told["error"]["param"]) == (400, field)


async def test_a_body_that_is_too_large_or_no_json_is_refused(collector: Collector) -> None:
    assert (await collector.post("/v1/samples", b"x" * (MAX_BODY + 1)))[0] == 413
    status, told = await collector.post("/v1/samples", b"{")
    assert (status, told["error"]["param"]) == (400, "body")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "kind"),
        ("kind=all", "kind"),
        ("kind=flagged&limit=0", "limit"),
        ("kind=flagged&limit=10001", "limit"),
        ("kind=flagged&limit=x", "limit"),
        ("kind=flagged&since=yesterday", "since"),
    ],
)
async def test_a_question_that_is_wrong_is_refused_by_the_field(collector: Collector, query: str, field: str) -> None:
    status, text = await collector.get(f"/v1/rows?{query}")
    assert (status, json.loads(text)["error"]["param"]) == (400, field)


@pytest.mark.parametrize("since", ["1h", "2026-05-04T11:00:00Z", "2026-05-04T11:00:00"])
async def test_what_was_since(collector: Collector, store: Store, since: str) -> None:
    old, new = a_sample(time=(NOON - timedelta(hours=2)).isoformat()), a_sample()
    for sample in (old, new):
        await store.add(sample)
        await store.judge(sample.id, [Judged("polite", 1.0, False)])

    _, text = await collector.get(f"/v1/rows?kind=low-scored&since={since}")
    assert [json.loads(line)["id"] for line in text.splitlines()] == [new.id[-32:]]
    (told,) = json.loads((await collector.get(f"/v1/summary?since={since}"))[1])["releases"]
    assert told["samples"] == 1


async def test_a_question_too_long_for_a_row_is_left_out_and_said_so(collector: Collector, store: Store) -> None:
    await store.add(a_sample(messages=[{"role": "user", "content": "x" * 20_000}]))
    sample = a_sample()
    await store.add(sample)
    for each in await store.unjudged(2):
        await store.say(said(each, "down"))

    status, text = await collector.get("/v1/rows?kind=negative")
    assert (status, len(text.splitlines())) == (200, 1)


async def test_what_people_read_is_not_where_runtimes_bring(collector: Collector) -> None:
    assert (await collector.get("/v1/samples"))[0] == 404
    assert (await collector.post("/v1/rows", {}))[0] == 404
