"""An evaluator that is a program of the team's own, in a container of the same pod: JSON lines in and out."""

import asyncio
import math
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import orjson

from genaiops.api.base import format_duration
from genaiops.api.evaluator import EvaluatorContainer
from genaiops.evaluation.judgement import EvaluatorError, Judgement, Sample
from genaiops.evaluation.pipes import Pipes
from genaiops.evaluation.places import Places

START: Final = 600.0
"""Seconds that its container may take to start: its image may have to be fetched."""


class Container:
    """Hands answers to the program and takes their scores back, in whatever order they come."""

    def __init__(self, name: str, spec: EvaluatorContainer, threshold: float, places: Places) -> None:
        self._name = name
        self._timeout = spec.timeout
        self._threshold = threshold
        self._pipes = Pipes(places.pipes / name)
        self._connecting: asyncio.Task[None] | None = None
        self._ids = count(1)
        self._waiting: dict[str, asyncio.Future[Judgement]] = {}
        self._given_up: set[str] = set()
        """Answers that nobody waits for any more, and that may still be judged."""
        self._lost: str | None = None

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        # Many wait for it, and one that is given up must not end it for all.
        await asyncio.shield(self._connecting)
        if self._lost:
            raise self._error(self._lost)
        id_ = str(next(self._ids))
        waiting: asyncio.Future[Judgement] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = waiting
        self._pipes.write(orjson.dumps(_question(id_, sample)))
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await waiting
        except TimeoutError as error:
            raise self._error(f"did not judge within {format_duration(self._timeout)}") from error
        finally:
            if self._waiting.pop(id_, None):
                self._given_up.add(id_)

    async def close(self) -> None:
        """As in Evaluator."""
        if self._connecting:
            self._connecting.cancel()
        self._pipes.close()

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(START):
                await self._pipes.connect(self._heard, self._end)
        except TimeoutError:
            self._end(f"did not start within {START:g} s")
        except OSError as error:
            self._end(f"can't be reached: {error.strerror}")

    def _heard(self, line: bytes) -> None:
        try:
            said = orjson.loads(line)
            id_ = str(said["id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self._fail_all(f"wrote a line that is no JSON object with an id: {line[:80].decode(errors='replace')!r}")
            return
        if id_ in self._given_up:
            self._given_up.remove(id_)
        elif id_ in self._waiting:
            _settle(self._waiting.pop(id_), self._judgement(said))
        else:
            self._fail_all(f"judged {id_[:40]!r}, which it was not asked about or has judged before")

    def _judgement(self, said: Mapping[str, Any]) -> Judgement | EvaluatorError:
        score, reason = said.get("score"), said.get("reason")
        if not isinstance(score, int | float) or not math.isfinite(score):
            return self._error("gave no score that is a number")
        return Judgement(float(score), score >= self._threshold, reason if isinstance(reason, str) else "")

    def _end(self, how: str) -> None:
        self._lost = self._lost or how
        self._fail_all(how)

    def _fail_all(self, why: str) -> None:
        """Whose judgement it was to be nobody knows."""
        for id_, waiting in self._waiting.items():
            self._given_up.add(id_)
            _settle(waiting, self._error(why))
        self._waiting.clear()

    def _error(self, what: str) -> EvaluatorError:
        return EvaluatorError(f"the container of {self._name} {what}")


def _settle(waiting: "asyncio.Future[Judgement]", result: Judgement | EvaluatorError) -> None:
    if waiting.done():
        return  # given up a moment ago
    if isinstance(result, EvaluatorError):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)


def _question(id_: str, sample: Sample) -> dict[str, Any]:
    row = sample.row
    return {
        "id": id_,
        "row": row.id,
        "query": row.query,
        "answer": sample.answer.text,
        "expected": row.expected,
        "context": row.context,
        "variables": row.variables,
        "tags": row.tags,
    }
