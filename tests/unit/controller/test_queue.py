"""The queue between what happens and who works on it."""

import asyncio

import pytest

from controller.virtual_time import now, run
from genaiops.controller.queue import KeyedQueue


def test_a_key_is_in_line_once_however_often_it_is_added() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        for key in ("a", "b", "a", "a"):
            queue.add(key)

        assert len(queue) == 2
        assert [await queue.get(), await queue.get()] == ["a", "b"]

    run(story())


def test_a_worker_waits_until_something_comes() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        worker = asyncio.create_task(queue.get())
        await asyncio.sleep(1)
        assert not worker.done()

        queue.add("a")

        assert await worker == "a"

    run(story())


def test_no_key_is_worked_on_twice_at_once_and_nothing_that_came_meanwhile_is_lost() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        queue.add("a")
        assert await queue.get() == "a"

        queue.add("a")
        queue.add("a")
        assert len(queue) == 0, "another worker must not get it now"

        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    run(story())


def test_many_workers_share_the_keys_and_never_one_of_them() -> None:
    async def story() -> None:
        queue, working, worked = KeyedQueue[int](), set[int](), list[int]()

        async def work() -> None:
            while True:
                key = await queue.get()
                assert key not in working
                working.add(key)
                await asyncio.sleep(0.1 * (key + 1))
                working.discard(key)
                worked.append(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(4)]
        for _ in range(20):
            for key in range(5):
                queue.add(key)
            await asyncio.sleep(0.13)
        await asyncio.sleep(10)

        assert set(worked) == set(range(5))
        assert not any(worker.done() for worker in workers)
        assert len(queue) == 0
        for worker in workers:
            worker.cancel()

    run(story())


def test_a_key_that_is_due_later_comes_then() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        queue.add_after("a", 5)

        assert (await queue.get(), now()) == ("a", 5)

    run(story())


@pytest.mark.parametrize("delays", [(5, 60), (60, 5)])
def test_of_several_times_for_a_key_the_earliest_holds(delays: tuple[float, float]) -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        for delay in delays:
            queue.add_after("a", delay)

        assert (await queue.get(), now()) == ("a", 5)
        queue.done("a")
        await asyncio.sleep(120)
        assert len(queue) == 0, "the later time is forgotten"

    run(story())


def test_a_key_that_is_worked_on_before_it_was_due_does_not_come_again_then() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        queue.add_after("a", 60)
        queue.add("a")
        await queue.get()
        queue.done("a")

        await asyncio.sleep(120)
        assert len(queue) == 0

    run(story())


def test_a_failure_comes_back_later_each_time_up_to_15_seconds() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        queue.add("a")
        delays = []
        for _ in range(12):
            await queue.get()
            delays.append(queue.retry("a"))
            queue.done("a")

        assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
        assert delays == sorted(delays)
        assert delays[-1] == 15

        await queue.get()
        queue.forget_failures("a")
        assert queue.retry("a") == 0.2

    run(story())


def test_a_failure_that_lasts_for_weeks_is_still_tried_every_15_seconds() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        for _ in range(20_000):
            delay = queue.retry("a")
        assert delay == 15

    run(story())


def test_who_asks_to_be_left_alone_is() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        assert queue.retry("a", after=2) == 2
        assert queue.retry("a") == 0.4
        assert queue.retry("b", after=3600) == 15

    run(story())


def test_the_failures_of_one_key_delay_no_other() -> None:
    async def story() -> None:
        queue = KeyedQueue[str]()
        for _ in range(5):
            queue.retry("a")
        queue.add("b")

        assert (await queue.get(), now()) == ("b", 0)
        assert queue.retry("b") == 0.2

    run(story())
