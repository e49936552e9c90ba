"""A server of the OpenAI protocol that behaves as the prompt asks it to, in a pod of the cluster.

The system message directs it: `chunks=20 pause=0.1` makes an answer of twenty words that takes two seconds,
`status=503` an answer with that status, `good=100` a hundred good answers and from then on errors. Every answer ends
with the API key that the server was called with. The model `slow` takes a second more for each word.
"""

import asyncio
import json
import re
from collections import Counter
from typing import Any

from aiohttp import web

answered: Counter[str] = Counter()


async def models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": []})


async def complete(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    directions = dict(re.findall(r"(\w+)=(\S+)", asked["messages"][0]["content"]))
    status, pause = int(directions.get("status", 200)), float(directions.get("pause", 0))
    if asked["model"] == "slow":
        pause += 1
    answered[asked["messages"][0]["content"]] += 1
    if answered[asked["messages"][0]["content"]] > float(directions.get("good", "inf")):
        status = 500
    if status != 200:
        return web.json_response({"error": {"message": "as you asked", "type": "server_error"}}, status=status)
    key = request.headers.get("authorization", "no key").removeprefix("Bearer ")
    words = [*(f"word{number} " for number in range(int(directions.get("chunks", 1)))), key]
    if not asked.get("stream"):
        await asyncio.sleep(pause * len(words))
        message = {"role": "assistant", "content": "".join(words)}
        return web.json_response(
            completion("chat.completion", [{"index": 0, "message": message, "finish_reason": "stop"}])
        )
    answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await answer.prepare(request)
    for word in words:
        await asyncio.sleep(pause)
        await event(answer, {"index": 0, "delta": {"content": word}, "finish_reason": None})
    await event(answer, {"index": 0, "delta": {}, "finish_reason": "stop"})
    await answer.write(b"data: [DONE]\n\n")
    return answer


def completion(kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    about = {"id": "chatcmpl-1", "object": kind, "created": 0, "model": "scripted"}
    return about | {"choices": choices} | ({"usage": usage} if kind == "chat.completion" else {})


async def event(answer: web.StreamResponse, choice: dict[str, Any]) -> None:
    chunk = completion("chat.completion.chunk", [choice])
    await answer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.post("/v1/chat/completions", complete)])
    web.run_app(app, port=8000, print=None, access_log=None)
