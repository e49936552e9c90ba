"""A run from its file to its termination message: a real process, real releases, real files."""

import hashlib
import json
import signal
from decimal import Decimal
from pathlib import Path
from threading import Semaphore

import pytest

from evaluation import files
from evaluation.evaluator import Pod, rows
from evaluation.release import Reply, serving
from genaiops.api.evaluation import EvaluationPhase

ERROR = EvaluationPhase.ERROR


def inline(count: int) -> dict[str, object]:
    return {"dataset": {"rows": rows(count)}}


def test_a_good_release_passes(tmp_path: Path) -> None:
    with serving() as release, serving() as stable:
        pod = Pod(tmp_path, inline(30) | {"parallelism": 3}, release.address, stable.address)
        said = pod.finish()

    assert said.phase is EvaluationPhase.PASSED
    assert (said.done, said.total) == (30, 30)
    assert said.message == "exact: 100 % of 30 answers pass (89 to 100 %); against stable +0 points (-11 to +11)"
    assert said.tokens == 30 * 2 * 15
    assert said.cost == Decimal("0.0012")
    assert said.dataset_hash
    assert sorted(release.asked) == sorted(stable.asked) == sorted(row["query"] for row in rows(30))
    assert len(pod.records()) == 30
    page = (pod.results / "report.html").read_text()
    assert "golden-1: support-bbbbbbbbbb against support-aaaaaaaaaa" in page


def test_a_worse_release_fails_with_the_numbers_and_the_rows_that_went_worst(tmp_path: Path) -> None:
    def worse(text: str, _: int) -> Reply:
        return Reply("no idea" if text.endswith(("1", "2", "3")) else text)

    with serving(worse) as release, serving() as stable:
        said = Pod(tmp_path, inline(20), release.address, stable.address).finish()

    assert said.phase is EvaluationPhase.FAILED
    assert said.message.startswith("exact: 70 % of 20 answers pass (48 to 85 %), needs 90 %; against stable -30 points")
    assert {row.id for row in said.worst} <= {"r1", "r2", "r3", "r11", "r12", "r13"}
    assert len(said.worst) == 3


def test_the_log_has_every_row_as_one_line_whatever_the_model_says(tmp_path: Path) -> None:
    with serving(lambda *_: Reply('\x1b[2J{"level": "info"}\n\u2028\u202e')) as release:
        pod = Pod(tmp_path, inline(3), release.address).start()
        _, logged = pod.end()

    found = [line for line in logged if "candidate" in line]
    assert sorted(line["id"] for line in found) == ["r0", "r1", "r2"]
    assert all(line["candidate"]["text"].startswith("\x1b[2J") for line in found)
    assert (pod.results / "rows.jsonl").read_bytes().isascii()


def test_what_was_done_before_the_container_died_is_not_done_again(tmp_path: Path) -> None:
    with serving() as release:
        release.gate = Semaphore(10)
        pod = Pod(tmp_path, inline(20) | {"parallelism": 2}, release.address).start()
        assert pod.await_done(10).phase is EvaluationPhase.RUNNING
        assert pod.kill() == -signal.SIGKILL
        release.gate.release(1000)
        code, logged = pod.start().end()

    assert code == 0
    assert pod.said().phase is EvaluationPhase.PASSED
    assert pod.said().done == 20
    assert sorted(record["id"] for record in pod.records()) == sorted(row["id"] for row in rows(20))
    # The ten that were done were asked once, and of the others only the two that were under way again.
    assert len(release.asked) <= 22
    assert set(release.asked) == {row["query"] for row in rows(20)}
    # Who reads the log of the new container finds all rows in it.
    assert len({line["id"] for line in logged if "candidate" in line}) == 20


def test_a_row_that_was_half_written_is_asked_again(tmp_path: Path) -> None:
    with serving() as release:
        pod = Pod(tmp_path, inline(3), release.address)
        whole = pod.finish()
        file = pod.results / "rows.jsonl"
        file.write_bytes(file.read_bytes()[:-20])
        again = pod.finish()

    assert again.evaluators == whole.evaluators
    assert len(release.asked) == 4
    assert len(pod.records()) == 3


def test_the_rows_of_another_evaluation_of_the_name_are_not_its_own(tmp_path: Path) -> None:
    with serving() as release:
        pod = Pod(tmp_path, inline(3), release.address)
        pod.finish()
        pod.changes = {"uid": "u2"}
        pod.finish()

    assert len(release.asked) == 6


def test_a_container_that_is_told_to_stop_stops_and_goes_on_later(tmp_path: Path) -> None:
    with serving() as release:
        release.gate = Semaphore(4)
        pod = Pod(tmp_path, inline(8) | {"parallelism": 1}, release.address).start()
        pod.await_done(4)
        assert pod.kill(signal.SIGTERM) == 143
        assert not (tmp_path / "termination-log").exists()
        release.gate.release(1000)
        assert pod.finish().done == 8

    assert len(release.asked) <= 9


def test_as_many_rows_are_worked_on_at_a_time_as_the_suite_says(tmp_path: Path) -> None:
    with serving() as release:
        release.gate = Semaphore(0)
        pod = Pod(tmp_path, inline(9) | {"parallelism": 3}, release.address).start()
        release.await_under_way(3)
        release.gate.release(1000)
        pod.end()

    assert release.at_once == 3


