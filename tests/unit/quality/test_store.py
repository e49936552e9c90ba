"""What is kept: once each, of the app's own, no longer than it should be; the same in both databases."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genaiops.quality.curated import rows
from genaiops.quality.store import Judged, Kind, Store
from genaiops.quality.summary import summary

from .given import NOON, V1, V2, a_sample, said

pytestmark = pytest.mark.timeout(240)

GOOD = Judged("relevance", 5.0, True, reason="to the point")
BAD = Judged("relevance", 1.0, False, reason="of something else")


async def test_a_sample_is_kept_once_and_judged_once(store: Store) -> None:
    sample = a_sample()
    await store.add(sample)
    await store.add(sample)

    assert [waiting.id for waiting in await store.unjudged(10)] == [sample.id]
    assert (await store.unjudged(10))[0].messages == sample.messages
    assert await store.judge(sample.id, [GOOD])
    assert not await store.judge(sample.id, [BAD])
    assert await store.unjudged(10) == []
    assert await store.backlog() == 0


async def test_later_feedback_replaces_earlier_and_a_late_retry_replaces_nothing(store: Store) -> None:
    sample = a_sample()
    await store.add(sample)
    await store.say(said(sample, "up", time=NOON.isoformat()))
    await store.say(said(sample, "down", time=(NOON + timedelta(minutes=1)).isoformat(), comment="wrong parcel"))
    await store.say(said(sample, "up", time=NOON.isoformat()))

    (told,) = summary(*await store.counts(None))
    assert told["feedback"] | {"negative": None} == {
        "up": 0,
        "down": 1,
        "comments": 1,
        "corrections": 0,
        "score": None,
        "negative": None,
    }


async def test_answers_become_rows_of_a_dataset_by_why_they_are_worth_one(store: Store) -> None:
    fine, flagged, corrected, low, disliked = (
        a_sample(),
        a_sample(guardrails=["pii"]),
        a_sample(),
        a_sample(),
        a_sample(),
    )
    for sample in (fine, flagged, corrected, low, disliked):
        await store.add(sample)
    await store.judge(low.id, [BAD])
    await store.judge(fine.id, [GOOD])
    await store.say(said(corrected, "up", correction="It arrives on Monday."))
    await store.say(said(disliked, "down"))

    found = {kind: list(rows(await store.curated(kind, None, 10), kind)) for kind in Kind}

    assert {kind: [row.id for row in made] for kind, made in found.items()} == {
        Kind.FLAGGED: [flagged.id[-32:]],
        Kind.CORRECTED: [corrected.id[-32:]],
        Kind.LOW_SCORED: [low.id[-32:]],
        Kind.NEGATIVE: [disliked.id[-32:]],
    }
    (row,) = found[Kind.CORRECTED]
    assert (row.query, row.expected, row.tags) == (
        "Where is my parcel?",
        "It arrives on Monday.",
        ["corrected", V1],
    )


async def test_the_newest_rows_come_first_and_a_correction_counts_from_when_it_was_given(store: Store) -> None:
    old, new = a_sample(time=(NOON - timedelta(days=9)).isoformat()), a_sample()
    for sample in (old, new):
        await store.add(sample)
        await store.say(said(sample, "down", correction="better"))

    assert [found.id for found in await store.curated(Kind.CORRECTED, None, 1)] == [new.id]
    assert len(await store.curated(Kind.CORRECTED, NOON - timedelta(hours=1), 10)) == 2


async def test_what_is_too_old_is_deleted_with_its_judgements(store: Store, engine: AsyncEngine) -> None:
    old, new = a_sample(time=(NOON - timedelta(days=31)).isoformat()), a_sample()
    for sample in (old, new):
        await store.add(sample)
        await store.judge(sample.id, [GOOD])
        await store.say(said(sample, time=sample.time.isoformat()))

    assert await store.forget(NOON - timedelta(days=30)) == 2

    (told,) = summary(*await store.counts(None))
    assert (told["samples"], told["evaluators"][0]["judged"], told["feedback"]["up"]) == (1, 1, 1)


async def test_apps_that_share_a_database_see_their_own_only(store: Store, engine: AsyncEngine) -> None:
    other = Store(engine, "other-team", "support")
    sample = a_sample()
    await store.add(sample)
    await other.say(said(sample, "down", correction="mine"))

    assert await other.unjudged(10) == []
    assert await store.curated(Kind.CORRECTED, None, 10) == []
    assert await other.forget(NOON + timedelta(days=1)) == 1
    assert await store.backlog() == 1


async def test_a_release_is_told_with_its_shares_and_their_intervals(store: Store) -> None:
    for judged in [GOOD] * 8 + [BAD] * 2:
        sample = a_sample(V2)
        await store.add(sample)
        await store.judge(sample.id, [judged, Judged("polite", error="the judge failed")])
    await store.add(a_sample(V1, time=(NOON - timedelta(hours=1)).isoformat()))

    newest, older = summary(*await store.counts(None))

    assert (newest["release"], older["release"], older["waiting"]) == (V2, V1, 1)
    polite, relevance = newest["evaluators"]
    assert (polite["judged"], polite["errors"], polite["score"], polite["defects"]) == (0, 10, None, None)
    assert relevance["score"] == 4.2
    # Wilson's interval for 2 of 10, as in statsmodels' proportion_confint.
    assert relevance["defects"] == {"count": 2, "of": 10, "share": 0.2, "lower": 0.0567, "upper": 0.5098}


async def test_text_that_a_database_can_t_hold_does_no_harm(store: Store) -> None:
    await store.add(a_sample(answer="a\x00b", messages=[{"role": "user", "content": "\x00'; DROP TABLE x; --"}]))
    (found,) = await store.unjudged(1)
    assert found.answer == "a\ufffdb"
    assert found.question == "\ufffd'; DROP TABLE x; --"
