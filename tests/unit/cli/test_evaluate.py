"""Runs of suites: asked for, followed to their end, compared, and made into a page."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type, meanwhile

RELEVANCE = {
    "name": "relevance",
    "type": "Similarity",
    "judged": 100,
    "errors": 2,
    "score": "0.61",
    "passed": 71,
    "lower": "0.61",
    "upper": "0.79",
    "stablePassed": 95,
    "difference": "-0.24",
    "differenceLower": "-0.33",
    "differenceUpper": "-0.17",
    "ok": False,
    "message": "relevance: 71 % of 100 answers pass (61 to 79 %), needs 90 %",
}


def evaluation(name: str, phase: str = "", **status: Any) -> given.Raw:
    """A run on the candidate against stable."""
    metadata = {"name": name, "namespace": "shop", "generation": 1, "labels": {}, "resourceVersion": "1"}
    spec = {"app": "support", "suite": "golden", "release": given.CANDIDATE, "baseline": given.STABLE}
    told = {"phase": phase, **status} if phase else {}
    return {"kind": "Evaluation", "metadata": metadata, "spec": spec, "status": told}


def failed(name: str = "golden-1", **status: Any) -> given.Raw:
    worst = [{"id": "r7", "evaluator": "relevance", "score": "0.1", "reason": "it does not answer"}]
    fields = {"evaluators": [RELEVANCE], "worst": worst, "progress": "100/100", "message": RELEVANCE["message"]}
    return evaluation(name, "Failed", **fields, **status)


def passed(name: str = "golden-2", **status: Any) -> given.Raw:
    better = {**RELEVANCE, "passed": 96, "lower": "0.90", "upper": "0.98", "difference": "0.01", "ok": True}
    fields = {"evaluators": [better], "progress": "100/100", "message": "relevance: 96 % of 100 answers pass"}
    return evaluation(name, "Passed", **fields, **status)


def sent(cluster: ApiServer) -> given.Raw:
    (spec,) = cluster.created("Evaluation")
    return spec


# --- asking for a run --------------------------------------------------------------------------------------


def test_the_candidate_is_judged_against_stable(cluster: ApiServer, genaiops: Type) -> None:
    printed = genaiops("eval", "run", "support", "--suite", "golden")

    assert printed.code == 0, printed.err
    assert sent(cluster) == {
        "app": "support",
        "suite": "golden",
        "release": given.CANDIDATE,
        "baseline": given.STABLE,
        "fresh": False,
    }
    assert printed.out.endswith(": golden on support-bbbbbbbbbb (prompt v2) against support-aaaaaaaaaa (prompt v1)\n")


def test_a_release_is_named_as_everywhere_and_an_app_with_one_suite_needs_none(
    cluster: ApiServer, genaiops: Type
) -> None:
    cluster.put(given.app(evaluations=[{"suite": "golden"}]))

    assert genaiops("eval", "run", "support", "--release", "v1", "--fresh").code == 0

    assert sent(cluster) == {"app": "support", "suite": "golden", "release": given.STABLE, "fresh": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--suite: name one; support names none in spec.evaluations"),
        (("--suite", "golden", "--release", "v9"), "support has no release 'v9'"),
        (("--suite", "golden", "--release", "v2", "--baseline", "v2"), "is not compared with itself"),
    ],
)
def test_what_can_not_be_asked_for_is_told_before_anything_is_sent(
    cluster: ApiServer, genaiops: Type, arguments: tuple[str, ...], said: str
) -> None:
    printed = genaiops("eval", "run", "support", *arguments)

    assert printed.code == 2
    assert said in printed.err
    assert not cluster.created("Evaluation")


def test_whoever_waits_is_told_how_far_it_is_and_how_it_ended(cluster: ApiServer, genaiops: Type) -> None:
    def story() -> None:
        cluster.await_watchers(1)
        (made,) = [name for kind, name in cluster.objects if kind == "Evaluation"]
        cluster.put(evaluation(made, "Running", progress="12/100", message="asking and judging"))
        cluster.put(passed(made))

    with meanwhile(story):
        printed = genaiops("eval", "run", "support", "--suite", "golden", "--wait")

    assert printed.code == 0
    assert "Running 12/100 asking and judging" in printed.err or "Passed" in printed.out
    assert "96 % of 100" in printed.out
    assert "Passed: relevance: 96 % of 100 answers pass" in printed.out


# --- following ---------------------------------------------------------------------------------------------


def test_a_failed_release_is_told_with_its_numbers_and_the_code_says_so(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(failed())

    printed = genaiops("eval", "watch", "golden-1")

    assert printed.code == 1
    header, row, _, worst_header, worst = printed.out.splitlines()
    assert header.split() == [
        "EVALUATOR",
        "RESULT",
        "PASS",
        "INTERVAL",
        "STABLE",
        "DIFFERENCE",
        "SCORE",
        "NOT",
        "JUDGED",
    ]
    assert " ".join(row.split()) == ("relevance Failed 71 % of 100 61 to 79 % 95 pass -24 points (-33 to -17 %) 0.61 2")
    assert worst_header.split()[:2] == ["WORST", "ROW"]
    assert worst.split()[:3] == ["r7", "relevance", "0.1"]
    assert "needs 90 %" in printed.err


def test_no_result_has_a_code_of_its_own(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(evaluation("golden-1", "Error", message="the dataset is empty"))

    printed = genaiops("eval", "watch", "golden-1")

    assert (printed.code, printed.err) == (2, "error: golden-1 Error: the dataset is empty\n")


def test_one_that_takes_too_long_goes_on_without_whoever_waited(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(evaluation("golden-1", "Running", progress="3/9"))

    printed = genaiops("eval", "watch", "golden-1", "--timeout", "200ms")

    assert printed.code == 2
    assert "golden-1 is not finished after 0.2 s, and goes on: golden-1: Running 3/9" in printed.err


def test_what_a_judge_wrote_moves_no_cursor(cluster: ApiServer, genaiops: Type) -> None:
    run = failed()
    run["status"]["worst"][0]["reason"] = "\x1b[2Jall fine"
    cluster.put(run)

    assert "\\x1b[2Jall fine" in genaiops("eval", "watch", "golden-1").out


def test_programs_get_data(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(passed())

    printed = genaiops("eval", "watch", "golden-2", "-o", "json")

    told = json.loads(printed.out)
    assert (told["phase"], told["release"], told["evaluators"][0]["passed"]) == ("Passed", given.CANDIDATE, 96)


# --- comparing ---------------------------------------------------------------------------------------------


def test_two_runs_stand_side_by_side(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(failed(datasetHash="a"))
    cluster.put(passed(datasetHash="b"))

    printed = genaiops("eval", "compare", "golden-1", "golden-2")

    assert printed.code == 0
    assert " ".join(printed.out.splitlines()[2].split()) == (
        "relevance 71 % of 100 (61 to 79 %) 96 % of 100 (90 to 98 %) +25 points"
    )
    assert "note: the two runs had different rows" in printed.err


def test_a_run_without_a_result_can_not_be_compared(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(passed())
    cluster.put(evaluation("golden-3", "Running", progress="1/9"))

    printed = genaiops("eval", "compare", "golden-2", "golden-3")

    assert printed.code == 2
    assert "golden-3: Running 1/9: only runs with a result can be compared" in printed.err


# --- the report --------------------------------------------------------------------------------------------


def pod_of(name: str) -> given.Raw:
    return {"kind": "Pod", "metadata": {"name": f"{name}-x", "labels": {"genaiops.dev/evaluation": name}}}


def row(name: str, text: str) -> bytes:
    verdict = {"relevance": {"score": 0.1, "passed": False}}
    return json.dumps({"id": name, "query": "Hi", "candidate": {"text": text, "verdicts": verdict}}).encode() + b"\n"


def test_a_page_is_made_of_the_rows_in_the_pods_log(cluster: ApiServer, genaiops: Type, tmp_path: Path) -> None:
    cluster.put(failed())
    cluster.put(pod_of("golden-1"))
    started = b'{"level": "info", "message": "starting"}\n'
    log = started + row("r1", "<b>bold</b>") + row("r2", "so") + row("r1", "again")
    cluster.logs["golden-1-x"] = b'of a line"}\n' + log
    target = tmp_path / "page.html"

    printed = genaiops("eval", "report", "golden-1", "-o", str(target))

    assert (printed.code, printed.out) == (0, f"{target}: 2 rows\n")
    assert "note: 2 of 100 rows are in the pod's log" in printed.err
    page = target.read_text()
    assert "&lt;b&gt;bold" not in page  # the row was asked again, and the last answer counts
    assert "needs 90 %" in page


def test_a_run_that_was_not_made_again_has_the_rows_of_the_one_before(
    cluster: ApiServer, genaiops: Type, tmp_path: Path
) -> None:
    cluster.put(passed("golden-2", cachedFrom="golden-1"))
    cluster.put(pod_of("golden-1"))
    cluster.logs["golden-1-x"] = row("r1", "so")

    assert genaiops("eval", "report", "golden-2", "-o", str(tmp_path / "page.html")).code == 0


def test_a_log_that_is_gone_is_told(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(failed())

    printed = genaiops("eval", "report", "golden-1")

    assert printed.code == 2
    assert "there is no log with the rows of golden-1 any more" in printed.err
