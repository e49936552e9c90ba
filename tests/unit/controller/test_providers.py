"""Metrics of the team's own: real servers on loopback are asked, and what they say is judged."""

import asyncio
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from genaiops.api.analysis import Metric
from genaiops.api.base import SecretKeyRef
from genaiops.api.llmapp_status import Measurement, Verdict
from genaiops.controller.providers.ask import Providers
from genaiops.controller.providers.question import ProviderError, Question
from ports import lasting_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUESTION = Question("support", "shop", "support-2", "support-1", timedelta(seconds=95))


class Secrets:
    """The Secrets of a namespace."""

    def __init__(self, **values: str) -> None:
        self.values = values

    async def value(self, namespace: str, ref: SecretKeyRef) -> str:
        if ref.key not in self.values:
            raise ProviderError(f"Secret {ref.name} has no key {ref.key}")
        return self.values[ref.key]


@dataclass
class Server:
    """An HTTP server that answers as it is told, and remembers what it was asked."""

    answer: Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse] | web.StreamResponse]
    asked: list[tuple[web.Request, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def start(self, tls: ssl.SSLContext | None = None) -> web.AppRunner:
        async def handle(request: web.Request) -> web.StreamResponse:
            sent = dict(await request.post()) or (await request.json() if request.can_read_body else {})
            self.asked.append((request, sent))
            answered = self.answer(request, sent)
            return answered if isinstance(answered, web.StreamResponse) else await answered

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        return runner


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners = []

    async def started(answer: Any, tls: ssl.SSLContext | None = None) -> Server:
        fixed = answer if callable(answer) else lambda request, sent: web.json_response(answer)
        server = Server(fixed)
        runners.append(await server.start(tls))
        return server

    yield started
    for runner in runners:
        await runner.cleanup()


async def measured(metric: Metric, secrets: Secrets | None = None) -> Measurement:
    async with aiohttp.ClientSession() as session:
        providers = Providers(session, secrets or Secrets(), None, lambda: NOW)  # type: ignore[arg-type]  # no jobs here
        return await providers.measure(metric, QUESTION)


def vector(*values: str) -> dict[str, Any]:
    result = [{"metric": {"i": str(index)}, "value": [1735689600, value]} for index, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def prometheus(server: Server, query: str = "up", limits: dict[str, Any] | None = None, **more: Any) -> Metric:
    source = {"address": server.url, "query": query, **more}
    return Metric.model_validate({"name": "p95", **(limits or {"max": "2.5"}), "prometheus": source})


def webhook(server: Server, limits: dict[str, Any] | None = None, **more: Any) -> Metric:
    return Metric.model_validate(
        {"name": "score", **(limits or {"min": "0.8"}), "webhook": {"url": server.url, **more}}
    )


# --- Prometheus --------------------------------------------------------------------------------------------


async def test_a_query_is_asked_for_the_release_and_its_value_held_against_the_limit(serve: Serve) -> None:
    server = await serve(vector("2.25"))
    metric = prometheus(server, 'p95(x{r="{{release}}",s="{{ stable }}",n="{{namespace}}/{{app}}"}[{{window}}])')

    found = await measured(metric)

    assert (found.value, found.verdict, found.at) == (Decimal("2.25"), Verdict.SUCCESSFUL, NOW)
    ((request, sent),) = server.asked
    assert (request.method, request.path) == ("POST", "/api/v1/query")
    assert sent == {"query": 'p95(x{r="support-2",s="support-1",n="shop/support"}[1m35s])'}


@pytest.mark.parametrize(
    ("limits", "candidate", "stable", "verdict"),
    [
        ({"max": 3}, "3", "-", Verdict.SUCCESSFUL),
        ({"max": 3}, "3.001", "-", Verdict.FAILED),
        ({"min": "0.9"}, "0.89", "-", Verdict.FAILED),
        ({"maxIncrease": "0.5"}, "2.5", "2", Verdict.SUCCESSFUL),
        ({"maxIncrease": "0.5"}, "2.6", "2", Verdict.FAILED),
        ({"maxRatio": "1.2"}, "2.4", "2", Verdict.SUCCESSFUL),
        ({"maxRatio": "1.2"}, "2.5", "2", Verdict.FAILED),
        ({"maxRatio": "1.2"}, "0.1", "0", Verdict.FAILED),
        ({"maxRatio": "1.2", "max": 1}, "2", "2", Verdict.FAILED),
        ({"max": 3}, "NaN", "-", Verdict.INCONCLUSIVE),
        ({"max": 3}, "+Inf", "-", Verdict.INCONCLUSIVE),
        ({"maxRatio": "1.2"}, "1", "NaN", Verdict.INCONCLUSIVE),
        ({"maxRatio": "1.2", "max": 3}, "4", "NaN", Verdict.FAILED),
    ],
)
async def test_values_are_held_against_limits(
    serve: Serve, limits: dict[str, Any], candidate: str, stable: str, verdict: Verdict
) -> None:
    server = await serve(
        lambda _, sent: web.json_response(vector(stable if "support-1" in sent["query"] else candidate))
    )

    found = await measured(prometheus(server, 'x{r="{{release}}"}', limits))

    assert found.verdict is verdict
    assert len(server.asked) == (1 if stable == "-" else 2)


async def test_no_series_is_no_data_and_a_scalar_is_a_value(serve: Serve) -> None:
    empty = await measured(prometheus(await serve(vector())))
    assert (empty.value, empty.verdict) == (None, Verdict.INCONCLUSIVE)

    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1, "0.5"]}}
    assert (await measured(prometheus(await serve(scalar)))).value == Decimal("0.5")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (vector("1", "2"), "the query gives 2 series: make them one"),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, "the query gives a matrix"),
        ({"status": "error", "error": "parse error: unexpected end"}, "answers 200: parse error: unexpected end"),
        ({"status": "success", "data": {"resultType": "vector", "result": ["x"]}}, "not in Prometheus' format"),
        (vector("many"), "not a number"),
        (vector("1e300"), "10^15 or more"),
        ([], "Prometheus answers 200"),
        ("x" * 300_000, "larger than"),
    ],
)
async def test_an_answer_that_is_none_is_an_error_and_says_why(serve: Serve, answer: Any, says: str) -> None:
    found = await measured(prometheus(await serve(answer)))
    assert found.verdict is Verdict.ERROR
    assert says in found.message


