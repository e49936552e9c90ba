"""A runtime with a policy beside one without: latency under load, and how long a stream's first words take.

Three processes on loopback: a model server that takes its time as a model does, the runtime with its workers, held on
one core, and this load generator.
"""

import asyncio
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from bench_runtime import cpu_seconds, free_port, listening, release

CALLERS = 32
ANSWERS_IN = 0.5
"""Seconds that the model takes for an answer; 32 callers then make some 60 requests a second."""
WORD_EVERY = 0.02
"""Seconds between the chunks of a stream."""
SECONDS = 10
RULES = [
    {
        "input": [
            {"name": "pii-in", "detector": {"type": "PII"}, "action": "Redact"},
            {"name": "injection", "detector": {"type": "PromptInjection"}},
        ],
        "output": [
            {"name": "pii", "detector": {"type": "PII"}, "action": "Redact"},
            {"name": "secrets", "detector": {"type": "Secrets"}},
        ],
    }
]
WITH_TOXICITY = [{**RULES[0], "output": [*RULES[0]["output"], {"name": "toxicity", "detector": {"type": "Toxicity"}}]}]
POLICIES: dict[str, list[Any]] = {
    "no policy": [],
    "PII, Secrets, PromptInjection": RULES,
    "  and Toxicity": WITH_TOXICITY,
}
_WORDS = re.compile(rb'"content": ?"[^"]')
QUESTION = "I ordered two lamps last week and only one has come. When will the other one arrive, and can I return it?"


def serve(port: int, answer: str) -> None:
    """The model: an answer after a while, or a stream of words."""

    async def complete(request: web.Request) -> web.StreamResponse:
        if (await request.json()).get("stream"):
            return await stream(request)
        await asyncio.sleep(ANSWERS_IN)
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for word in answer.split()[:20]:  # the first sentence and the beginning of the next
            await asyncio.sleep(WORD_EVERY)
            choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
            try:
                await response.write(b"data: %b\n\n" % json.dumps(chunk).encode())
            except ConnectionResetError:  # the caller has heard enough
                return response
        await response.write(b"data: [DONE]\n\n")
        return response

    application = web.Application()
    application.router.add_post("/v1/chat/completions", complete)
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)


def request(stream: bool) -> bytes:
    """The bytes of one."""
    body = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
    data = json.dumps(body).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(data) + data


async def answers(port: int, seconds: float) -> list[float]:
    """Seconds that each answer took, to callers who ask again at once."""
    until = time.perf_counter() + seconds
    taken: list[float] = []

    async def caller(number: int) -> None:
        await asyncio.sleep(ANSWERS_IN * number / CALLERS)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < until:
            writer.write(request(stream=False))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"answered {head!r}")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            taken.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return taken


async def ready(port: int) -> None:
    """Until a request passes: the first one may wait longer for a worker to start than a guardrail has time."""
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(stream=False))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        if head.startswith(b"HTTP/1.1 200"):
            return
    raise SystemExit(f"no request passes: {head!r}")


async def first_words(port: int, times: int) -> list[float]:
    """Seconds until a stream's first words are there, one stream at a time."""
    taken = []
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        started = time.perf_counter()
        writer.write(request(stream=True))
        while not _WORDS.search(line := await reader.readline()):
            if not line:
                raise SystemExit("the stream ended without a word")
        taken.append(time.perf_counter() - started)
        writer.close()
    return taken


def of(pid: int) -> list[int]:
    """The process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in of(int(child)))]


async def measured(what: str, model_port: int, policy: list[Any]) -> None:
    """One line of figures."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "release.json"
        file.write_text(json.dumps(release(model_port, policy)))
        ports = {"GENAIOPS_PORT": str(port), "GENAIOPS_METRICS_PORT": str(free_port())}
        env = {**os.environ, **ports, "GENAIOPS_RELEASE_FILE": str(file), "GENAIOPS_DRAIN_SECONDS": "0"}
        command = ("taskset", "--cpu-list", "0", sys.executable, "-m", "genaiops.runtime")
        runtime = await asyncio.create_subprocess_exec(*command, env=env, stdout=subprocess.DEVNULL)
        try:
            await listening(port)
            await ready(port)
            await answers(port, 2)
            before = sum(map(cpu_seconds, of(runtime.pid)))
            taken = sorted((seconds - ANSWERS_IN) * 1000 for seconds in await answers(port, SECONDS))
            cpu = (sum(map(cpu_seconds, of(runtime.pid))) - before) / len(taken) * 1000
            first = [seconds * 1000 for seconds in await first_words(port, 5)]
        finally:
            runtime.terminate()
            await runtime.wait()
    p50, p95, p99 = (taken[int(len(taken) * share)] for share in (0.5, 0.95, 0.99))
    sys.stdout.write(
        f"  {what:32} {len(taken) / SECONDS:4.0f} rps   above the model's time: p50 {p50:6.2f}  p95 {p95:6.2f}  "
        f"p99 {p99:6.2f} ms   CPU {cpu:5.2f} ms a request   first words after {statistics.median(first):4.0f} ms\n"
    )


async def main(answer: str) -> None:
    """Each policy in turn."""
    port = free_port()
    model = multiprocessing.Process(target=serve, args=(port, answer), daemon=True)
    model.start()
    await listening(port)
    sys.stdout.write(
        f"\nthe runtime on one core, {CALLERS} callers, a model that answers in {ANSWERS_IN * 1000:.0f} ms\n"
    )
    for what, policy in POLICIES.items():
        await measured(what, port, policy)
    model.terminate()