def test_each_row_is_asked_as_often_as_the_suite_says(tmp_path: Path) -> None:
    with serving(lambda text, before: Reply(text if before % 2 else "no idea")) as release:
        said = Pod(tmp_path, inline(5) | {"repeats": 4}, release.address).finish()

    assert (said.done, said.total) == (20, 20)
    assert len(release.asked) == 20
    (result,) = said.evaluators
    assert (result.judged, result.passed) == (20, 10)


def test_a_release_that_does_not_answer_fails(tmp_path: Path) -> None:
    error = {"message": "the model's server answered with status 401"}
    with serving(lambda *_: Reply(status=502, error=error)) as release:
        said = Pod(tmp_path, inline(3), release.address).finish()

    assert said.phase is EvaluationPhase.FAILED
    assert "3 were not answered" in said.message
    assert said.worst[0].reason == "not answered: it answers 502: the model's server answered with status 401"


def test_one_that_is_not_there_is_no_failure_but_an_error(tmp_path: Path) -> None:
    said = Pod(tmp_path, inline(3), "http://127.0.0.1:9", patience=0.5).finish()

    assert said.phase is ERROR
    assert said.message.startswith("http://127.0.0.1:9/v1/chat/completions can't be reached within 0.5 s: ")


def test_a_run_ends_at_its_deadline(tmp_path: Path) -> None:
    with serving() as release:
        release.gate = Semaphore(3)
        said = Pod(tmp_path, inline(9) | {"deadline": "3s", "parallelism": 1}, release.address).finish()

    assert said.phase is ERROR
    assert said.message == "the run took longer than its deadline of 3s: 3 of 9 rows are done"
    assert said.evaluators[0].judged == 3


def test_a_run_ends_at_its_budget(tmp_path: Path) -> None:
    with serving() as release:
        said = Pod(tmp_path, inline(50) | {"maxCost": "0.00006", "parallelism": 1}, release.address).finish()

    assert said.phase is ERROR
    assert said.message == "the run has cost 0.00006, and may cost 0.00006: 3 of 50 rows are done"
    assert len(release.asked) == 3


def test_a_dataset_that_is_no_good_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "config-map").mkdir()
    (tmp_path / "config-map" / "rows.jsonl").write_text('{"query": "fine"}\n{"question": "?"}\n')
    suite = {"dataset": {"configMapRef": {"name": "golden", "key": "rows.jsonl"}}}
    said = Pod(tmp_path, suite, "http://127.0.0.1:9").finish()

    assert said.phase is ERROR
    assert said.message == ("ConfigMap golden, rows.jsonl: 1 of 2 rows can't be used: line 2: has no query (or input)")


def test_a_table_in_a_volume_is_asked(tmp_path: Path) -> None:
    (tmp_path / "volume" / "sets").mkdir(parents=True)
    content = b"input,expected_output\nHi,Hi\nBye,So long\n"
    (tmp_path / "volume" / "sets" / "golden.csv").write_bytes(content)
    with serving() as release:
        suite = {"dataset": {"volume": {"claim": "data", "path": "sets/golden.csv"}}}
        said = Pod(tmp_path, suite, release.address).finish()

    assert said.evaluators[0].passed == 1
    assert said.dataset_hash == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("run", ["{}", "no json", '{"evaluation": "golden-1", "from": "tomorrow"}'])
def test_a_run_that_it_does_not_understand_is_told(tmp_path: Path, run: str) -> None:
    pod = Pod(tmp_path, inline(1), "http://127.0.0.1:9")
    pod.written = run

    said = pod.finish()

    assert said.phase is ERROR
    assert "can't read what it is to do" in said.message


def test_progress_is_told_while_it_runs(tmp_path: Path) -> None:
    with serving() as release:
        release.gate = Semaphore(5)
        pod = Pod(tmp_path, inline(7) | {"parallelism": 1}, release.address).start()
        said = pod.await_done(5)
        release.gate.release(1000)
        pod.end()

    assert said.phase is EvaluationPhase.RUNNING
    assert (said.done, said.total, said.message) == (5, 7, "asking and judging")
    assert json.loads((pod.results / "summary.json").read_text())["phase"] == "Passed"


@pytest.mark.parametrize("keys", [True, False])
def test_rows_and_report_are_kept_in_a_store(tmp_path: Path, keys: bool) -> None:
    secrets = {"accessKey": {"name": "store", "key": "id"}, "secretKey": {"name": "store", "key": "secret"}}
    (tmp_path / "secrets" / "store").mkdir(parents=True)
    (tmp_path / "secrets" / "store" / "id").write_text(files.ACCESS)
    (tmp_path / "secrets" / "store" / "secret").write_text(files.SECRET)
    with serving() as release, files.serving() as store:
        store.signed = True
        kept = {"s3": "s3://bucket/runs", "endpoint": store.address, **(secrets if keys else {})}
        pod = Pod(tmp_path, inline(3) | {"store": kept}, release.address)
        said = pod.finish()

    assert said.phase is EvaluationPhase.PASSED
    if keys:
        names = ("rows.jsonl", "summary.json", "report.html")
        assert set(store.content) == {f"/bucket/runs/golden-1/{name}" for name in names}
        assert store.content["/bucket/runs/golden-1/rows.jsonl"] == (pod.results / "rows.jsonl").read_bytes()
    else:
        # The result stands; that nobody will find the rows is said.
        assert "; the rows are not stored: s3://bucket/runs can't be written" in said.message
