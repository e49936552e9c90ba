"""What is kept of one app: samples, judgements, feedback; written once each, read back, deleted when it is old."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from genaiops.api.samples import GivenFeedback, LiveSample, SampledMessage, release_of
from genaiops.quality.tables import FEEDBACK, JUDGEMENTS, SAMPLES

_NUL: Final = "\x00"
"""The one character that PostgreSQL can't store in a text."""


class Kind(StrEnum):
    """Why an answer is worth a row of a dataset."""

    FLAGGED = "flagged"
    CORRECTED = "corrected"
    LOW_SCORED = "low-scored"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Judged:
    """What one evaluator said of one sample, or why it could not."""

    evaluator: str
    score: float | None = None
    passed: bool | None = None
    error: str | None = None
    reason: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Curated:
    """A sample that is worth a row, with the right answer where somebody gave one."""

    id: str
    release: str
    question: str
    correction: str | None


class Store:
    """The rows of one app. Every method raises SQLAlchemyError or OSError where the database does not answer."""

    def __init__(self, engine: AsyncEngine, namespace: str, app: str) -> None:
        self._engine = engine
        self._app = f"{namespace}/{app}"
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def reach(self) -> None:
        """Ask for nothing."""
        async with self._engine.connect() as connection:
            await connection.execute(sa.select(sa.literal(1)))

    async def add(self, sample: LiveSample) -> None:
        """Keep a sample, to be judged where chance drew it; one that is there already stays."""
        row = {
            "app": self._app,
            "id": sample.id,
            "release": sample.release,
            "prompt_version": _clean(sample.prompt_version),
            "at": _stamp(sample.time),
            "question": _clean(sample.question),
            "messages": [{"role": m.role, "content": _clean(m.content)} for m in sample.messages],
            "answer": _clean(sample.answer),
            "refused": sample.refused,
            "shadow": sample.shadow,
            "guardrails": [_clean(name) for name in sample.guardrails],
            "flagged": bool(sample.guardrails) or sample.refused,
            "seconds": sample.seconds,
            "first_token": sample.first_token,
            "input_tokens": sample.input_tokens,
            "output_tokens": sample.output_tokens,
            # What was not drawn by chance would make a rate of defects that no user meets.
            "judged": not sample.drawn,
        }
        async with self._engine.begin() as connection:
            await connection.execute(self._insert(SAMPLES).values(row).on_conflict_do_nothing())

    async def say(self, feedback: GivenFeedback) -> None:
        """Keep what somebody said of an answer, in place of what was said of it before."""
        said = {
            "release": release_of(feedback.id),
            "at": _stamp(feedback.time),
            "rating": feedback.rating,
            "score": feedback.score,
            "comment": _clean(feedback.comment) if feedback.comment else None,
            "correction": _clean(feedback.correction) if feedback.correction else None,
        }
        insert = self._insert(FEEDBACK).values(app=self._app, id=feedback.id, **said)
        # A retry that comes late must not replace what was said after it.
        newer = insert.excluded.at >= FEEDBACK.c.at
        replaced = insert.on_conflict_do_update(index_elements=["app", "id"], set_=said, where=newer)
        async with self._engine.begin() as connection:
            await connection.execute(replaced)

    async def unjudged(self, limit: int) -> list[LiveSample]:
        """Samples that are still to be judged, the oldest first."""
        query = (
            sa.select(SAMPLES)
            .where(SAMPLES.c.app == self._app, SAMPLES.c.judged.is_(False))
            .order_by(SAMPLES.c.at)
            .limit(limit)
        )
        return [_sample(row) for row in await self._read(query)]

    async def backlog(self) -> int:
        """How many samples are still to be judged."""
        query = sa.select(sa.func.count().label("n")).where(SAMPLES.c.app == self._app, SAMPLES.c.judged.is_(False))
        return int((await self._read(query))[0]["n"])

    async def judge(self, sample: str, judgements: Sequence[Judged]) -> bool:
        """Keep the judgements of a sample, all or none; False where it was judged, or deleted, in the meantime."""
        mark = (
            sa.update(SAMPLES)
            .where(SAMPLES.c.app == self._app, SAMPLES.c.id == sample, SAMPLES.c.judged.is_(False))
            .values(judged=True)
        )
        rows = [
            {
                "app": self._app,
                "sample": sample,
                "evaluator": each.evaluator,
                "at": _stamp(datetime.now(UTC)),
                "score": each.score,
                "passed": each.passed,
                "error": _clean(each.error) if each.error else None,
                "reason": _clean(each.reason),
                "tokens": each.tokens,
            }
            for each in judgements
        ]
        async with self._engine.begin() as connection:
            if not (await connection.execute(mark)).rowcount:
                return False
            if rows:
                await connection.execute(self._insert(JUDGEMENTS).values(rows).on_conflict_do_nothing())
        return True

    async def curated(self, kind: Kind, since: datetime | None, limit: int) -> list[Curated]:
        """Sampled answers that are worth a row, the newest first."""
        said = sa.and_(FEEDBACK.c.app == SAMPLES.c.app, FEEDBACK.c.id == SAMPLES.c.id)
        query = (
            sa.select(SAMPLES.c.id, SAMPLES.c.release, SAMPLES.c.question, FEEDBACK.c.correction)
            .select_from(SAMPLES.outerjoin(FEEDBACK, said))
            .where(SAMPLES.c.app == self._app, _is(kind))
            .order_by(SAMPLES.c.at.desc(), SAMPLES.c.id)
            .limit(limit)
        )
        if since:
            # What counts is when somebody learnt of it: a correction may come weeks after the answer.
            query = query.where(sa.func.coalesce(FEEDBACK.c.at, SAMPLES.c.at) >= _stamp(since))
        return [Curated(**row) for row in await self._read(query)]

    async def counts(self, since: datetime | None) -> tuple[list[Mapping[str, Any]], ...]:
        """Of samples, judgements and feedback, what `summary` makes its table of: one row per release (and evaluator).

        Judgements count to the time of their sample.
        """
        start = _stamp(since) if since else 0
        mine, heard = (
            (SAMPLES.c.app == self._app, SAMPLES.c.at >= start),
            (FEEDBACK.c.app == self._app, FEEDBACK.c.at >= start),
        )
        of_sample = sa.and_(JUDGEMENTS.c.app == SAMPLES.c.app, JUDGEMENTS.c.sample == SAMPLES.c.id)
        samples = (
            sa.select(
                SAMPLES.c.release,
                sa.func.count().label("samples"),
                _how_many(SAMPLES.c.flagged).label("flagged"),
                _how_many(SAMPLES.c.judged.is_(False)).label("waiting"),
                sa.func.max(SAMPLES.c.at).label("last"),
            )
            .where(*mine)
            .group_by(SAMPLES.c.release)
        )
        judgements = (
            sa.select(
                SAMPLES.c.release,
                JUDGEMENTS.c.evaluator,
                sa.func.count(JUDGEMENTS.c.passed).label("judged"),
                _how_many(JUDGEMENTS.c.passed.is_(False)).label("defects"),
                sa.func.count(JUDGEMENTS.c.error).label("errors"),
                sa.func.avg(JUDGEMENTS.c.score).label("score"),
            )
            .select_from(SAMPLES.join(JUDGEMENTS, of_sample))
            .where(*mine)
            .group_by(SAMPLES.c.release, JUDGEMENTS.c.evaluator)
        )
        feedback = (
            sa.select(
                FEEDBACK.c.release,
                _how_many(FEEDBACK.c.rating == "up").label("up"),
                _how_many(FEEDBACK.c.rating == "down").label("down"),
                sa.func.count(FEEDBACK.c.comment).label("comments"),
                sa.func.count(FEEDBACK.c.correction).label("corrections"),
                sa.func.avg(FEEDBACK.c.score).label("score"),
                sa.func.max(FEEDBACK.c.at).label("last"),
            )
            .where(*heard)
            .group_by(FEEDBACK.c.release)
        )
        return await self._read(samples), await self._read(judgements), await self._read(feedback)

    async def forget(self, before: datetime) -> int:
        """Delete what is older, and judgements with their samples; how many samples and feedbacks that were."""
        gone = 0
        async with self._engine.begin() as connection:
            for table in (SAMPLES, FEEDBACK):
                old = sa.delete(table).where(table.c.app == self._app, table.c.at < _stamp(before))
                gone += (await connection.execute(old)).rowcount
        return gone

    async def _read(self, query: sa.Select[Any]) -> list[Mapping[str, Any]]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())