async def test_a_server_that_is_slow_gone_or_elsewhere_is_an_error(serve: Serve) -> None:
    async def never(*_: Any) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    slow = await measured(prometheus(await serve(never), timeout="100ms"))
    assert (slow.verdict, slow.message) == (Verdict.ERROR, "no answer within 0.1 s")

    other = await serve(vector("1"))
    away = await serve(lambda *_: web.Response(status=302, headers={"Location": other.url}))
    moved = await measured(prometheus(away))
    assert (moved.message, other.asked) == ("Prometheus answers 302", [])

    gone = replace(other, url="http://127.0.0.1:1")
    assert (await measured(prometheus(gone))).message.startswith("not reached: ")


async def test_credentials_come_from_secrets_and_stay_out_of_what_is_told(serve: Serve) -> None:
    server = await serve(lambda *_: web.json_response({"status": "error", "error": "no"}, status=401))
    secrets = Secrets(token="s3cret", password="pässword")
    bearer = {"bearerToken": {"name": "prom", "key": "token"}}
    basic = {"basic": {"username": "jane", "password": {"name": "prom", "key": "password"}}}

    refused = [await measured(prometheus(server, credentials=one), secrets) for one in (bearer, basic)]

    sent = [request.headers["Authorization"] for request, _ in server.asked]
    assert sent == ["Bearer s3cret", "Basic amFuZTpww6Rzc3dvcmQ="]
    assert [one.message for one in refused] == ["Prometheus answers 401: no"] * 2

    missing = await measured(prometheus(server, credentials=bearer))
    assert missing.message == "Secret prom has no key token"


