"""The database: SQLite in a file, or PostgreSQL; its tables brought up to date at the start."""

import logging
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

logger = logging.getLogger("genaiops.quality")

SQLITE_FILE: Final = "quality.sqlite"
_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_LOCK: Final = 7_364_108_215_553_427
"""Of PostgreSQL's advisory locks, this project's own: collectors of several apps may share a database."""


class DatabaseError(Exception):
    """There is no database to work with. The message never holds the address, which has a password in it."""


def address(dsn_file: Path, folder: Path) -> URL:
    """The database: PostgreSQL where there is the file with its address, else SQLite in the folder.

    Raises DatabaseError.
    """
    if not dsn_file.exists():
        return URL.create("sqlite+aiosqlite", database=str(folder / SQLITE_FILE))
    try:
        url = make_url(dsn_file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError, ArgumentError, ValueError):
        # Not `from`: what could not be read may be in the exception.
        raise DatabaseError(_HINT) from None
    if url.drivername not in _POSTGRESQL:
        raise DatabaseError(_HINT)
    # libpq's name of the setting, which most addresses have, and asyncpg's.
    query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)


_HINT: Final = (
    "the Secret of quality.store.postgresql holds no address of a PostgreSQL database; "
    "write postgresql://user:password@host:5432/database"
)


def connect(url: URL) -> AsyncEngine:
    """An engine; nothing is sent yet."""
    if url.get_backend_name() == "postgresql":
        # Several judgements are written at a time. A connection that a proxy dropped is noticed before it is used.
        return create_async_engine(url, pool_size=4, max_overflow=0, pool_pre_ping=True)
    engine = create_async_engine(url, pool_size=1, max_overflow=0, connect_args={"timeout": 30})
    sa.event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables up to date; does nothing where they are. Of several collectors one does it at a time."""
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "genaiops.quality:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
