"""What the runtime costs: requests per second and latency, through it and straight to the model's server, in one run.

    python tests/bench/bench_runtime.py [--seconds 5] [--concurrency 32]

Three processes on loopback: a model server that answers at once, the runtime, and this load generator. The difference
between the two columns is the runtime's own cost on this machine; with a real model behind it, it is added once.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The weather in Berlin is fine today. " * 8},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 30, "completion_tokens": 80, "total_tokens": 110},
    }
).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
BODY = json.dumps(
    {"model": "m", "messages": [{"role": "user", "content": "What is the weather in Berlin? " * 4}]}
).encode()
GUARDRAILS = [
    {
        "input": [{"name": "pii-in", "detector": {"type": "PII"}, "action": "Redact"}],
        "output": [
            {"name": "pii", "detector": {"type": "PII"}, "action": "Redact"},
            {"name": "s", "detector": {"type": "Secrets"}},
        ],
    }
]


class ModelServer(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            _, _, told = head.partition(b"content-length:")
            length = int(told.split(b"\r\n")[0] or 0)
            if len(self._data) < end + 4 + length:
                return
            self._data = self._data[end + 4 + length :]
            taken = TAKEN if b" /v1/traces " in head else ACCEPTED if b" /v1/samples " in head else RESPONSE
            self._transport.write(taken)  # type: ignore[attr-defined]


def serve_model(port: int) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(ModelServer, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(main())


async def load(port: int, path: str, concurrency: int, seconds: float) -> list[float]:
    """Latencies, in seconds, of what `concurrency` callers get in this time, each with a connection of its own."""
    request = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    data = request.encode() + BODY
    until = time.perf_counter() + seconds
    latencies: list[float] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < until:
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"answered {head!r}")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            latencies.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return latencies


def report(what: str, latencies: list[float], seconds: float, more: str = "") -> None:
    latencies.sort()
    p50, p95, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.95, 0.99))
    rate = len(latencies) / seconds
    print(f"{what:<36}{rate:>9,.0f} rps   p50 {p50:6.2f}   p95 {p95:6.2f}   p99 {p99:6.2f} ms   {more}")  # noqa: T201


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def release(model_port: int, guardrails: list[Any]) -> dict[str, Any]:
    return {
        "name": "bench-0123456789",
        "app": "bench",
        "hash": "0" * 64,
        "source": {"prompt": "p", "promptVersion": "v1", "model": "m"},
        "content": {
            "prompt": {"messages": [{"role": "system", "content": "You work for Contoso."}]},
            "model": {"name": "m", "provider": "OpenAI", "model": "m", "endpoint": f"http://127.0.0.1:{model_port}/v1"},
            "parameters": {},
            "timeout": "10s",
            "maxRetries": 0,
            "guardrails": guardrails,
            "runtime": {"image": "bench"},
        },
    }


async def through_runtime(
    what: str,
    model_port: int,
    guardrails: list[Any],
    concurrency: int,
    seconds: float,
    sampled: str = "0",
    traced: dict[str, Any] | None = None,
) -> None:
    """`sampled`: share of answers, `traced`: settings of tracing. The model's server is collector and receiver, too."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        file, sampling = Path(directory) / "release.json", Path(directory) / "sampling.json"
        file.write_text(json.dumps(release(model_port, guardrails)))
        collector = f"http://127.0.0.1:{model_port}"
        sampling.write_text(json.dumps({"collector": collector, "rate": sampled, "maxPerMinute": 10**9}))
        if traced is not None:
            settings = {"endpoint": collector, "namespace": "bench", **traced}
            (Path(directory) / "tracing.json").write_text(json.dumps(settings))
        env = {
            **os.environ,
            "GENAIOPS_RELEASE_FILE": str(file),
            "GENAIOPS_SAMPLING_FILE": str(sampling),
            "GENAIOPS_TRACING_DIR": directory,
            "GENAIOPS_PORT": str(port),
            "GENAIOPS_METRICS_PORT": str(free_port()),
            "GENAIOPS_DRAIN_SECONDS": "0",
        }
        command = (sys.executable, "-m", "genaiops.runtime")
        runtime = await asyncio.create_subprocess_exec(*command, env=env, stdout=subprocess.DEVNULL)
        try:
            await listening(port)
            idle = resident(runtime.pid)
            await load(port, "/v1/chat/completions", concurrency, 1)
            before = cpu_seconds(runtime.pid)
            latencies = await load(port, "/v1/chat/completions", concurrency, seconds)
            cpu = (cpu_seconds(runtime.pid) - before) / len(latencies) * 1e6
            memory = f"RSS {idle:.0f} MiB at rest, {resident(runtime.pid):.0f} after"
            report(what, latencies, seconds, f"{cpu:.0f} us CPU a request, {memory}")
        finally:
            runtime.terminate()
            await runtime.wait()


async def listening(port: int) -> None:
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise SystemExit(f"nothing listens on port {port} after 10 s")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def main(concurrency: int, seconds: float) -> None:
    model_port = free_port()
    model = multiprocessing.Process(target=serve_model, args=(model_port,), daemon=True)
    model.start()
    await listening(model_port)
    report(
        f"model server, c{concurrency}", await load(model_port, "/v1/chat/completions", concurrency, seconds), seconds
    )
    await through_runtime(f"through the runtime, c{concurrency}", model_port, [], concurrency, seconds)
    await through_runtime(f"  with PII and Secrets, c{concurrency}", model_port, GUARDRAILS, concurrency, seconds)
    for share in ("0.05", "1"):
        what = f"  {float(share):.0%} sampled, c{concurrency}"
        await through_runtime(what, model_port, [], concurrency, seconds, share)
    for what, traced in (
        ("all traced", {}),
        ("10% traced", {"sampleRate": "0.1"}),
        ("all traced with content", {"content": True}),
    ):
        await through_runtime(f"  {what}, c{concurrency}", model_port, [], concurrency, seconds, traced=traced)
    await through_runtime("  all traced, c1", model_port, [], 1, seconds, traced={})
    await through_runtime("through the runtime, c1", model_port, [], 1, seconds)
    await through_runtime("  with PII and Secrets, c1", model_port, GUARDRAILS, 1, seconds)
    report("model server, c1", await load(model_port, "/v1/chat/completions", 1, seconds), seconds)
    model.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--concurrency", type=int, default=32)
    options = parser.parse_args()
    multiprocessing.set_start_method("spawn")
    uvloop.run(main(options.concurrency, options.seconds))
