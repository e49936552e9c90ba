"""Customers of the demo: conversations through the app's gateway, and what came back of them."""

import asyncio
import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

QUESTIONS = (
    "Where is my order?",
    "How do I return a shirt?",
    "Do you ship to Spain?",
    "My parcel is broken, what now?",
    "Can I pay by card?",
    "When do you open?",
)
CUSTOMERS = 4
REDACTED = "[EMAIL]"


@dataclass
class Traffic:
    """What customers saw so far."""

    answered: Counter[str] = field(default_factory=Counter)
    """Answers by release."""
    redacted: Counter[str] = field(default_factory=Counter)
    """Those of them from which a guardrail took something out."""
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    sample: dict[str, str] = field(default_factory=dict)
    """An answer of each release, a redacted one where there is one."""

    async def talk(self, url: str) -> None:
        """Ask for ever, each customer one question after the other, every question a conversation of its own."""
        number = itertools.count()
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CUSTOMERS):
                group.create_task(self._customer(session, url, number))

    async def _customer(self, session: aiohttp.ClientSession, url: str, number: "itertools.count[int]") -> None:
        while True:
            turn = next(number)
            question = {"messages": [{"role": "user", "content": QUESTIONS[turn % len(QUESTIONS)]}]}
            headers = {"x-conversation-id": f"customer-{turn}"}
            try:
                async with session.post(f"{url}/v1/chat/completions", json=question, headers=headers) as answer:
                    body = await answer.json()
                    if answer.status != 200:
                        raise ValueError(f"{answer.status}: {json.dumps(body)[:200]}")
                    self._note(answer.headers["x-genaiops-release"], body["choices"][0]["message"]["content"])
            except (aiohttp.ClientError, TimeoutError, ValueError, LookupError) as error:
                self.failed += 1
                self.failures.append(f"{time.strftime('%X')} {error!r}")
                await asyncio.sleep(0.5)

    def _note(self, release: str, text: str) -> None:
        self.answered[release] += 1
        leaked = REDACTED in text
        self.redacted[release] += leaked
        if leaked or release not in self.sample:
            self.sample[release] = text


@asynccontextmanager
async def port_forward(kubectl: list[str], namespace: str, service: str) -> AsyncIterator[str]:
    """The service's URL on this machine, for as long as the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*kubectl, "port-forward", "--namespace", namespace, f"service/{service}", f"{port}:80"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        if "Forwarding" not in line:
            raise RuntimeError(f"kubectl port-forward: {line.strip()}")
        drain = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
        drain.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
