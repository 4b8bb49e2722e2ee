"""Tokens in the database: hashes only."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import PersonId
from grader.domain.people import Token, TokenId, TokenKind
from grader.storage.tables import TokenRow


class TokensTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, token: Token, *, secret_hash: str) -> None:
        self._session.add(
            TokenRow(
                token_id=token.token_id,
                person_id=token.person_id,
                secret_hash=secret_hash,
                kind=token.kind.value,
                label=token.label,
                created_at=token.created_at,
                expires_at=token.expires_at,
                revoked_at=token.revoked_at,
            )
        )
        self._session.flush()

    def find_by_hash(self, secret_hash: str) -> Token | None:
        row = self._session.scalar(sa.select(TokenRow).where(TokenRow.secret_hash == secret_hash))
        return None if row is None else _read(row)

    def find(self, token_id: TokenId) -> Token | None:
        row = self._session.get(TokenRow, token_id)
        return None if row is None else _read(row)

    def list_of(self, person_id: PersonId) -> tuple[Token, ...]:
        query = sa.select(TokenRow).where(TokenRow.person_id == person_id).order_by(TokenRow.created_at)
        return tuple(_read(row) for row in self._session.scalars(query))

    def revoke(self, token_id: TokenId, *, at: datetime) -> None:
        row = self._session.get(TokenRow, token_id)
        if row is not None and row.revoked_at is None:
            row.revoked_at = at
            self._session.flush()


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
