"""A program of the team's own judges: real processes on real pipes, started as a container's shell starts them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from genaiops.evaluation import container
from genaiops.evaluation.container import Container
from genaiops.evaluation.judgement import EvaluatorError
from genaiops.evaluation.places import Places

from .given import evaluator, sample

pytestmark = pytest.mark.timeout(240)

# What the programs below have in common.
HEAD = """import json, sys
def say(**o): print(json.dumps(o), flush=True)
for line in sys.stdin:
    got = json.loads(line)
"""
BY_LENGTH = HEAD + "    say(id=got['id'], score=len(got['answer']), reason='its length')\n"

Start = Callable[[str], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(pipes=tmp_path)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a program with its standard input and output on the pipes, as soon as they are there."""
    processes = []

    async def started(program: str) -> asyncio.subprocess.Process:
        script = tmp_path / "program.py"
        script.write_text(program)
        pipes = tmp_path / "length"
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", f'exec "$@" < {pipes}/in > {pipes}/out', "sh", sys.executable, str(script)
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.fixture
async def build(places: Places) -> AsyncIterator[Callable[..., Container]]:
    built = []

    def made(**fields: Any) -> Container:
        it: Any = evaluator(
            "Container",
            places=places,
            name="length",
            threshold=fields.pop("threshold", 5),
            container={"image": "scorer:1", "command": ["score"], **fields},
        )
        built.append(it)
        return it

    yield made
    for it in built:
        await it.close()


async def test_a_program_scores_answers(build: Any, start: Start) -> None:
    it = build()
    await start(BY_LENGTH)

    found = await it.judge(sample("Paris."))

    assert (found.score, found.passed, found.reason) == (6, True, "its length")
    assert not (await it.judge(sample("Rom."))).passed


async def test_a_program_that_comes_late_is_waited_for(build: Any, start: Start) -> None:
    it = build()
    first = asyncio.create_task(it.judge(sample("Paris.")))
    await asyncio.sleep(0)

    await start(BY_LENGTH)

    assert (await first).score == 6


async def test_it_gets_what_is_known_of_row_and_answer(build: Any, start: Start) -> None:
    it = build(threshold=0)
    await start(HEAD + "    id = got.pop('id'); say(id=id, score=0, reason=json.dumps(got, sort_keys=True))\n")

    found = await it.judge(sample("Paris.", "It is\nPariß", context="Geography", tags=["easy"]))

    assert found.reason == (
        '{"answer": "Paris.", "context": "Geography", "expected": "It is\\nPari\\u00df", "query": "What now?", '
        '"row": "r1", "tags": ["easy"], "variables": {}}'
    )


async def test_many_at_a_time_get_each_its_own_score_in_whatever_order(build: Any, start: Start) -> None:
    it = build()
    await start(
        "import json, sys\nwaiting = []\nfor line in sys.stdin:\n    waiting.append(json.loads(line))\n"
        "    if len(waiting) == 50:\n"
        "        for got in reversed(waiting): print(json.dumps({'id': got['id'], 'score': len(got['answer'])}))\n"
        "        sys.stdout.flush(); waiting.clear()\n"
    )

    found = await asyncio.gather(*(it.judge(sample("x" * n)) for n in range(50)))

    assert [one.score for one in found] == list(range(50))


async def test_answers_larger_than_a_pipe_go_through(build: Any, start: Start) -> None:
    it = build()
    await start(BY_LENGTH)

    found = await asyncio.gather(*(it.judge(sample("x" * 300_000)) for _ in range(5)))

    assert {one.score for one in found} == {300_000}


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("print('loading model', flush=True)", "wrote a line that is no JSON object with an id: 'loading model'"),
        ("print('[1]', flush=True)", "wrote a line that is no JSON object with an id"),
        ("say(score=1)", "wrote a line that is no JSON object with an id"),
        ("say(id='77', score=1)", "judged '77', which it was not asked about or has judged before"),
        ("say(id=got['id'], score='good')", "gave no score that is a number"),
        ("say(id=got['id'], score=float('nan'))", "wrote a line that is no JSON object"),
        ("say(id=got['id'])", "gave no score that is a number"),
        ("print('x' * 2_000_000, flush=True)", "wrote a line of more than 1 MiB"),
        ("sys.exit(1)", "ended"),
    ],
)
async def test_what_is_no_score_is_an_error_that_names_the_evaluator(
    build: Any, start: Start, says: str, why: str
) -> None:
    it = build()
    await start(HEAD + f"    {says}\n")

    with pytest.raises(EvaluatorError) as refusal:
        await it.judge(sample("Paris."))

    assert f"the container of length {why}" in str(refusal.value)


async def test_a_stray_line_costs_what_was_under_way_and_nothing_after_it(build: Any, start: Start) -> None:
    """The score that comes after all belongs to an answer that was given up: it is nobody's surprise."""
    it = build()
    await start(HEAD + "    if got['answer'] == 'odd': print('hm', flush=True)\n    say(id=got['id'], score=5)\n")

    with pytest.raises(EvaluatorError, match="'hm'"):
        await it.judge(sample("odd"))

    assert [(await it.judge(sample("even"))).score for _ in range(3)] == [5, 5, 5]


async def test_an_answer_that_takes_too_long_is_given_up_alone(build: Any, start: Start) -> None:
    it = build(timeout="3s")
    await start(HEAD + "    if got['answer'] != 'hard': say(id=got['id'], score=5)\n")
    assert (await it.judge(sample("easy"))).score == 5

    hard, easy = await asyncio.gather(it.judge(sample("hard")), it.judge(sample("easy")), return_exceptions=True)

    assert str(hard) == "the container of length did not judge within 3s"
    assert easy.score == 5


async def test_a_program_that_has_ended_judges_nothing_more(build: Any, start: Start) -> None:
    it = build()
    process = await start(BY_LENGTH)
    await it.judge(sample("Paris."))
    process.kill()
    await process.wait()

    for _ in range(2):
        with pytest.raises(EvaluatorError, match="the container of length ended"):
            await it.judge(sample("Paris."))


async def test_a_program_that_never_starts_is_told_of(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "START", 0.2)
    it = build()

    for _ in range(2):
        with pytest.raises(EvaluatorError, match=r"the container of length did not start within 0\.2 s"):
            await it.judge(sample("Paris."))


async def test_a_program_ends_when_its_evaluator_is_let_go(build: Any, start: Start) -> None:
    it = build()
    process = await start(BY_LENGTH)
    await it.judge(sample("Paris."))

    await it.close()

    assert await process.wait() == 0


async def test_an_evaluator_that_starts_anew_finds_its_pipes(build: Any, places: Places) -> None:
    build()
    build()

    assert (places.pipes / "length" / "in").is_fifo()
    assert (places.pipes / "length" / "out").stat().st_mode & 0o777 == 0o666
