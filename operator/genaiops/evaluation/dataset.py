"""The dataset of a suite, from wherever it is."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from genaiops.api.dataset import BuiltIn, Dataset, DatasetFormat, Remote, Row
from genaiops.evaluation.places import Places, SecretError
from genaiops.evaluation.rows import MAX_BYTES, DatasetError, parse
from genaiops.evaluation.store import Store, StoreError
from genaiops.providers.backoff import backoff

_TRIES: Final = 6
_TIMEOUT: Final = ClientTimeout(total=600, sock_connect=10, sock_read=60)
_BUILT_IN: Final = {BuiltIn.RED_TEAM: "redteam.jsonl"}


@dataclass(frozen=True)
class Loaded:
    """A dataset that was read and found good."""

    rows: list[Row]
    sha256: str
    """Of the file; of rows in the suite itself, of their canonical JSON."""
    ignored: set[str] = field(default_factory=set)
    """Columns that mean nothing here."""


async def load(dataset: Dataset, places: Places, client: ClientSession) -> Loaded:
    """Read the dataset. Raises DatasetError."""
    if dataset.rows is not None:
        rows = [row.to_manifest() for row in dataset.rows]
        canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return Loaded(dataset.rows, hashlib.sha256(canonical).hexdigest())
    name, content = await _content(dataset, places, client)
    digest = hashlib.sha256(content).hexdigest()
    wanted = dataset.remote.sha256 if dataset.remote else None
    if wanted not in (None, digest):
        raise DatasetError(f"{name} has the SHA-256 {digest}, not {wanted}; somebody changed it, or correct sha256")
    by_name = DatasetFormat.CSV if name.lower().endswith(".csv") else DatasetFormat.JSONL
    try:
        parsed = await asyncio.to_thread(parse, content, dataset.format or by_name)
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from error
    return Loaded(parsed.rows, digest, parsed.ignored)


async def _content(dataset: Dataset, places: Places, client: ClientSession) -> tuple[str, bytes]:
    """Name and content of the file."""
    if built_in := dataset.built_in:
        return f"dataset {built_in}", (files("genaiops.evaluation") / _BUILT_IN[built_in]).read_bytes()
    if map_ := dataset.config_map_ref:
        return f"ConfigMap {map_.name}, {map_.key}", await _file(places.config_map / map_.key)
    if volume := dataset.volume:
        return f"claim {volume.claim}, {volume.path}", await _file(places.volume / volume.path)
    assert dataset.remote
    # What stands behind a ? may be a signature that opens the file.
    name = dataset.remote.url.partition("?")[0]
    try:
        if name.startswith("s3://"):
            return name, await Store.of_dataset(dataset.remote, places.secret).read(MAX_BYTES)
        return name, await _download(name, dataset.remote, places, client)
    except (StoreError, SecretError) as error:
        raise DatasetError(f"the dataset can't be read: {error}") from error


async def _file(path: Path) -> bytes:
    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    try:
        content = await asyncio.to_thread(read)
    except OSError as error:
        raise DatasetError(f"the dataset {path.name} can't be read: {error.strerror}") from error
    return _require_size(path.name, content)


def _require_size(name: str, content: bytes | bytearray) -> bytes:
    if len(content) > MAX_BYTES:
        raise DatasetError(f"the dataset {name} is larger than {MAX_BYTES >> 20} MiB; split it")
    return bytes(content)


async def _download(name: str, remote: Remote, places: Places, client: ClientSession) -> bytes:
    headers = {"authorization": f"Bearer {places.secret(remote.bearer_token)}"} if remote.bearer_token else {}
    failure = ""
    for attempt in range(_TRIES):
        if attempt:
            await asyncio.sleep(backoff(attempt, None))
        try:
            # A token goes where the suite says, and nowhere else.
            async with client.get(
                remote.url, headers=headers, timeout=_TIMEOUT, allow_redirects=not headers
            ) as response:
                if response.status == 200:
                    content = bytearray()
                    async for chunk in response.content.iter_chunked(1 << 20):
                        content += chunk
                        _require_size(name, content)
                    return bytes(content)
                failure = f"the server answers {response.status}"
                if response.status < 500 and response.status != 429:
                    break
        except (ClientError, TimeoutError) as error:
            failure = str(error) or type(error).__name__
    raise DatasetError(f"the dataset {name} can't be read: {failure}")
