"""Opening the database: one engine, read transactions that cannot write, write transactions that never collide."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from grader.storage.columns import dump_json

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for its turn. Writers hold the lock for milliseconds; a copy may hold it for longer."""


def database_url(path: Path) -> sa.URL:
    """The address of a SQLite file; any characters in its path are fine."""
    return sa.URL.create("sqlite", database=str(path))


def open_engine(url: str | sa.URL | Path) -> Engine:
    """An engine whose transactions begin as their kind needs; see `reading` and `writing`.

    Args:
        url: a SQLAlchemy address, or the path of a SQLite file.
    """
    address = database_url(url) if isinstance(url, Path) else sa.make_url(url)
    engine = sa.create_engine(address, json_serializer=dump_json, pool_size=8, max_overflow=56)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read: one consistent view, never in a writer's way."""
    return engine.execution_options(access="read")


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write."""
    return engine.execution_options(access="write")


def _configure(connection: object, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # The driver must not open transactions by itself: it would begin them DEFERRED and lose updates silently.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    is_read = connection.get_execution_options().get("access") == "read"
    cursor = connection.connection.cursor()  # not through SQLAlchemy, which would do more than SQLite has to
    cursor.execute(f"PRAGMA query_only = {'ON' if is_read else 'OFF'}")
    # A writer takes the lock at once: one that read first and then asked for it could only be told "locked".
    cursor.execute("BEGIN DEFERRED" if is_read else "BEGIN IMMEDIATE")
    cursor.close()
