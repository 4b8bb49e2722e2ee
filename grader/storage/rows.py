"""Rows of the tables, read and written by statements that are built once."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, TypeVarTuple, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute

from grader.storage.tables import Table

R = TypeVar("R", bound=Table)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def select_without(table: type[R], *left_out: InstrumentedAttribute[Any]) -> sa.Select[R]:
    """Rows that lack some attributes of their class, because to read them would cost more than all the others."""
    names = {column.key for column in left_out}
    return cast("sa.Select[R]", sa.select(*(column for column in table.__table__.c if column.key not in names)))


class Rows:
    """Runs the repositories' statements in one transaction.

    The statements are constants with `sa.bindparam`s: to build one costs several times what running it does. Each
    goes straight to the connection, so that rows are plain tuples with names, which nobody tracks and nobody keeps.
    In what writes, parameters of the WHERE are named `of_...`: one with the name of a column would be SET.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, query: sa.Select[R], /, **values: object) -> R | None:
        """The first row, with the attributes of its table's class."""
        return cast("R | None", self._connection.execute(query, values).first())

    def list(self, query: sa.Select[R], /, **values: object) -> Sequence[R]:
        """Every row, with the attributes of its table's class."""
        return cast("Sequence[R]", self._connection.execute(query, values).all())

    def list_tuples(self, query: sa.Select[*Ts], /, **values: object) -> Sequence[sa.Row[*Ts]]:
        """Every row of single columns."""
        return self._connection.execute(query, values).all()

    def scalar(self, query: sa.Select[T], /, **values: object) -> T | None:
        """The only column of the first row."""
        return self._connection.scalar(query, values)

    def scalars(self, query: sa.Select[T], /, **values: object) -> Sequence[T]:
        """The only column of every row."""
        return self._connection.scalars(query, values).all()

    def write(self, statement: sa.Insert | sa.Update | sa.Delete, /, **values: object) -> int:
        """How many rows it added, met or took away."""
        return self._connection.execute(statement, values).rowcount

    def add_all(self, statement: sa.Insert, rows: Sequence[Mapping[str, object]]) -> None:
        """One INSERT for each of the rows, which may be none."""
        if rows:
            self._connection.execute(statement, rows)
