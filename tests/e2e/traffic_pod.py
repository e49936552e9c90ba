"""Users of an app: constant conversations, in a pod of the cluster. Prints a line of JSON for each request.

A client without retries, which keeps its connections: what it loses, the app lost. It runs until SIGTERM, and for so
many seconds at most; requests that are under way then are waited for.
"""

import asyncio
import json
import random
import signal
import sys
import time
from typing import Any

import aiohttp

QUESTIONS = ("Where is my order?", "How do I return a shoe?", "When do you open?", "Can I pay by card?")


class Users:
    def __init__(self, settings: dict[str, Any], session: aiohttp.ClientSession) -> None:
        self._url = settings["url"]
        self._turns = settings["turns"]
        self._name = settings["name"]
        self._streams = settings["streams"]
        self._headers = settings["headers"]
        self._dislikes = settings["dislikes"]
        self._session = session
        self._conversations = [[f"{self._name}-{number}", 0] for number in range(settings["conversations"])]
        self._begun = len(self._conversations)
        # Reproducible, so that a test meets the same conversations whenever it runs.
        self._random = random.Random(1)

    def next_conversation(self) -> str:
        """One of those that are going on; one that has had its turns makes way for a new one."""
        slot = self._random.randrange(len(self._conversations))
        name, turns = self._conversations[slot]
        if turns + 1 < self._turns:
            self._conversations[slot][1] += 1
        else:
            self._conversations[slot] = [f"{self._name}-{self._begun}", 0]
            self._begun += 1
        return str(name)

    async def ask(self) -> None:
        conversation, stream = self.next_conversation(), self._random.random() < self._streams
        record: dict[str, Any] = {"at": time.time(), "conversation": conversation, "stream": stream}
        began = time.monotonic()
        try:
            async with self._session.post(
                f"{self._url}/v1/chat/completions",
                json={"messages": [{"role": "user", "content": self._random.choice(QUESTIONS)}], "stream": stream},
                headers={"x-conversation-id": conversation, **self._headers},
            ) as answer:
                record |= {"status": answer.status, "release": answer.headers.get("x-genaiops-release")}
                body = (await answer.read()).decode()
                record |= told_by_events(body) if stream and answer.status == 200 else told_by_json(body)
            if self._dislikes:
                await self.rate(record)
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError) as error:
            record["error"] = repr(error)
        record["seconds"] = round(time.monotonic() - began, 3)
        print(json.dumps(record), flush=True)  # noqa: T201

    async def rate(self, record: dict[str, Any]) -> None:
        """Say of an answer whether it was liked, in a request that belongs to no conversation."""
        rating = "down" if self._dislikes in record["text"] else "up"
        feedback = {"id": record["id"], "rating": rating, "comment": f"I give it a thumb {rating}."}
        async with self._session.post(f"{self._url}/v1/feedback", json=feedback) as answer:
            record["rated"] = answer.status


def told_by_json(body: str) -> dict[str, Any]:
    answer = json.loads(body)
    if "error" in answer:
        return {"error": answer["error"]}
    return {"id": answer["id"], "text": answer["choices"][0]["message"]["content"]}


def told_by_events(body: str) -> dict[str, Any]:
    """What a stream said. A proper one ends with the mark of the protocol."""
    *events, last = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    if last != "[DONE]":
        return {"error": f"the stream broke off, its last event: {last}"}
    chunks = [json.loads(event) for event in events]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    return {"id": chunks[0]["id"], "text": text, "chunks": len(chunks)}


async def reached(url: str, within: float = 60) -> None:
    """Returns once the Service's address leads to the app. Until kube-proxy knows a new Service, a connection to it
    leaves the cluster, and some networks answer whatever leaves: all later requests would go on over it.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/models") as answer:
                if "x-request-id" in answer.headers:
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(0.2)


async def main() -> None:
    settings = json.loads(sys.argv[1])
    await reached(settings["url"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().call_later(settings["longest"], stop.set)
    room = asyncio.Semaphore(settings["at_once"])
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as running:
        users = Users(settings, session)

        async def ask() -> None:
            try:
                await users.ask()
            finally:
                room.release()

        while not stop.is_set():
            await room.acquire()
            running.create_task(ask())
            try:
                await asyncio.wait_for(stop.wait(), 1 / settings["rate"])
            except TimeoutError:
                continue


if __name__ == "__main__":
    asyncio.run(main())
