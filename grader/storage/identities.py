"""Who somebody is to an identity provider, in the database."""

import sqlalchemy as sa

from grader.domain.accounts import Identity
from grader.domain.ids import PersonId
from grader.storage.rows import Rows
from grader.storage.tables import IdentityRow

_ADD = sa.insert(IdentityRow)
_PERSON = sa.select(IdentityRow.person_id).where(
    IdentityRow.issuer == sa.bindparam("issuer"), IdentityRow.subject == sa.bindparam("subject")
)
_ISSUERS = sa.select(IdentityRow.issuer).where(IdentityRow.person_id == sa.bindparam("person"))


class IdentitiesTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, identity: Identity, *, person_id: PersonId) -> None:
        self._rows.write(_ADD, issuer=identity.issuer, subject=identity.subject, person_id=person_id)

    def find_person(self, identity: Identity) -> PersonId | None:
        person_id = self._rows.scalar(_PERSON, issuer=identity.issuer, subject=identity.subject)
        return None if person_id is None else PersonId(person_id)

    def list_issuers(self, person_id: PersonId) -> tuple[str, ...]:
        return tuple(self._rows.scalars(_ISSUERS, person=person_id))
