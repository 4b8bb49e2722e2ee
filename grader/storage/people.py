"""People in the database."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import PersonId
from grader.domain.people import Person
from grader.errors import Conflict, NotFound
from grader.storage.tables import PersonRow


class PeopleTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, person: Person) -> None:
        if self.find_by_login(person.login) is not None:
            raise Conflict(what="login", name=person.login)
        self._session.add(
            PersonRow(
                person_id=person.person_id,
                login=person.login,
                name=person.name,
                is_admin=person.is_admin,
                created_at=person.created_at,
            )
        )
        self._session.flush()

    def get(self, person_id: PersonId) -> Person:
        row = self._session.get(PersonRow, person_id)
        if row is None:
            raise NotFound(what="person", name=person_id)
        return read_person(row)

    def find_by_login(self, login: str) -> Person | None:
        row = self._session.scalar(sa.select(PersonRow).where(PersonRow.login == login))
        return None if row is None else read_person(row)

    def has_admin(self) -> bool:
        return self._session.scalar(sa.select(PersonRow.person_id).where(PersonRow.is_admin).limit(1)) is not None


def read_person(row: PersonRow) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        login=row.login,
        name=row.name,
        is_admin=row.is_admin,
        created_at=row.created_at,
    )
