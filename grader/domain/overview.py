"""What is read of a whole course at once: who is in it, what counts for each, how every check came out.

Named tuples, not dataclasses: a page is made of thousands of them, and a frozen dataclass takes five times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.result import Points, Verdict
from grader.domain.submission import DecisionKind, RunState


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which of the submissions that count are meant: all in a course, or those for one offering, or of some people.

    Only those of students: what staff hand in to try an assignment is no result of the course.
    """

    course_id: CourseId
    offering_id: OfferingId | None = None
    people: Sequence[PersonId] | None = None


class Student(NamedTuple):
    person_id: PersonId
    login: str
    name: str
    student_number: str | None


class Sums(NamedTuple):
    """Points of a check, a question or a submission."""

    score: Points
    decided: Points
    pending: Points
    points: Points


class Counted(NamedTuple):
    """The submission that counts for one person and offering."""

    person_id: PersonId
    offering_id: OfferingId
    submission_id: SubmissionId
    number: int
    is_late: bool
    state: RunState
    """Of the run whose result is the submission's, or of the newest while there is no result."""
    version: VersionHash | None
    """Of the run whose result is the submission's."""
    sums: Sums | None
    """What stands: with what people decided, less what being late costs. None while there is no result."""


class HowFar(NamedTuple):
    """The same in the little that students are chosen and sorted by."""

    person_id: PersonId
    offering_id: OfferingId
    state: RunState | None
    """Of the newest run; None where there is a result."""
    score: Points | None
    pending: Points | None


class Attendance(NamedTuple):
    """What one student has of some offerings together."""

    handed_in: int
    """Offerings of which something counts."""
    score: Points
    decided: Points


class Ruling(NamedTuple):
    """What somebody decided, beside what the run had found about one check that it is about."""

    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId | None
    """None: it is about the whole question, and there is one of these for each of its checks."""
    place: int
    """Of the decision among those about the submission."""
    kind: DecisionKind
    points: Points | None
    found_check: CheckId
    found_kind: str
    found_verdict: Verdict
    found_code: str
    found_diagnosis: str | None
    found: Sums
    found_question: Sums
    """What the run had found about the check's whole question."""


class QuestionLine(NamedTuple):
    """What the run found about one question of a submission that counts."""

    submission_id: SubmissionId
    question_id: QuestionId
    found: Sums


class QuestionTotals(NamedTuple):
    """What the runs found about one question of all submissions that count."""

    question_id: QuestionId
    score: Points
    decided: Points
    full: int
    """Submissions with all its points."""
    none: int
    """Submissions with none, all of it decided."""
    waiting: int
    """Submissions some of whose points wait."""
    results: int


class CheckGroup(NamedTuple):
    """Submissions that count and in which the runs found the same about a check."""

    question_id: QuestionId
    check_id: CheckId
    kind: str
    verdict: Verdict
    code: str
    diagnosis: str | None
    """Code of the mistake that was recognised."""
    students: int
    sample: SubmissionId


class Arrival(NamedTuple):
    """That something was handed in; every submission, whether it counts or not."""

    received_at: datetime
    is_late: bool
