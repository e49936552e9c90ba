"""The tables come to be, in both databases, and the address of one never gets out."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import URL

from genaiops.quality.database import DatabaseError, address, connect, migrate
from genaiops.quality.tables import METADATA

pytestmark = pytest.mark.timeout(240)


async def test_an_empty_database_gets_the_tables_that_the_code_knows_and_a_second_start_changes_nothing(
    url: URL,
) -> None:
    engine = connect(url)
    await migrate(engine)
    await migrate(engine)

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": "genaiops_quality_version"})
        return list(compare_metadata(context, METADATA))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_collectors_that_start_at_once_make_the_tables_once(postgresql: str, tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text(postgresql)
    engines = [connect(address(tmp_path / "dsn", tmp_path)) for _ in range(3)]
    async with engines[0].begin() as connection:
        await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        await connection.execute(sa.text("CREATE SCHEMA public"))

    await asyncio.gather(*map(migrate, engines))

    async with engines[0].connect() as connection:
        found = await connection.execute(sa.text("SELECT version_num FROM genaiops_quality_version"))
        assert len(found.all()) == 1
    for engine in engines:
        await engine.dispose()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://me:pw@db/quality?sslmode=require", "postgresql+asyncpg://me:pw@db/quality?ssl=require"),
        ("postgresql://me:pw@db:6432/quality\n", "postgresql+asyncpg://me:pw@db:6432/quality"),
    ],
)
def test_addresses_as_people_write_them(tmp_path: Path, given: str, expected: str) -> None:
    (tmp_path / "dsn").write_text(given)
    assert address(tmp_path / "dsn", tmp_path).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize("wrong", ["hunter2", "mysql://me:hunter2@db/x", "", "postgresql://me:hunter2@db:port/x"])
def test_what_is_no_address_is_told_without_the_password(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "dsn").write_text(wrong)
    with pytest.raises(DatabaseError, match=r"quality\.store\.postgresql") as error:
        address(tmp_path / "dsn", tmp_path)
    assert "hunter2" not in str(error.value)
