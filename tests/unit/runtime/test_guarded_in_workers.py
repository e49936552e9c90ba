"""Guardrails that compute for long: in worker processes, which may not start, or die."""

import multiprocessing
import os
import signal
from collections.abc import Iterator

import pytest

from genaiops.guardrails.finding import Cost
from genaiops.guardrails.regex import RegexDetector

from .conftest import StartRuntime
from .upstream import Upstream, answer, streamed

pytestmark = pytest.mark.timeout(240)

GUARD = {"name": "g", "detector": {"type": "Regex", "patterns": ["evil"]}}


@pytest.fixture(autouse=True)
def computes_for_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(RegexDetector, "cost", Cost.PROCESS)
    yield
    for worker in multiprocessing.active_children():
        worker.join(10)


async def test_question_and_answer_are_judged_in_a_worker(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script += [answer("fine"), streamed("fine, ", "or ev", "il?")]
    runtime = await start(guardrails=[{"input": [GUARD], "output": [GUARD], "timeout": "30s"}])

    assert (await runtime.chat("evil")).status == 400
    assert (await runtime.chat("good")).text == "fine"
    stream = await runtime.chat("good", stream=True)

    assert stream.text == "fine, or "
    assert stream.finish_reason == "content_filter"
    assert len(multiprocessing.active_children()) >= 1


async def test_a_worker_that_dies_is_no_hang_and_the_next_request_is_judged(
    start: StartRuntime, upstream: Upstream
) -> None:
    runtime = await start(guardrails=[{"input": [GUARD], "timeout": "30s"}])
    await runtime.chat("good")
    for worker in multiprocessing.active_children():
        assert worker.pid
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()

    failed = await runtime.chat("another good one")
    refused = await runtime.chat("evil")

    assert failed.error["code"] == "guardrail_error"
    assert runtime.metric("genaiops_guardrail_errors_total", guardrail="g", stage="input") == 1
    assert refused.error["code"] == "content_filter"
