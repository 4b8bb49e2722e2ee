"""How people sign in: passwords, sessions, invitations, and asking to join a course."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from grader.domain.ids import CourseId, PersonId
from grader.domain.people import Person

SessionId = NewType("SessionId", str)
JoinRequestId = NewType("JoinRequestId", str)

_FREE_TRIES = 5
_FIRST_WAIT_S = 10
_LONGEST_WAIT_S = 300


@dataclass(frozen=True, kw_only=True)
class SessionLifetimes:
    """How long a new session lasts: while it is used, and at most."""

    idle_s: float = 7 * 24 * 3600
    total_s: float = 30 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Session:
    """One browser that is signed in; its secret is in a cookie there, here only as a hash."""

    session_id: SessionId
    person_id: PersonId
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    idle_s: float

    def is_valid(self, *, at: datetime) -> bool:
        return at < min(self.expires_at, self.used_at + timedelta(seconds=self.idle_s))


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A link with which a person chooses a password, once; a person has one at most, the newest."""

    person: Person
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is to an identity provider (OpenID Connect): there the two together are one person for ever."""

    issuer: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Somebody whom an identity provider has signed in; `login` is who they say that is here."""

    identity: Identity
    login: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Departure:
    """What a browser must bring back from an identity provider, so that the answer is the one to this question."""

    state: str
    nonce: str
    verifier: str
    to: str
    """The page of ours to go on to."""


@dataclass(frozen=True, kw_only=True)
class SignInTries:
    """Tries to sign in under a login, whether or not it exists, since the last one that succeeded."""

    count: int
    last_at: datetime

    @property
    def next_at(self) -> datetime:
        """When the next try will be looked at: a few are free, then each costs twice the wait of the one before.

        The longest wait is short, because anyone who knows a login can bring it about.
        """
        beyond = self.count - _FREE_TRIES
        if beyond < 0:
            return self.last_at
        # The exponent is bounded first: 2**(any count) would be a number without bound.
        wait_s = min(_FIRST_WAIT_S * 2 ** min(beyond, 16), _LONGEST_WAIT_S)
        return self.last_at + timedelta(seconds=wait_s)


@dataclass(frozen=True, kw_only=True)
class JoinRequest:
    """Somebody with a course's join code says to be this student; staff say whether it is so."""

    request_id: JoinRequestId
    course_id: CourseId
    person: Person
    student_number: str
    asked_at: datetime
