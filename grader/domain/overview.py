"""What is read of a whole course at once: who is in it, what counts for each, how every check came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.result import Points, Verdict
from grader.domain.submission import DecisionKind, RunState


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which counting submissions are meant: a course's, those for one offering, those of some people."""

    course_id: CourseId
    offering_id: OfferingId | None = None
    people: Sequence[PersonId] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Student:
    person_id: PersonId
    login: str
    name: str
    student_number: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Points of a check, a question or a submission."""

    score: Points
    decided: Points
    pending: Points
    points: Points


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """The submission that counts for one person and offering."""

    person_id: PersonId
    offering_id: OfferingId
    submission_id: SubmissionId
    number: int
    received_at: datetime
    is_late: bool
    state: RunState
    """Of the run whose result is the submission's, or of the newest while there is no result."""
    version: VersionHash | None
    """Of the run whose result is the submission's."""
    sums: Sums | None
    """What that run itself found, without what people decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """The part of a decision that points follow from."""

    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId | None
    kind: DecisionKind
    points: Points | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckLine:
    """A check's result in a submission that counts, without the facts of its sentence."""

    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId
    kind: str
    verdict: Verdict
    sums: Sums
    code: str
    diagnosis: str | None
    """Code of the mistake that was recognised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """That something was handed in; every submission, whether it counts or not."""

    received_at: datetime
    is_late: bool
