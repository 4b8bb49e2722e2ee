"""What the data folder holds: the database and the files as stores, and the secret that picks hidden inputs."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError

from grader.errors import DataUnusable, InvalidSettings
from grader.flow.assignments import StoredAssignments
from grader.flow.ports import Stores
from grader.queue.local import LocalQueue
from grader.settings import Settings
from grader.storage.blobs import FolderBlobs
from grader.storage.database import Database
from grader.storage.engine import open_engine
from grader.storage.migrate import migrate
from grader.wiring.loading import parse_files

_SECRET_BYTES = 32


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def make_data_folder(settings: Settings) -> None:
    """Make the data folder and an empty database file where there is none, for the service's user alone.

    Raises:
        InvalidSettings: they cannot be made there.
    """
    try:
        settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its other files the permissions of this one.
        os.close(os.open(settings.database_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise InvalidSettings(what=f"GRADER_DATA_FOLDER: {settings.data_folder}: {error.strerror}") from error


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """The database, the files and the queue; the database is brought up to date first.

    Raises:
        DataUnusable: what is there is no database of ours, or cannot be read or written.
    """
    make_data_folder(settings)
    clock = SystemClock()
    try:
        migrate(settings.database_path, copies=settings.backups_folder, at=clock.now())
        database = Database(open_engine(settings.database_path))
        try:
            yield Stores(
                storage=database,
                blobs=FolderBlobs(settings.blobs_folder),
                queue=LocalQueue(now=clock.now, lease_s=settings.lease_s),
                clock=clock,
            )
        finally:
            database.close()
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        raise DataUnusable(folder=str(settings.data_folder), reason=reason) from error


def stored_assignments(stores: Stores) -> StoredAssignments:
    """Published versions, parsed when they are first asked for."""
    return StoredAssignments(stores=stores, reader=parse_files)


def draw_key(settings: Settings) -> bytes:
    """The secret that picks hidden inputs; made at the first start, readable by its owner only."""
    path = settings.draw_key_path
    if not path.exists():
        make_data_folder(settings)
        # Written beside and linked: of two processes that start together one wins, and both read the same whole key.
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
    key = path.read_bytes()
    if len(key) < _SECRET_BYTES:
        # Anyone could tell which hidden inputs a short key picks.
        raise DataUnusable(folder=str(settings.data_folder), reason=f"{path.name} is damaged; restore or remove it")
    return key
