"""Tokens in the database: hashes only."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.ids import PersonId
from grader.domain.people import Token, TokenId, TokenKind
from grader.storage.rows import Rows
from grader.storage.tables import TokenRow

_ADD = sa.insert(TokenRow)
_REVOKE = sa.update(TokenRow).where(TokenRow.token_id == sa.bindparam("of_token"), TokenRow.revoked_at.is_(None))
_BY_ID = sa.select(TokenRow).where(TokenRow.token_id == sa.bindparam("token"))
_BY_HASH = sa.select(TokenRow).where(TokenRow.secret_hash == sa.bindparam("hash"))
_OF_PERSON = sa.select(TokenRow).where(TokenRow.person_id == sa.bindparam("person")).order_by(TokenRow.created_at)


class TokensTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, token: Token, *, secret_hash: str) -> None:
        self._rows.write(
            _ADD,
            token_id=token.token_id,
            person_id=token.person_id,
            secret_hash=secret_hash,
            kind=token.kind.value,
            label=token.label,
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )

    def find_by_hash(self, secret_hash: str) -> Token | None:
        row = self._rows.find(_BY_HASH, hash=secret_hash)
        return None if row is None else _read(row)

    def find(self, token_id: TokenId) -> Token | None:
        row = self._rows.find(_BY_ID, token=token_id)
        return None if row is None else _read(row)

    def list_of(self, person_id: PersonId) -> tuple[Token, ...]:
        return tuple(map(_read, self._rows.list(_OF_PERSON, person=person_id)))

    def revoke(self, token_id: TokenId, *, at: datetime) -> None:
        self._rows.write(_REVOKE, of_token=token_id, revoked_at=at)


def _read(row: TokenRow) -> Token:
    return Token(
        token_id=TokenId(row.token_id),
        person_id=PersonId(row.person_id),
        kind=TokenKind(row.kind),
        label=row.label,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
