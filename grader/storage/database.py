"""Transactions on the database, with one repository for each aggregate."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from grader.errors import StorageFull
from grader.storage.accounts import AccountsTable
from grader.storage.choices import CellChoicesTable
from grader.storage.courses import CoursesTable
from grader.storage.decisions import DecisionsTable
from grader.storage.engine import begin, reading
from grader.storage.identities import IdentitiesTable
from grader.storage.joins import JoinsTable
from grader.storage.manuscripts import ManuscriptsTable
from grader.storage.offerings import OfferingsTable
from grader.storage.overview import OverviewTables
from grader.storage.people import PeopleTable
from grader.storage.regrades import RegradesTable
from grader.storage.reviews import ReviewTables
from grader.storage.roster_uploads import RosterUploadsTable
from grader.storage.rows import Rows
from grader.storage.runs import RunsTable
from grader.storage.sessions import SessionsTable
from grader.storage.standings import StandingsTable
from grader.storage.submissions import SubmissionsTable
from grader.storage.tokens import TokensTable
from grader.storage.versions import VersionsTable
from grader.storage.visits import VisitsTable
from grader.storage.workers import WorkersTable


class DatabaseTransaction:
    """What can be read and written together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = Rows(connection)

    @property
    def connection(self) -> Connection:
        return self._connection

    @cached_property
    def people(self) -> PeopleTable:
        return PeopleTable(self._rows)

    @cached_property
    def courses(self) -> CoursesTable:
        return CoursesTable(self._rows)

    @cached_property
    def accounts(self) -> AccountsTable:
        return AccountsTable(self._rows)

    @cached_property
    def sessions(self) -> SessionsTable:
        return SessionsTable(self._rows)

    @cached_property
    def joins(self) -> JoinsTable:
        return JoinsTable(self._rows)

    @cached_property
    def roster_uploads(self) -> RosterUploadsTable:
        return RosterUploadsTable(self._rows)

    @cached_property
    def identities(self) -> IdentitiesTable:
        return IdentitiesTable(self._rows)

    @cached_property
    def tokens(self) -> TokensTable:
        return TokensTable(self._rows)

    @cached_property
    def versions(self) -> VersionsTable:
        return VersionsTable(self._rows)

    @cached_property
    def offerings(self) -> OfferingsTable:
        return OfferingsTable(self._rows)

    @cached_property
    def manuscripts(self) -> ManuscriptsTable:
        return ManuscriptsTable(self._rows)

    @cached_property
    def submissions(self) -> SubmissionsTable:
        return SubmissionsTable(self._rows)

    @cached_property
    def runs(self) -> RunsTable:
        return RunsTable(self._rows)

    @cached_property
    def standings(self) -> StandingsTable:
        return StandingsTable(self._rows)

    @cached_property
    def regrades(self) -> RegradesTable:
        return RegradesTable(self._rows)

    @cached_property
    def decisions(self) -> DecisionsTable:
        return DecisionsTable(self._rows)

    @cached_property
    def cell_choices(self) -> CellChoicesTable:
        return CellChoicesTable(self._rows)

    @cached_property
    def overview(self) -> OverviewTables:
        return OverviewTables(self._rows)

    @cached_property
    def reviews(self) -> ReviewTables:
        return ReviewTables(self._rows)

    @cached_property
    def visits(self) -> VisitsTable:
        return VisitsTable(self._rows)

    @cached_property
    def workers(self) -> WorkersTable:
        return WorkersTable(self._rows)


class Database:
    """Opens transactions; safe to share between threads, not between processes."""

    def __init__(self, engine: Engine) -> None:
        self._writers = engine
        self._readers = reading(engine)

    @contextmanager
    def reading(self) -> Iterator[DatabaseTransaction]:
        with self._readers.connect() as connection, begin(connection, writes=False):
            yield DatabaseTransaction(connection)

    @contextmanager
    def writing(self) -> Iterator[DatabaseTransaction]:
        try:
            with self._writers.connect() as connection, begin(connection, writes=True):
                yield DatabaseTransaction(connection)
        except sa.exc.OperationalError as error:
            if isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise StorageFull(what="database") from error
            raise

    def close(self) -> None:
        self._readers.dispose()
        self._writers.dispose()
