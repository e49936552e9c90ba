"""What the API server is answered, whatever it asks and whatever the operator can find out."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from genaiops.controller.cluster import ApiError
from genaiops.controller.webhook import server
from genaiops.controller.webhook.server import Webhook
from genaiops.controller.webhook.stamp import Seal

from .reviews import SEAL

ACTION = {
    "metadata": {"name": "restart", "namespace": "team"},
    "spec": {"app": "support", "action": "Restart", "release": "a" * 64},
}


class ClusterThat:
    """A cluster whose every answer is made by one function."""

    def __init__(self, answers: Callable[[], Awaitable[Any]]) -> None:
        self._answers = answers

    async def find(self, *_: object) -> Any:
        return await self._answers()


@asynccontextmanager
async def a_webhook(answers: Callable[[], Awaitable[Any]], seal: Seal = SEAL) -> AsyncIterator[TestClient[Any, Any]]:
    webhook = Webhook(ClusterThat(answers), lambda: seal)  # type: ignore[arg-type]
    async with TestClient(TestServer(webhook.application())) as client:
        yield client


async def an_app() -> Any:
    return {"metadata": {"uid": "1"}}


def asking(kind: str, after: dict[str, Any]) -> dict[str, Any]:
    request = {
        "uid": "42",
        "kind": {"kind": kind},
        "operation": "CREATE",
        "namespace": "team",
        "userInfo": {"username": "jane"},
        "object": after,
        "oldObject": None,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


async def refusal(client: TestClient[Any, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The status of a refusal."""
    answer = await client.post(path, json=body)
    assert answer.status == 200
    response = (await answer.json())["response"]
    assert (response["uid"], response["allowed"]) == ("42", False)
    return dict(response["status"])


async def test_what_is_no_review_is_a_bad_request() -> None:
    async with a_webhook(an_app) as client:
        for path in ("/mutate", "/validate"):
            answer = await client.post(path, data=b"{}")
            assert answer.status == 400
            assert "review.request: Field required" in await answer.text()
        assert (await client.get("/mutate")).status == 405


async def test_what_can_not_be_read_is_refused_and_not_left_to_pass_unrecorded() -> None:
    # given objects that nest deeper than a parser may want to follow
    uid = "0b6d1d6e-9c9a-4f0e-8d6d-1f4f5b0a7c11"
    head = b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"' + uid.encode() + b'",'
    deep = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    async with a_webhook(an_app) as client:
        # when one is written
        answer = await client.post("/mutate", data=head + b'"object":' + deep + b"}}")
        # then the API server gets an answer, which is no, and no error, which it may ignore
        assert answer.status == 200
        response = (await answer.json())["response"]
    assert (response["uid"], response["allowed"]) == (uid, False)
    assert "can't read it" in response["status"]["message"]


async def test_a_large_object_is_looked_at_as_any_other() -> None:
    # given an object as large as the API server takes
    large = {"metadata": {"name": "support", "namespace": "team"}, "spec": {"text": "x" * 3_000_000}}
    body = asking("Prompt", large)
    body["request"]["oldObject"] = {**large, "spec": {"text": "y" * 3_000_000}}
    async with a_webhook(an_app) as client:
        answer = await client.post("/mutate", data=json.dumps(body))
        assert (await answer.json())["response"]["patchType"] == "JSONPatch"


async def test_an_api_server_that_does_not_answer_is_no_reason_to_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SECONDS", 0.05)
    async with a_webhook(asyncio.Event().wait) as client:
        told = await refusal(client, "/mutate", asking("ReleaseAction", ACTION))
    assert told["code"] == 503
    assert "the API server is slow; try again" in told["message"]


async def test_an_api_server_that_refuses_is_quoted() -> None:
    async def refuses() -> None:
        raise ApiError(500, "InternalError", "etcd is away")

    async with a_webhook(refuses) as client:
        told = await refusal(client, "/mutate", asking("ReleaseAction", ACTION))
    assert told["message"] == "the operator could not tell whether this may be: etcd is away"


async def test_without_its_key_the_operator_believes_nobody() -> None:
    async with a_webhook(an_app, Seal(None, "there is no key")) as client:
        for path in ("/mutate", "/validate"):
            told = await refusal(client, path, asking("ReleaseAction", ACTION))
            assert (told["code"], told["message"]) == (503, "there is no key; try again")


async def test_what_is_not_judged_here_is_not_let_pass() -> None:
    async with a_webhook(an_app) as client:
        told = await refusal(client, "/validate", asking("Prompt", {}))
        assert told["message"] == "nothing is known here of how to judge a Prompt"


async def test_what_the_schema_refuses_is_left_to_the_schema() -> None:
    async with a_webhook(an_app) as client:
        answer = await client.post("/mutate", json=asking("ReleaseAction", {**ACTION, "spec": {"app": 1}}))
        assert (await answer.json())["response"] == {"uid": "42", "allowed": True}


async def test_a_decision_without_a_stamp_is_refused_whoever_lets_it_through() -> None:
    made = {**ACTION, "metadata": {**ACTION["metadata"], "creationTimestamp": "2026-11-23T12:00:00Z"}}
    async with a_webhook(an_app) as client:
        told = await refusal(client, "/validate", asking("ReleaseAction", made))
    assert told["code"] == 403
    assert "its requester was not written by this operator's webhook" in told["message"]
