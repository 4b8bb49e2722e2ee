"""Who there is, and who may do what in which course."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from grader.domain.ids import CourseId, PersonId

TokenId = NewType("TokenId", str)


class Role(StrEnum):
    """What a person is in one course; an admin is one everywhere."""

    STUDENT = "student"
    TA = "ta"
    INSTRUCTOR = "instructor"

    @property
    def is_staff(self) -> bool:
        return self is not Role.STUDENT

    def outranks(self, other: "Role") -> bool:
        """May this role act for the other one, in the same course?"""
        order = list(Role)
        return order.index(self) > order.index(other)


class CountingPolicy(StrEnum):
    """Which of a student's submissions for one assignment counts."""

    BEST = "best"
    LAST = "last"


class TokenKind(StrEnum):
    PERSONAL = "personal"
    """A bearer token for the JSON API and the command line."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """`login` is what people type and what rosters use (a mail address, an account); unique, compared as written."""

    person_id: PersonId
    login: str
    name: str
    is_admin: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Course:
    """`slug` is its name in addresses; `time_zone` an IANA name such as 'Asia/Tokyo'."""

    course_id: CourseId
    slug: str
    title: str
    time_zone: str
    counting: CountingPolicy
    created_at: datetime
    shows_at_risk: bool = False
    """Does its dashboard list students who may fail?"""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """`left_at` is None for members; who left keeps all that was handed in and may come back."""

    course_id: CourseId
    person_id: PersonId
    role: Role
    student_number: str | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    """A line of a course's roster."""

    person: Person
    membership: Membership


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is known of a token; the secret itself is shown once and kept as a hash only."""

    token_id: TokenId
    person_id: PersonId
    kind: TokenKind
    label: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, *, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
