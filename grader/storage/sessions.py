"""Sessions in the database: hashes of their secrets only."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.accounts import Session, SessionId
from grader.domain.ids import PersonId
from grader.storage.rows import Rows
from grader.storage.tables import SessionRow

_ADD = sa.insert(SessionRow)
_BY_HASH = sa.select(SessionRow).where(SessionRow.secret_hash == sa.bindparam("hash"))
_TOUCH = sa.update(SessionRow).where(SessionRow.session_id == sa.bindparam("of_session"))
_END = sa.delete(SessionRow).where(SessionRow.secret_hash == sa.bindparam("of_hash"))
_END_ALL = sa.delete(SessionRow).where(
    SessionRow.person_id == sa.bindparam("of_person"), SessionRow.session_id != sa.bindparam("of_other")
)
_FORGET_ENDED = sa.delete(SessionRow).where(SessionRow.expires_at <= sa.bindparam("of_moment"))


class SessionsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, session: Session, *, secret_hash: str) -> None:
        self._rows.write(
            _ADD,
            session_id=session.session_id,
            person_id=session.person_id,
            secret_hash=secret_hash,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
            idle_s=session.idle_s,
        )

    def find_by_hash(self, secret_hash: str) -> Session | None:
        row = self._rows.find(_BY_HASH, hash=secret_hash)
        if row is None:
            return None
        return Session(
            session_id=SessionId(row.session_id),
            person_id=PersonId(row.person_id),
            created_at=row.created_at,
            used_at=row.used_at,
            expires_at=row.expires_at,
            idle_s=row.idle_s,
        )

    def touch(self, session_id: SessionId, *, at: datetime) -> None:
        self._rows.write(_TOUCH, of_session=session_id, used_at=at)

    def end(self, secret_hash: str) -> None:
        self._rows.write(_END, of_hash=secret_hash)

    def end_all(self, person_id: PersonId, *, but: SessionId | None = None) -> None:
        self._rows.write(_END_ALL, of_person=person_id, of_other=but or "")

    def forget_ended(self, *, at: datetime) -> None:
        self._rows.write(_FORGET_ENDED, of_moment=at)
