"""What signing in and joining need of the database, as Protocols; `ports.Transaction` has one of each."""

from datetime import datetime
from typing import Protocol

from grader.domain.accounts import Invitation, JoinRequest, JoinRequestId, Session, SessionId, SignInTries
from grader.domain.ids import CourseId, PersonId
from grader.domain.people import Token, TokenId


class Accounts(Protocol):
    """Passwords, tries to sign in, and invitations."""

    def find_password(self, person_id: PersonId) -> str | None:
        """Its hash."""

    def put_password(self, person_id: PersonId, *, hashed: str) -> None: ...

    def find_tries(self, login_hash: str) -> SignInTries | None: ...

    def put_tries(self, login_hash: str, tries: SignInTries) -> None: ...

    def forget_tries(self, login_hash: str) -> None: ...

    def forget_tries_before(self, moment: datetime) -> None: ...

    def put_invitation(self, invitation: Invitation, *, secret_hash: str) -> None:
        """The person's earlier one is gone."""

    def find_invitation(self, secret_hash: str) -> Invitation | None: ...

    def forget_invitation(self, person_id: PersonId) -> None: ...


class Sessions(Protocol):
    def add(self, session: Session, *, secret_hash: str) -> None: ...

    def find_by_hash(self, secret_hash: str) -> Session | None: ...

    def touch(self, session_id: SessionId, *, at: datetime) -> None:
        """It was used."""

    def end(self, secret_hash: str) -> None: ...

    def end_all(self, person_id: PersonId, *, but: SessionId | None = None) -> None: ...

    def forget_ended(self, *, at: datetime) -> None:
        """Take away those whose last moment has passed, whosever they are."""


class Joins(Protocol):
    """Join codes, and who asked to join with one."""

    def put_code(self, course_id: CourseId, *, code: str | None) -> None:
        """The course's earlier one is gone; None for none at all."""

    def find_code(self, course_id: CourseId) -> str | None: ...

    def find_course(self, code: str) -> CourseId | None: ...

    def add(self, request: JoinRequest) -> None:
        """The person's earlier one for this course is gone."""

    def get(self, request_id: JoinRequestId) -> JoinRequest:
        """Raises NotFound."""

    def list_in(self, course_id: CourseId, *, offset: int, limit: int) -> tuple[JoinRequest, ...]:
        """Oldest first."""

    def count_in(self, course_id: CourseId) -> int: ...

    def list_of(self, person_id: PersonId) -> tuple[JoinRequest, ...]:
        """Oldest first."""

    def forget(self, request_id: JoinRequestId) -> None: ...


class Tokens(Protocol):
    def add(self, token: Token, *, secret_hash: str) -> None: ...

    def find_by_hash(self, secret_hash: str) -> Token | None: ...

    def find(self, token_id: TokenId) -> Token | None: ...

    def list_of(self, person_id: PersonId) -> tuple[Token, ...]: ...

    def revoke(self, token_id: TokenId, *, at: datetime) -> None:
        """A token that was revoked before keeps its first moment."""
