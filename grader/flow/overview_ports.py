"""What is read of whole courses at once, as Protocols."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.overview import (
    Arrival,
    Attendance,
    CheckGroup,
    Counted,
    HowFar,
    QuestionLine,
    QuestionTotals,
    Ruling,
    Scope,
    Student,
    Sums,
)
from grader.domain.result import CheckResult, Points
from grader.domain.review import WaitingCheck


class Overview(Protocol):
    """What is read of a whole course at once; each is one statement."""

    def list_students(self, course_id: CourseId) -> tuple[Student, ...]:
        """Its roster without staff, by login."""

    def list_arrivals(self, course_id: CourseId, *, offering_id: OfferingId) -> tuple[Arrival, ...]:
        """Everything that its students handed in for the offering, oldest first."""

    def list_counted(self, scope: Scope) -> tuple[Counted, ...]: ...

    def list_how_far(self, scope: Scope, *, only_pending: bool = False) -> tuple[HowFar, ...]:
        """The same submissions, for half the time; or only those of whose points some are pending."""

    def list_rulings(self, scope: Scope) -> tuple[Ruling, ...]:
        """The whole history of every decision about a question that the submission's result has."""

    def list_questions(self, scope: Scope) -> tuple[QuestionLine, ...]: ...

    def add_up_questions(self, scope: Scope) -> tuple[QuestionTotals, ...]:
        """The same, each question in one line, in the assignment's order."""

    def group_checks(self, scope: Scope) -> tuple[CheckGroup, ...]:
        """In the assignment's order."""

    def find_check(
        self, submission_id: SubmissionId, *, question_id: QuestionId, check_id: CheckId
    ) -> CheckResult | None:
        """What the run that counts found about one check of a submission."""


class Standings(Protocol):
    """What stands of each submission that has a result, kept beside it so that whole courses can be added up."""

    def put(self, submission_id: SubmissionId, sums: Sums, *, awaited: Points, waiting: Sequence[WaitingCheck]) -> None:
        """Replaces what stood before.

        Args:
            submission_id: one that has a result.
            sums: of it.
            awaited: points of written answers that nobody has read yet, less what being late costs.
            waiting: what nobody has settled.
        """

    def forget(self, submission_id: SubmissionId) -> None: ...

    def list_of(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Sums]: ...

    def list_awaited(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Points]: ...

    def list_graded_with(self, offering_id: OfferingId, version: VersionHash) -> tuple[SubmissionId, ...]:
        """The offering's submissions with a result of a version, if only to look at."""

    def list_missing(self, *, limit: int) -> tuple[SubmissionId, ...]:
        """Submissions that have a result, but no sums: an earlier release kept none."""

    def list_attendance(self, offering_ids: Sequence[OfferingId]) -> Mapping[PersonId, Attendance]:
        """Of everybody who handed in anything for these offerings."""

    def add_up(self, course_id: CourseId) -> Mapping[PersonId, Sums]:
        """Of each of the course's students, the sum of what counts."""
