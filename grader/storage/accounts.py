"""Passwords, tries to sign in, and invitations in the database."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.accounts import Invitation, SignInTries
from grader.domain.ids import PersonId
from grader.storage.people import read_person
from grader.storage.rows import Rows
from grader.storage.tables import InvitationRow, PasswordRow, PersonRow, SignInTriesRow

_PASSWORD = sa.select(PasswordRow.hashed).where(PasswordRow.person_id == sa.bindparam("person"))
_ADD_PASSWORD = sa.insert(PasswordRow)
_CHANGE_PASSWORD = sa.update(PasswordRow).where(PasswordRow.person_id == sa.bindparam("of_person"))

_TRIES = sa.select(SignInTriesRow).where(SignInTriesRow.login_hash == sa.bindparam("hash"))
_ADD_TRIES = sa.insert(SignInTriesRow)
_CHANGE_TRIES = sa.update(SignInTriesRow).where(SignInTriesRow.login_hash == sa.bindparam("of_hash"))
_FORGET_TRIES = sa.delete(SignInTriesRow).where(SignInTriesRow.login_hash == sa.bindparam("of_hash"))
_FORGET_OLD_TRIES = sa.delete(SignInTriesRow).where(SignInTriesRow.last_at < sa.bindparam("of_moment"))

_ADD_INVITATION = sa.insert(InvitationRow)
_FORGET_INVITATION = sa.delete(InvitationRow).where(InvitationRow.person_id == sa.bindparam("of_person"))
_INVITATION = sa.select(InvitationRow).where(InvitationRow.secret_hash == sa.bindparam("hash"))
_INVITED = sa.select(PersonRow).where(PersonRow.person_id == sa.bindparam("person"))


class AccountsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def find_password(self, person_id: PersonId) -> str | None:
        return self._rows.scalar(_PASSWORD, person=person_id)

    def put_password(self, person_id: PersonId, *, hashed: str) -> None:
        if not self._rows.write(_CHANGE_PASSWORD, of_person=person_id, hashed=hashed):
            self._rows.write(_ADD_PASSWORD, person_id=person_id, hashed=hashed)

    def find_tries(self, login_hash: str) -> SignInTries | None:
        row = self._rows.find(_TRIES, hash=login_hash)
        return None if row is None else SignInTries(count=row.count, last_at=row.last_at)

    def put_tries(self, login_hash: str, tries: SignInTries) -> None:
        if not self._rows.write(_CHANGE_TRIES, of_hash=login_hash, count=tries.count, last_at=tries.last_at):
            self._rows.write(_ADD_TRIES, login_hash=login_hash, count=tries.count, last_at=tries.last_at)

    def forget_tries(self, login_hash: str) -> None:
        self._rows.write(_FORGET_TRIES, of_hash=login_hash)

    def forget_tries_before(self, moment: datetime) -> None:
        self._rows.write(_FORGET_OLD_TRIES, of_moment=moment)

    def put_invitation(self, invitation: Invitation, *, secret_hash: str) -> None:
        person_id = invitation.person.person_id
        self.forget_invitation(person_id)
        self._rows.write(
            _ADD_INVITATION, person_id=person_id, secret_hash=secret_hash, expires_at=invitation.expires_at
        )

    def find_invitation(self, secret_hash: str) -> Invitation | None:
        row = self._rows.find(_INVITATION, hash=secret_hash)
        person = None if row is None else self._rows.find(_INVITED, person=row.person_id)
        if row is None or person is None:
            return None
        return Invitation(person=read_person(person), expires_at=row.expires_at)

    def forget_invitation(self, person_id: PersonId) -> None:
        self._rows.write(_FORGET_INVITATION, of_person=person_id)
