"""Opening the database: read transactions that cannot write, write transactions that never collide."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, RootTransaction

from grader.storage.columns import dump_json

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for its turn. Writers hold the lock for milliseconds; a copy may hold it for longer."""
_CACHE_KIB = 1024
"""Pages that each connection keeps, half of SQLite's own choice: each of a worker's would grow to it over thousands of
submissions, and what is not kept here Linux keeps once for all of them."""


def database_url(path: Path) -> sa.URL:
    """The address of a SQLite file; any characters in its path are fine."""
    return sa.URL.create("sqlite", database=str(path))


def open_engine(url: str | sa.URL | Path) -> Engine:
    """An engine for transactions that `begin` begins.

    Args:
        url: a SQLAlchemy address, or the path of a SQLite file.
    """
    address = database_url(url) if isinstance(url, Path) else sa.make_url(url)
    engine = sa.create_engine(address, json_serializer=dump_json, pool_size=8, max_overflow=56)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
    return engine


def reading(engine: Engine) -> Engine:
    """An engine for the same database that only reads.

    It has connections of its own: to forbid or allow one to write makes SQLite prepare its every statement again.
    """
    readers = open_engine(engine.url)
    if readers.dialect.name == "sqlite":
        event.listen(readers, "connect", _forbid_writing)
    return readers


def begin(connection: Connection, *, writes: bool) -> RootTransaction:
    """Begin a transaction: one consistent view.

    One that writes takes the lock at once: had it read first and then asked, it could only be told "locked".
    """
    transaction = connection.begin()
    if connection.dialect.name == "sqlite":
        # Not in a listener for "begin": an engine that has any looks for more of them at every statement.
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED").close()
    return transaction


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
        f"cache_size = -{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _forbid_writing(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA query_only = ON")
