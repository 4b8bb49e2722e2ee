"""Bring a database to this version of the service, after copying it."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from grader.errors import DatabaseTooNew, StorageDamaged
from grader.storage.engine import database_url

_COPIES_KEPT = 10


@dataclass(frozen=True, kw_only=True)
class Migration:
    """What `migrate` did. `before` is None for a new database; `copy` is None where nothing had to be copied."""

    before: str | None
    after: str
    copy: Path | None


def migrate(database: Path, *, copies: Path, at: datetime) -> Migration:
    """Create the SQLite file or bring it to the newest revision; an existing one is copied first if it changes.

    Args:
        database: the file; its folder exists.
        copies: folder for copies; made if need be.
        at: names the copy.

    Raises:
        DatabaseTooNew: a newer version of the service made it.
    """
    script = ScriptDirectory.from_config(_config())
    newest = script.get_current_head()
    if newest is None:
        raise AssertionError("the package lacks its migrations")
    engine = _migration_engine(database)
    try:
        before = _current(engine)
        if before == newest:
            return Migration(before=before, after=newest, copy=None)
        if before is not None and before not in {revision.revision for revision in script.walk_revisions()}:
            raise DatabaseTooNew(revision=before, newest=newest)
        copy = None if before is None else _copy(database, copies, at=at, revision=before)
        _upgrade(engine)
    finally:
        engine.dispose()
    return Migration(before=before, after=newest, copy=copy)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "grader.storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _migration_engine(database: Path) -> Engine:
    """Like the service's, but with foreign keys off: a batch migration drops and renames tables."""
    engine = sa.create_engine(database_url(database), poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = OFF"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _current(engine: Engine) -> str | None:
    with engine.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _upgrade(engine: Engine) -> None:
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise StorageDamaged(file="database", table=str(broken[0]))


def _copy(database: Path, copies: Path, *, at: datetime, revision: str) -> Path:
    """Copy through SQLite itself, so that what stands only in the write-ahead log comes along."""
    copies.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = copies / f"{database.stem}-{at:%Y%m%dT%H%M%S}-{revision}.sqlite3"
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(unfinished)) as copy:
        source.backup(copy)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(target)
    for old in sorted(copies.glob(f"{database.stem}-*.sqlite3"))[:-_COPIES_KEPT]:
        old.unlink()
    return target
