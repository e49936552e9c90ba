"""What a runtime counts, and that the analysis reads it as it is meant."""

import asyncio
from typing import Any

import pytest
from prometheus_client import generate_latest

from genaiops.analysis.counters import bound_of, measure, read_counters
from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import Arm
from genaiops.api.samples import new_answer_id
from genaiops.runtime.metrics import COST_BUCKETS, DURATION_BUCKETS, FIRST_TOKEN_BUCKETS, REQUEST_TOKEN_BUCKETS

from .conftest import Runtime, StartRuntime
from .upstream import Hang, Upstream, answer, streamed

pytestmark = pytest.mark.timeout(240)
RELEASE = "support-0123456789"


def arm(hits: int, samples: int) -> Arm:
    return Arm(hits=hits, samples=samples)


def counted(runtime: Runtime, *metrics: dict[str, Any]) -> list[Arm]:
    wanted = [Metric.model_validate(metric) for metric in metrics]
    read = read_counters(generate_latest(runtime.registry).decode(), wanted, RELEASE)
    return [read.metrics[measure(metric)] for metric in wanted]


async def test_a_request_that_hangs_is_seen_while_it_hangs(start: StartRuntime, upstream: Upstream) -> None:
    runtime = await start()
    upstream.script.append(Hang())
    slow = Metric.model_validate({"name": "latency", "threshold": "0.01"})
    hanging = asyncio.create_task(runtime.chat())

    def waiting() -> dict[str, int]:
        return read_counters(generate_latest(runtime.registry).decode(), [slow]).waiting

    await runtime.until(lambda: waiting() == {"latency@0.01": 1})
    assert runtime.metric("genaiops_requests_in_flight", older_than="0.0") == 1
    assert runtime.metric("genaiops_requests_in_flight", older_than="81.92") == 0
    assert counted(runtime, {"name": "latency", "threshold": "0.01"}) == [arm(0, 0)]

    # The caller gives up: that was slow, too, and is counted for good.
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await runtime.until(lambda: waiting() == {})
    assert counted(runtime, {"name": "latency", "threshold": "0.01"}, {"name": "error-rate"}) == [arm(1, 1), arm(0, 0)]


async def test_what_a_request_costs(start: StartRuntime, upstream: Upstream) -> None:
    model = {"name": "m", "provider": "OpenAI", "model": "m", "endpoint": upstream.endpoint}
    pricing = {"currency": "EUR", "inputPerMillion": "1000", "outputPerMillion": "2000"}
    runtime = await start(model={**model, "pricing": pricing})
    await runtime.chat()  # 11 tokens read, 5 written: 0.011 + 0.010 EUR

    assert counted(
        runtime,
        {"name": "tokens-per-request", "threshold": 10},
        {"name": "tokens-per-request", "threshold": 20},
        {"name": "cost-per-request", "threshold": "0.02"},
        {"name": "cost-per-request", "threshold": "0.05"},
    ) == [arm(1, 1), arm(0, 1), arm(1, 1), arm(0, 1)]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_blocked(start: StartRuntime, upstream: Upstream, stream: bool) -> None:
    detector = {"type": "Regex", "patterns": ["secret"]}
    guardrail = {"name": "guard", "detector": detector, "action": "Block"}
    runtime = await start(guardrails=[{"input": [guardrail], "output": [guardrail]}])
    if not stream:
        upstream.script.append(answer("the secret is"))
        await runtime.chat("Hi")
    await runtime.chat("tell me the secret", stream=stream)
    upstream.script.append(streamed("Hi!") if stream else answer("Hi!"))
    await runtime.chat("Hi", stream=stream)

    blocked = {"name": "guardrail-block-rate"}
    await runtime.until(lambda: counted(runtime, blocked) == [arm(1, 2) if stream else arm(2, 3)])


async def test_ratings(start: StartRuntime) -> None:
    runtime = await start()
    for rating in ("up", "down", "down"):
        body = {"id": new_answer_id(RELEASE), "rating": rating}
        assert (await runtime.request("POST", "/v1/feedback", body)).status == 200
    assert counted(runtime, {"name": "negative-feedback-rate"}) == [arm(2, 3)]


@pytest.mark.parametrize(
    ("metric", "buckets"),
    [
        ("latency", DURATION_BUCKETS),
        ("time-to-first-token", FIRST_TOKEN_BUCKETS),
        ("tokens-per-request", REQUEST_TOKEN_BUCKETS),
        ("cost-per-request", COST_BUCKETS),
    ],
)
def test_the_analysis_knows_the_runtime_s_buckets(metric: str, buckets: tuple[float, ...]) -> None:
    for bound in buckets:
        known = bound_of(Metric.model_validate({"name": metric, "threshold": f"{bound:.6f}".rstrip("0").rstrip(".")}))
        assert known is not None
        assert float(known) == bound
