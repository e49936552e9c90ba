"""Both databases, each empty at the start of a test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genaiops.quality.database import address, connect, migrate
from genaiops.quality.store import Store

from . import postgres


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    folder = postgres.programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed here (initdb is not on the PATH): apt-get install postgresql")
    with postgres.server(folder) as dsn:
        yield dsn


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Of an empty database."""
    dsn = tmp_path / "dsn"
    if request.param == "postgresql":
        dsn.write_text(request.getfixturevalue("postgresql"))
    found = address(dsn, tmp_path)
    if request.param == "postgresql":
        engine = connect(found)
        async with engine.begin() as connection:
            await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            await connection.execute(sa.text("CREATE SCHEMA public"))
        await engine.dispose()
    return found


@pytest.fixture
async def engine(url: URL) -> AsyncIterator[AsyncEngine]:
    made = connect(url)
    await migrate(made)
    yield made
    await made.dispose()


@pytest.fixture
def store(engine: AsyncEngine) -> Store:
    return Store(engine, "team", "support")