def _is(kind: Kind) -> sa.ColumnElement[bool]:
    match kind:
        case Kind.FLAGGED:
            return SAMPLES.c.flagged
        case Kind.CORRECTED:
            return FEEDBACK.c.correction.is_not(None)
        case Kind.NEGATIVE:
            return FEEDBACK.c.rating == "down"
        case Kind.LOW_SCORED:
            below = sa.select(1).where(
                JUDGEMENTS.c.app == SAMPLES.c.app, JUDGEMENTS.c.sample == SAMPLES.c.id, JUDGEMENTS.c.passed.is_(False)
            )
            return sa.exists(below)


def _how_many(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _sample(row: Mapping[str, Any]) -> LiveSample:
    # It was checked when it came.
    return LiveSample.model_construct(
        id=row["id"],
        release=row["release"],
        prompt_version=row["prompt_version"],
        time=datetime.fromtimestamp(row["at"] / 1000, UTC),
        messages=[SampledMessage.model_construct(**message) for message in row["messages"]],
        answer=row["answer"],
        refused=row["refused"],
        guardrails=row["guardrails"],
        seconds=row["seconds"],
        first_token=row["first_token"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        shadow=row["shadow"],
    )


def _stamp(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _clean(text: str) -> str:
    return text.replace(_NUL, "\ufffd")