async def test_a_certificate_is_checked_against_the_secret_s_authority(serve: Serve) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await serve(vector("1"), context)
    trusting = {"caSecret": {"name": "ca", "key": "ca.crt"}}

    async def with_authority(pem: str) -> Measurement:
        secrets = Secrets()
        secrets.values["ca.crt"] = pem
        return await measured(prometheus(server, tls=trusting), secrets)

    assert (await with_authority(authority.cert_pem.bytes().decode())).value == 1
    assert "certificate verify failed" in (await with_authority(stranger.cert_pem.bytes().decode())).message
    assert (await with_authority("nonsense")).message == "tls.caSecret: key ca.crt of ca has no PEM"
    assert "certificate verify failed" in (await measured(prometheus(server))).message
    assert (await measured(prometheus(server, tls={"insecureSkipVerify": True}))).value == 1


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no Prometheus on this machine")
async def test_a_real_prometheus_answers(tmp_path: Path) -> None:
    address = f"127.0.0.1:{lasting_port()}"
    config = tmp_path / "prometheus.yml"
    config.write_text("{}")
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    server = Server(lambda *_: web.Response(), url=f"http://{address}")
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                try:
                    if (await session.get(f"{server.url}/-/ready")).status == 200:
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        answers = [
            await measured(prometheus(server, query))
            for query in ("scalar(vector(2))", "vector(7)", 'up{r="{{release}}"}', "0/0", "sum(", "up[{{window}}]")
        ]
    finally:
        process.terminate()
        await process.wait()
    assert [(one.verdict, one.value) for one in answers[:4]] == [
        (Verdict.SUCCESSFUL, 2),
        (Verdict.FAILED, 7),
        (Verdict.INCONCLUSIVE, None),
        (Verdict.INCONCLUSIVE, None),
    ]
    assert answers[4].message.startswith("Prometheus answers 400: ")
    assert "parse error" in answers[4].message
    assert "the query gives a matrix" in answers[5].message


# --- webhook -----------------------------------------------------------------------------------------------


async def test_a_webhook_is_told_what_it_is_about_and_its_number_is_taken(serve: Serve) -> None:
    server = await serve({"data": [{"p95 score": 0.93}]})
    metric = webhook(
        server,
        jsonPath="$.data[0]['p95 score']",
        body={"suite": "golden"},
        headers=[{"name": "X-Team", "value": "ml"}, {"name": "X-Key", "secretRef": {"name": "hook", "key": "key"}}],
    )

    found = await measured(metric, Secrets(key="s3cret"))

    assert (found.value, found.verdict) == (Decimal("0.93"), Verdict.SUCCESSFUL)
    ((request, sent),) = server.asked
    assert (request.method, request.headers["X-Team"], request.headers["X-Key"]) == ("POST", "ml", "s3cret")
    assert sent == {
        "app": "support",
        "namespace": "shop",
        "release": "support-2",
        "stable": "support-1",
        "window": "1m35s",
        "body": {"suite": "golden"},
    }


@pytest.mark.parametrize(("value", "means"), [(True, 1), (False, 0), (3, 3), (None, None)])
async def test_what_a_webhook_s_value_means(serve: Serve, value: Any, means: int | None) -> None:
    assert (await measured(webhook(await serve({"value": value})))).value == means


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"other": 1}, "jsonPath: nothing stands at $.value"),
        ([1], "jsonPath: nothing stands at $.value"),
        ({"value": "<b>1</b>"}, "jsonPath: what stands at $.value is no number"),
        (lambda *_: web.Response(text="oops"), "jsonPath: nothing stands at $.value"),
        (lambda *_: web.Response(text="[" * 100_000), "jsonPath: nothing stands at $.value"),
        (lambda *_: web.json_response({"value": 1}, status=500), "the webhook answers 500"),
    ],
)
async def test_a_webhook_without_a_number_is_an_error_that_quotes_nothing_of_it(
    serve: Serve, answer: Any, says: str
) -> None:
    found = await measured(webhook(await serve(answer)))
    assert (found.verdict, found.message) == (Verdict.ERROR, says)


async def test_what_is_measured_can_be_kept_in_a_status(serve: Serve) -> None:
    found = await measured(webhook(await serve({"value": -0.12345678901234567})))
    stored = json.loads(json.dumps(found.to_manifest()))
    assert (stored["value"], Measurement.model_validate(stored)) == ("-0.123456789012", found)
