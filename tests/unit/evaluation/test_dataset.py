"""Datasets from wherever they are."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation import files
from evaluation.files import ACCESS, SECRET, Files
from genaiops.api.dataset import Dataset
from genaiops.evaluation import dataset as module
from genaiops.evaluation import rows
from genaiops.evaluation.ask import new_client
from genaiops.evaluation.dataset import Loaded, load
from genaiops.evaluation.places import Places
from genaiops.evaluation.rows import DatasetError

CONTENT = b'{"query": "Hi"}\n'
KEYS = {"accessKey": {"name": "store", "key": "id"}, "secretKey": {"name": "store", "key": "secret"}}


def places(folder: Path) -> Places:
    """A pod's folders, with the Secrets that the suites below name."""
    secrets = folder / "secrets"
    for path, value in {
        "store/id": ACCESS,
        "store/secret": f"{SECRET}\n",
        "web/token": "t0ken",
        "web/empty": "",
    }.items():
        (secrets / path).parent.mkdir(parents=True, exist_ok=True)
        (secrets / path).write_text(value)
    return Places(config_map=folder, volume=folder, secrets=secrets)


async def loaded(folder: Path, **dataset: Any) -> Loaded:
    async with new_client() as client:
        return await load(Dataset.model_validate(dataset), places(folder), client)


async def refused(folder: Path, **dataset: Any) -> str:
    with pytest.raises(DatasetError) as error:
        await loaded(folder, **dataset)
    return str(error.value)


@pytest.fixture
def web() -> Any:
    with files.serving() as served:
        served.content["/golden.jsonl"] = CONTENT
        yield served


async def test_rows_of_the_suite_have_a_hash_that_changes_with_them(tmp_path: Path) -> None:
    one = await loaded(tmp_path, rows=[{"id": "a", "query": "Hi", "tags": ["x"]}])
    same = await loaded(tmp_path, rows=[{"tags": ["x"], "query": "Hi", "id": "a"}])
    other = await loaded(tmp_path, rows=[{"id": "a", "query": "Hi!", "tags": ["x"]}])

    assert one.sha256 == same.sha256 != other.sha256
    assert one.rows[0].query == "Hi"


async def test_a_file_is_read_by_its_name_or_as_it_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "table.CSV").write_bytes(b"query\nHi\n")
    (tmp_path / "table.txt").write_bytes(b"query\nHi\n")

    by_name = await loaded(tmp_path, configMapRef={"name": "golden", "key": "table.CSV"})
    as_said = await loaded(tmp_path, volume={"claim": "data", "path": "table.txt"}, format="CSV")

    assert by_name.rows == as_said.rows
    assert by_name.sha256 == hashlib.sha256(b"query\nHi\n").hexdigest()
    assert await refused(tmp_path, volume={"claim": "data", "path": "none.csv"}) == (
        "the dataset none.csv can't be read: No such file or directory"
    )


async def test_the_red_team_comes_with_the_operator(tmp_path: Path) -> None:
    assert len((await loaded(tmp_path, builtIn="RedTeam")).rows) > 50


async def test_a_file_on_the_web_may_need_a_token(web: Files, tmp_path: Path) -> None:
    web.token = "t0ken"
    url = f"{web.address}/golden.jsonl"

    with_token = await loaded(tmp_path, remote={"url": url, "bearerToken": {"name": "web", "key": "token"}})

    assert with_token.rows[0].query == "Hi"
    assert "the server answers 401" in await refused(tmp_path, remote={"url": url})
    assert "key empty of Secret web is empty" in await refused(
        tmp_path, remote={"url": url, "bearerToken": {"name": "web", "key": "empty"}}
    )


async def test_a_signature_in_an_address_is_told_to_nobody(web: Files, tmp_path: Path) -> None:
    said = await refused(tmp_path, remote={"url": f"{web.address}/none.jsonl?signature=abc"})

    assert said == f"the dataset {web.address}/none.jsonl can't be read: the server answers 404"
    assert "GET /none.jsonl?signature=abc" in web.requests


async def test_a_server_that_is_busy_is_asked_again_and_a_redirect_followed(web: Files, tmp_path: Path) -> None:
    web.failures = [503, 429]
    web.redirects["/moved.jsonl"] = "/golden.jsonl"

    found = await loaded(tmp_path, remote={"url": f"{web.address}/moved.jsonl"})

    assert found.rows[0].query == "Hi"
    assert len(web.requests) == 4


async def test_a_token_is_not_taken_elsewhere(web: Files, tmp_path: Path) -> None:
    web.redirects["/moved.jsonl"] = "/golden.jsonl"
    remote = {"url": f"{web.address}/moved.jsonl", "bearerToken": {"name": "web", "key": "token"}}

    assert "the server answers 302" in await refused(tmp_path, remote=remote)


async def test_a_file_in_a_store_is_asked_for_with_its_keys(web: Files, tmp_path: Path) -> None:
    web.signed = True
    web.content["/bucket/sets/golden.jsonl"] = CONTENT
    remote = {"url": "s3://bucket/sets/golden.jsonl", "endpoint": web.address, "s3Credentials": KEYS}

    assert (await loaded(tmp_path, remote=remote)).rows[0].query == "Hi"

    web.signed = False
    public = {"url": "s3://bucket/sets/golden.jsonl", "endpoint": web.address}
    assert (await loaded(tmp_path, remote=public)).rows[0].query == "Hi"
    missing = {**public, "url": "s3://bucket/none.jsonl"}
    assert "s3://bucket/none.jsonl can't be read" in await refused(tmp_path, remote=missing)


async def test_another_content_than_the_suite_means_is_refused(web: Files, tmp_path: Path) -> None:
    right, wrong = hashlib.sha256(CONTENT).hexdigest(), "0" * 64
    url = f"{web.address}/golden.jsonl"

    assert (await loaded(tmp_path, remote={"url": url, "sha256": right})).sha256 == right
    assert f"has the SHA-256 {right}, not {wrong}" in await refused(tmp_path, remote={"url": url, "sha256": wrong})


async def test_no_file_is_larger_than_a_run_can_hold(
    web: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(rows, "MAX_BYTES", 1 << 20)
    large = json.dumps({"query": "x" * (1 << 20)}).encode()
    (tmp_path / "large.jsonl").write_bytes(large)
    web.content |= {"/large.jsonl": large, "/bucket/large.jsonl": large}

    for said in (
        await refused(tmp_path, configMapRef={"name": "golden", "key": "large.jsonl"}),
        await refused(tmp_path, remote={"url": f"{web.address}/large.jsonl"}),
        await refused(tmp_path, remote={"url": "s3://bucket/large.jsonl", "endpoint": web.address}),
    ):
        assert "is larger than 1" in said
