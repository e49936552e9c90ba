"""The operator's workers: what they do with what is thrown at them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from genaiops.controller.cluster import ApiError
from genaiops.controller.operator import Operator
from genaiops.controller.store import Key, Store

APP = {
    "kind": "LLMApp",
    "metadata": {"name": "support", "namespace": "team", "uid": "1", "resourceVersion": "1", "generation": 1},
}


class EmptyCluster:
    """A cluster whose lists are empty: what there is comes by the watch."""

    async def pages(self, *_: object) -> AsyncIterator[dict[str, Any]]:
        yield {"metadata": {"resourceVersion": "0"}, "items": []}


def an_operator(reconcile: Any) -> Operator:
    return Operator(EmptyCluster(), Store(), {"LLMApp": reconcile}, (), workers=2)  # type: ignore[arg-type]


async def test_workers_end_also_in_code_that_lets_a_cancellation_pass() -> None:
    # given a worker in the middle of a reconcile that answers a cancellation with an error of its own
    at_work = asyncio.Event()

    async def reconcile(key: Key) -> None:
        at_work.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise ApiError(500, "", "the connection broke")

    operator = an_operator(reconcile)
    await operator.relist()
    operator.seen("LLMApp", "ADDED", APP)
    leading = asyncio.create_task(operator.lead())
    await at_work.wait()
    # when the operator is to end
    operator.stop()
    leading.cancel()
    # then it does
    ended, _ = await asyncio.wait({leading}, timeout=30)
    assert ended == {leading}


async def test_a_reconcile_that_fails_is_tried_again_and_stops_no_other() -> None:
    # given an app whose reconcile fails at first, by a bug and then by the API server
    failures = [ValueError("a bug"), ApiError(500, "", "busy")]
    done: dict[str, asyncio.Event] = {"support": asyncio.Event(), "other": asyncio.Event()}

    async def reconcile(key: Key) -> None:
        if key.name == "support" and failures:
            raise failures.pop(0)
        done[key.name].set()

    operator = an_operator(reconcile)
    await operator.relist()
    operator.seen("LLMApp", "ADDED", APP)
    operator.seen("LLMApp", "ADDED", {**APP, "metadata": {**APP["metadata"], "name": "other"}})  # type: ignore[dict-item]
    # when the operator leads
    leading = asyncio.create_task(operator.lead())
    # then both are reconciled in the end
    async with asyncio.timeout(30):
        await done["other"].wait()
        await done["support"].wait()
    leading.cancel()
    with suppress(asyncio.CancelledError):
        await leading
