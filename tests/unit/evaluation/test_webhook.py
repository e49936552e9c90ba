"""A server of the team's own judges: a real one on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from genaiops.evaluation.judgement import EvaluatorError
from genaiops.evaluation.places import Places
from genaiops.evaluation.webhook import RETRIES
from genaiops.providers import backoff

from .given import evaluator, sample

pytestmark = pytest.mark.timeout(240)


class Server:
    """Answers what it is told to, one after the other and the last one again, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[], web.StreamResponse]] = []
        self.asked: list[tuple[web.Request, Any]] = []
        self.url = ""

    def says(self, *documents: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        for document in documents:
            self.answers.append(lambda d=document: web.json_response(d, status=status, headers=headers))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request, await request.json()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer()


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    runners = []

    async def started(tls: ssl.SSLContext | None = None) -> Server:
        server = Server()
        app = web.Application()
        app.router.add_post("/{path:.*}", server.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}/score"
        return server

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def server(start: Callable[..., Awaitable[Server]]) -> Server:
    return await start()


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_BACKOFF", 0.001)


async def judged(server: Server, places: Places | None = None, threshold: str = "0.5", **webhook: Any) -> Any:
    it = evaluator("Webhook", places=places, threshold=threshold, webhook={"url": server.url, **webhook})
    try:
        return await it.judge(sample("Paris.", "Paris", context="Geography", cost=Decimal("0.0010"), baseline="Lyon."))
    finally:
        await it.close()


async def test_the_number_at_the_path_is_the_score_and_the_reason_is_kept(server: Server) -> None:
    server.says({"data": [{"p 1": 0.75}], "reason": "right city"})

    found = await judged(server, jsonPath="$.data[0]['p 1']")

    assert (found.score, found.passed, found.reason) == (0.75, True, "right city")


@pytest.mark.parametrize(("value", "passes"), [(0.5, True), (0.49, False), (True, True), (False, False), (-1, False)])
async def test_an_answer_passes_from_the_threshold_on(server: Server, value: Any, passes: bool) -> None:
    server.says({"value": value})

    assert (await judged(server)).passed is passes


async def test_the_server_gets_the_row_both_answers_and_what_the_suite_adds(server: Server) -> None:
    server.says({"value": 1})

    await judged(server, body={"team": "maps"})

    ((_, sent),) = server.asked
    assert sent["row"] == {
        "id": "r1",
        "query": "What now?",
        "expected": "Paris",
        "context": "Geography",
        "variables": {},
        "tags": [],
    }
    assert (sent["answer"]["text"], sent["answer"]["cost"], sent["answer"]["seconds"]) == ("Paris.", "0.0010", 0.5)
    assert (sent["baseline"]["text"], sent["body"]) == ("Lyon.", {"team": "maps"})


async def test_secret_headers_are_read_when_they_are_sent(server: Server, tmp_path: Path) -> None:
    server.says({"value": 1})
    (tmp_path / "scorer").mkdir()
    places = Places(secrets=tmp_path)
    key = {"name": "X-Key", "secretRef": {"name": "scorer", "key": "token"}}

    for value in ("one", "two"):
        (tmp_path / "scorer" / "token").write_text(value)
        await judged(server, places, headers=[key, {"name": "X-Team", "value": "maps"}])
    (tmp_path / "scorer" / "token").unlink()
    with pytest.raises(EvaluatorError, match="key token of Secret scorer can't be read"):
        await judged(server, places, headers=[key])

    assert [request.headers["X-Key"] for request, _ in server.asked] == ["one", "two"]


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_tried_again(server: Server, status: int) -> None:
    server.says({}, {}, status=status)
    server.says({"value": 1})

    assert (await judged(server)).score == 1


@pytest.mark.usefixtures("no_jitter")
async def test_a_server_that_fails_on_is_given_up(server: Server) -> None:
    server.says({}, status=502)

    with pytest.raises(EvaluatorError, match="the webhook answers 502"):
        await judged(server)

    assert len(server.asked) == 1 + RETRIES


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize(
    ("says", "why"),
    [
        (lambda: web.json_response({}), r"nothing stands at \$.value"),
        (lambda: web.json_response({"value": "good"}), r"what stands at \$.value is no number"),
        (lambda: web.json_response({"value": None}), r"what stands at \$.value is no number"),
        (lambda: web.Response(text='{"value": NaN}'), "is no number"),
        (lambda: web.Response(text="good"), "the webhook's answer is no JSON"),
        (lambda: web.Response(text='{"value": 1, "x": "' + "x" * 300_000 + '"}'), "is larger than 256 KiB"),
        (lambda: web.Response(status=403), "the webhook answers 403"),
        (lambda: web.Response(status=307, headers={"location": "/elsewhere"}), "the webhook answers 307"),
        (lambda: web.Response(status=503, headers={"retry-after": "3600"}), "the webhook answers 503"),
    ],
)
async def test_what_is_no_score_is_an_error_and_not_asked_for_again(server: Server, says: Any, why: str) -> None:
    server.answers.append(says)

    with pytest.raises(EvaluatorError, match=why):
        await judged(server)

    assert len(server.asked) == 1


@pytest.mark.usefixtures("no_jitter")
async def test_a_server_that_is_too_slow_or_not_there_is_told_of(server: Server) -> None:
    async def reads_and_never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    hanging = await asyncio.start_server(reads_and_never_answers, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}/score"

    with pytest.raises(EvaluatorError, match=r"no answer within 0\.02 s"):
        await judged(server, timeout="20ms")
    hanging.close()
    with pytest.raises(EvaluatorError, match="the webhook was not reached: "):
        await judged(server)


async def test_certificates_are_checked_as_the_suite_says(start: Any, tmp_path: Path, no_jitter: None) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await start(context)
    server.says({"value": 1})
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca").write_bytes(authority.cert_pem.bytes())
    (tmp_path / "tls" / "nonsense").write_text("no certificate")
    places = Places(secrets=tmp_path)

    assert (await judged(server, places, tls={"caSecret": {"name": "tls", "key": "ca"}})).passed
    assert (await judged(server, places, tls={"insecureSkipVerify": True})).passed
    with pytest.raises(EvaluatorError, match=r"the webhook was not reached: .*certificate"):
        await judged(server)
    with pytest.raises(EvaluatorError, match=r"tls\.caSecret: key nonsense of tls has no PEM"):
        await judged(server, places, tls={"caSecret": {"name": "tls", "key": "nonsense"}})
