"""People in the database."""

import sqlalchemy as sa

from grader.domain.ids import PersonId
from grader.domain.people import Person
from grader.errors import Conflict, NotFound
from grader.storage.rows import Rows
from grader.storage.tables import PersonRow

_ADD = sa.insert(PersonRow)
_BY_ID = sa.select(PersonRow).where(PersonRow.person_id == sa.bindparam("person"))
_BY_LOGIN = sa.select(PersonRow).where(PersonRow.login == sa.bindparam("login"))
_RENAME = sa.update(PersonRow).where(PersonRow.person_id == sa.bindparam("of_person"))
_ANY_ADMIN = sa.select(PersonRow.person_id).where(PersonRow.is_admin).limit(1)


class PeopleTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, person: Person) -> None:
        if self.find_by_login(person.login) is not None:
            raise Conflict(what="login", name=person.login)
        self._rows.write(
            _ADD,
            person_id=person.person_id,
            login=person.login,
            name=person.name,
            is_admin=person.is_admin,
            created_at=person.created_at,
        )

    def get(self, person_id: PersonId) -> Person:
        row = self._rows.find(_BY_ID, person=person_id)
        if row is None:
            raise NotFound(what="person", name=person_id)
        return read_person(row)

    def find_by_login(self, login: str) -> Person | None:
        row = self._rows.find(_BY_LOGIN, login=login)
        return None if row is None else read_person(row)

    def has_admin(self) -> bool:
        return self._rows.scalar(_ANY_ADMIN) is not None

    def rename(self, person_id: PersonId, *, name: str) -> None:
        self._rows.write(_RENAME, of_person=person_id, name=name)


def read_person(row: PersonRow) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        login=row.login,
        name=row.name,
        is_admin=row.is_admin,
        created_at=row.created_at,
    )
