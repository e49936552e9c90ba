"""What releases do on live answers, and live questions as rows of a dataset."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type
from genaiops.api.dataset import Row

SHARE = {"count": 2, "of": 10, "share": 0.2, "lower": 0.0567, "upper": 0.5098}
RELEASE = {
    "release": given.STABLE,
    "samples": 12,
    "flagged": 1,
    "waiting": 2,
    "last": "2026-05-04T12:00:00.000000Z",
    "evaluators": [{"name": "relevance", "judged": 10, "errors": 0, "score": 4.2, "defects": SHARE}],
    "feedback": {
        "up": 3,
        "down": 1,
        "comments": 0,
        "corrections": 1,
        "score": None,
        "negative": {**SHARE, "share": 0.25},
    },
}
ROW = {"id": "a", "query": "Wo ist es? \x1b[2J\u202e", "expected": "Am Montag.", "tags": ["corrected", given.STABLE]}


@pytest.fixture
def kept(cluster: ApiServer) -> ApiServer:
    """The app has a collector."""
    app = cluster.objects["LLMApp", "support"]
    cluster.put({**app, "spec": {**app["spec"], "quality": {}}})
    cluster.services["http:support-quality:8081/proxy/v1/summary"] = (200, json.dumps({"releases": [RELEASE]}))
    cluster.services["http:support-quality:8081/proxy/v1/rows"] = (200, json.dumps(ROW, ensure_ascii=False) + "\n")
    return cluster


def test_a_release_is_told_with_what_judges_and_people_say(kept: ApiServer, genaiops: Type) -> None:
    printed = genaiops("quality", "support", "--since", "24h")
    heading, judged, rated = printed.out.splitlines()
    assert heading.split()[:3] == ["RELEASE", "SAMPLES", "FLAGGED"]
    assert judged.split() == [given.STABLE, "12", "1", "relevance", "10", "4.2", "20.0%", "5.7%", "to", "51.0%", "0"]
    assert rated.split() == ["feedback", "4", "25.0%", "5.7%", "to", "51.0%"]
    assert any("since=24h" in request for request in kept.requests)


def test_data_for_programs(kept: ApiServer, genaiops: Type) -> None:
    assert json.loads(genaiops("quality", "support", "-o", "json").out) == [RELEASE]


def test_rows_go_into_a_file_that_a_suite_can_read(kept: ApiServer, genaiops: Type, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    printed = genaiops("feedback", "export", "support", "--kind", "corrected", "-o", str(file))
    (line,) = file.read_text().splitlines()
    assert Row.model_validate_json(line).expected == "Am Montag."
    assert (printed.code, printed.out, printed.err) == (0, "", "1 rows\n")
    assert any("kind=corrected" in request and "limit=1000" in request for request in kept.requests)


def test_what_users_write_commands_no_terminal(
    kept: ApiServer, genaiops: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    printed = genaiops("feedback", "export", "support", "--kind", "corrected")
    assert "\x1b" not in printed.out
    assert "\u202e" not in printed.out
    assert json.loads(printed.out) == ROW


def test_an_app_without_quality(cluster: ApiServer, genaiops: Type) -> None:
    printed = genaiops("quality", "support")
    assert printed.code == 2
    assert "support has no quality" in printed.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((503, {"message": "no endpoints available for service"}), "QualityReady"),
        ((403, {"message": 'services "x" is forbidden'}), "services/proxy"),
        ((400, {"error": {"message": "since must be a duration", "param": "since"}}), "since must be a duration"),
    ],
)
def test_what_went_wrong_is_told(kept: ApiServer, genaiops: Type, answer: tuple[int, Any], words: str) -> None:
    kept.services["http:support-quality:8081/proxy/v1/summary"] = (answer[0], json.dumps(answer[1]))
    printed = genaiops("quality", "support")
    assert printed.code == 2
    assert words in printed.err
