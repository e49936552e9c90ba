"""Microsoft Presidio behind the guardrails' Webhook: the server as a process, and the engine without any network."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import spacy

from genaiops.guardrails.finding import Finding
from genaiops.guardrails.webhook import WebhookDetector
from genaiops.presidio.engine import Engine
from genaiops.presidio.server import MOST, answer
from genaiops.presidio.settings import parse
from genaiops.presidio.worker import Found, JudgeError, SetupError, Worker

pytestmark = pytest.mark.timeout(120)

ADDRESS = "Write to ada@mail.example.com"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model on disk, in spaCy's form: it knows one person, as trained ones know many."""
    folder = tmp_path_factory.mktemp("model") / "one_person"
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])
    pipeline.to_disk(folder)
    return folder


# --- the server --------------------------------------------------------------------------------------------


class Process:
    """The program, as the image starts it: English with a model, German without."""

    def __init__(self, model: Path) -> None:
        flags = [f"--language=en={model}", "--language=de", "--max-characters=3000", "--timeout=60", "--port=0"]
        command = [sys.executable, "-m", "genaiops.presidio", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.log = ""
        self.address = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.log += line
            if found := re.search(r"judging on port (\d+)", line):
                return found[1]
        pytest.fail(f"it did not start: {self.log}")

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.address + path, data, {"content-type": "application/json"})) as response:
                return response.status, json.load(response) if path != "/metrics" else response.read().decode()
        except HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def presidio(model: Path) -> Iterator[Process]:
    started = Process(model)
    try:
        yield started
    finally:
        started.process.terminate()
        rest, _ = started.process.communicate()
        assert started.process.returncode == 0, started.log + rest


async def test_a_guardrail_redacts_what_presidio_finds(presidio: Process) -> None:
    async def ask(body: Any) -> Any:
        return presidio.ask("/v1/findings?entities=PERSON,EMAIL_ADDRESS", body)[1]

    text = f"🙂 {ADDRESS}. Yours, Ada Lovelace"

    found = await WebhookDetector(ask, "presidio", "input").find(text, 0, complete=True)

    assert [(each.kind, text[each.start : each.end]) for each in found] == [
        ("EMAIL_ADDRESS", "ada@mail.example.com"),
        ("PERSON", "Ada Lovelace"),
    ]
    assert all(isinstance(each, Finding) and each.score and each.score > 0.4 for each in found)
    assert 'genaiops_presidio_findings_total{kind="PERSON"}' in presidio.ask("/metrics")[1]


def test_readiness_tells_what_is_not_found(presidio: Process) -> None:
    status, told = presidio.ask("/readyz")

    assert status == 200
    assert told["limits"] == "no language model for de: names and places are not found"
    assert presidio.ask("/healthz") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("query", "body", "status", "words"),
    [
        ("", {"text": "x" * 3001}, 413, "more than 3000 characters (--max-characters)"),
        ("", {"text": "x" * 60_000}, 413, "more than 3000 characters (--max-characters)"),
        ("", {"words": "x"}, 400, 'an object with a "text"'),
        ("", ["x"], 400, 'an object with a "text"'),
        ("?language=fr", {"text": "x"}, 400, "language 'fr': this server reads en, de"),
        (
            "?language=de&entities=PERSON",
            {"text": "x"},
            400,
            "de has no language model, which PERSON and LOCATION take",
        ),
        ("?entities=NAME", {"text": "x"}, 400, "NAME can't be found here. What can: en: AGE"),
        ("?threshold=high", {"text": "x"}, 400, "threshold has to be a number from 0 to 1"),
        ("?threshold=nan", {"text": "x"}, 400, "threshold has to be a number from 0 to 1"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(
    presidio: Process, query: str, body: Any, status: int, words: str
) -> None:
    answered, told = presidio.ask(f"/v1/findings{query}", body)

    assert answered == status
    assert words in told["error"]["message"]


def test_more_findings_than_an_answer_may_have_are_one_that_covers_them() -> None:
    found = [Found("IP_ADDRESS", 0.6, 8 * number, 8 * number + 7) for number in range(MOST + 1)]

    assert answer(found) == [{"kind": "PERSONAL_DATA", "score": 0.6, "start": 0, "end": 8 * MOST + 7}]
    assert len(answer(found[:MOST])) == MOST


# --- its process -------------------------------------------------------------------------------------------


async def test_a_text_made_to_be_slow_is_given_up_and_the_process_goes_on() -> None:
    with closing(Worker(replace(parse(["--max-characters=100000"]), timeout=0.5))) as worker:
        await worker.entities()

        with pytest.raises(JudgeError, match="longer than --timeout"):
            await worker.find("!" * 100_000, "en", (), 0.4)

        (process,) = worker._executor._processes  # type: ignore[union-attr]
        assert "EMAIL_ADDRESS" in (await worker.entities())["en"]
        assert [*worker._executor._processes] == [process]  # type: ignore[union-attr]


async def test_what_waited_for_too_long_is_not_begun() -> None:
    with (
        closing(Worker(replace(parse([]), timeout=-1))) as worker,
        pytest.raises(JudgeError, match="more pods, or a longer --timeout"),
    ):
        await worker.find("Hello", "en", (), 0.4)


# --- the engine --------------------------------------------------------------------------------------------


def test_no_network_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of domains comes with its package; a model that is missing is not downloaded."""
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **_: asked.append(name))
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))

    assert [each.kind for each in Engine(parse([])).find(ADDRESS, "en", ["EMAIL_ADDRESS"], 0.4)] == ["EMAIL_ADDRESS"]
    with pytest.raises(SetupError, match=r"--language en=en_core_web_zz: spaCy can't load .* SPACY_MODELS"):
        Engine(parse(["--language=en=en_core_web_zz"]))

    assert asked == []


def test_context_words_count_without_a_model() -> None:
    engine = Engine(parse([]))

    (alone,) = engine.find("It is 415 555 2671", "en", ["PHONE_NUMBER"], 0.1)
    (called,) = engine.find("My phone is 415 555 2671", "en", ["PHONE_NUMBER"], 0.1)

    assert called.score > alone.score


def test_a_team_s_own_recognisers(tmp_path: Path) -> None:
    registry = {
        "supported_languages": ["en"],
        "recognizers": [
            {
                "name": "customer",
                "type": "custom",
                "supported_languages": ["en"],
                "supported_entity": "CUSTOMER_ID",
                "patterns": [{"name": "customer", "regex": "C-[0-9]{6}", "score": 0.9}],
            }
        ],
    }
    file = tmp_path / "recognizers.yaml"
    file.write_text(json.dumps(registry))

    (found,) = Engine(parse([f"--recognizers={file}"])).find("I am C-123456", "en", [], 0.4)

    assert (found.kind, found.start, found.end) == ("CUSTOMER_ID", 5, 13)
    with pytest.raises(SetupError, match="its supported_languages are en; --language names de"):
        Engine(parse(["--language=de", f"--recognizers={file}"]))
    file.write_text("recognizers: 7")
    with pytest.raises(SetupError, match="Presidio can't read it"):
        Engine(parse([f"--recognizers={file}"]))


@pytest.mark.parametrize("flag", ["--language=English", "--threshold=2", "--timeout=0", "--max-characters=no"])
def test_a_wrong_flag_ends_it(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([flag])

    assert flag.partition("=")[2] in capsys.readouterr().err
