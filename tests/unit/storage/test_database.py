"""Transactions: reading cannot write, writers wait for each other, failures undo everything."""

import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa
from doubles import NOON

from grader.domain.ids import PersonId
from grader.domain.people import Person
from grader.errors import StorageFull
from grader.storage.database import Database
from grader.storage.engine import open_engine


def person(number):
    return Person(person_id=PersonId(f"p{number}"), login=f"p{number}", name="P", is_admin=False, created_at=NOON)


@pytest.fixture
def database(school):
    return school.stores.storage


def test_reading_cannot_write(database):
    with database.reading() as tx, pytest.raises(sa.exc.OperationalError, match="readonly"):
        tx.people.add(person(1))


def test_a_reader_does_not_turn_the_next_writer_into_a_reader(database):
    with database.reading() as tx:
        tx.people.has_admin()
    with database.writing() as tx:
        tx.people.add(person(1))


def test_a_writer_has_its_turn_before_its_first_statement(database):
    with (
        database.writing() as tx,
        closing(sqlite3.connect(tx.connection.engine.url.database, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_an_exception_undoes_everything(database):
    def fail():
        with database.writing() as tx:
            tx.people.add(person(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as tx:
        assert tx.people.find_by_login("p1") is None


def test_a_reader_sees_one_state_throughout(database):
    with database.reading() as reader:
        assert reader.people.find_by_login("p1") is None
        with database.writing() as tx:
            tx.people.add(person(1))
        assert reader.people.find_by_login("p1") is None
    with database.reading() as reader:
        assert reader.people.find_by_login("p1") is not None


def test_a_writer_waits_for_the_writer_before_it_and_sees_its_work(database):
    order = []
    inside = threading.Event()

    def first():
        with database.writing() as tx:
            inside.set()
            tx.people.add(person(1))
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with database.writing() as tx:
        order.append("second")
        assert tx.people.find_by_login("p1") is not None
    thread.join()
    assert order == ["first", "second"]


def test_a_reference_to_nothing_is_refused(database):
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"), database.writing() as tx:
        tx.connection.execute(
            sa.text("INSERT INTO memberships (course_id, person_id, role) VALUES ('no', 'body', 'ta')")
        )


@pytest.mark.parametrize("kind", ["reading", "writing"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30000)],
)
def test_a_connection_is_as_safe_as_sqlite_can_be(database, kind, pragma, value):
    with getattr(database, kind)() as tx:
        assert tx.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_full_disk_is_told_as_such_and_stores_nothing(database):
    def fill():
        with database.writing() as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            for number in range(2000):
                tx.people.add(person(number))

    with pytest.raises(StorageFull):
        fill()
    with database.reading() as tx:
        assert tx.people.find_by_login("p0") is None


def test_other_failures_of_the_database_keep_their_name(tmp_path):
    engine = open_engine(tmp_path / "empty.sqlite3")
    database = Database(engine)
    with pytest.raises(sa.exc.OperationalError, match="no such table") as caught, database.writing() as tx:
        tx.people.has_admin()
    assert isinstance(caught.value.orig, sqlite3.OperationalError)
    database.close()
