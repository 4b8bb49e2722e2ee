"""What stands of each submission, in the database: one row of sums beside the run that counts."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from grader.domain.ids import CourseId, OfferingId, PersonId, SubmissionId, VersionHash
from grader.domain.overview import Attendance, Sums
from grader.domain.result import Points
from grader.domain.review import WaitingCheck
from grader.domain.submission import RunState
from grader.storage.rows import Rows
from grader.storage.tables import (
    CountingRunRow,
    CountingSubmissionRow,
    OfferingRow,
    RunRow,
    StandingRow,
    SubmissionRow,
    WaitingCheckRow,
)

_ADD = sa.insert(StandingRow)
_CHANGE = sa.update(StandingRow).where(StandingRow.submission_id == sa.bindparam("of_submission"))
_FORGET = sa.delete(StandingRow).where(StandingRow.submission_id == sa.bindparam("of_submission"))
_ADD_WAITING = sa.insert(WaitingCheckRow)
_FORGET_WAITING = sa.delete(WaitingCheckRow).where(WaitingCheckRow.submission_id == sa.bindparam("of_submission"))
_OF = sa.select(
    StandingRow.submission_id, StandingRow.score, StandingRow.decided, StandingRow.pending, StandingRow.points
).where(StandingRow.submission_id.in_(sa.bindparam("submissions", expanding=True)))
_AWAITED = sa.select(StandingRow.submission_id, StandingRow.awaited).where(
    StandingRow.submission_id.in_(sa.bindparam("submissions", expanding=True))
)
_GRADED_WITH = (
    sa.select(RunRow.submission_id)
    .distinct()
    .join(SubmissionRow, SubmissionRow.submission_id == RunRow.submission_id)
    .where(
        SubmissionRow.offering_id == sa.bindparam("offering"),
        RunRow.version == sa.bindparam("version"),
        RunRow.state == RunState.FINISHED.value,
    )
)
_MISSING = (
    sa.select(CountingRunRow.submission_id)
    .outerjoin(StandingRow, StandingRow.submission_id == CountingRunRow.submission_id)
    .where(StandingRow.submission_id.is_(None))
    .limit(sa.bindparam("most"))
)
_BY_PERSON = (
    sa.select(
        CountingSubmissionRow.person_id,
        sa.func.sum(StandingRow.score),
        sa.func.sum(StandingRow.decided),
        sa.func.sum(StandingRow.pending),
        sa.func.sum(StandingRow.points),
    )
    .join(StandingRow, StandingRow.submission_id == CountingSubmissionRow.submission_id)
    .where(
        CountingSubmissionRow.offering_id.in_(
            sa.select(OfferingRow.offering_id).where(OfferingRow.course_id == sa.bindparam("course"))
        )
    )
    .group_by(CountingSubmissionRow.person_id)
)

_ATTENDANCE = (
    sa.select(
        CountingSubmissionRow.person_id,
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(StandingRow.score), 0.0),
        sa.func.coalesce(sa.func.sum(StandingRow.decided), 0.0),
    )
    .outerjoin(StandingRow, StandingRow.submission_id == CountingSubmissionRow.submission_id)
    .where(CountingSubmissionRow.offering_id.in_(sa.bindparam("offerings", expanding=True)))
    .group_by(CountingSubmissionRow.person_id)
)


class StandingsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, submission_id: SubmissionId, sums: Sums, *, awaited: Points, waiting: Sequence[WaitingCheck]) -> None:
        if not self._rows.write(_CHANGE, of_submission=submission_id, **sums._asdict(), awaited=awaited):
            self._rows.write(_ADD, submission_id=submission_id, **sums._asdict(), awaited=awaited)
        self._rows.write(_FORGET_WAITING, of_submission=submission_id)
        self._rows.add_all(_ADD_WAITING, waiting_rows(submission_id, waiting))

    def forget(self, submission_id: SubmissionId) -> None:
        self._rows.write(_FORGET, of_submission=submission_id)
        self._rows.write(_FORGET_WAITING, of_submission=submission_id)

    def list_of(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Sums]:
        rows = self._rows.list_tuples(_OF, submissions=submission_ids)
        return {SubmissionId(submission_id): Sums(*sums) for submission_id, *sums in rows}

    def list_awaited(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Points]:
        rows = self._rows.list_tuples(_AWAITED, submissions=submission_ids)
        return {SubmissionId(submission_id): awaited for submission_id, awaited in rows}

    def list_graded_with(self, offering_id: OfferingId, version: VersionHash) -> tuple[SubmissionId, ...]:
        return tuple(map(SubmissionId, self._rows.scalars(_GRADED_WITH, offering=offering_id, version=version)))

    def list_missing(self, *, limit: int) -> tuple[SubmissionId, ...]:
        return tuple(map(SubmissionId, self._rows.scalars(_MISSING, most=limit)))

    def list_attendance(self, offering_ids: Sequence[OfferingId]) -> Mapping[PersonId, Attendance]:
        rows = self._rows.list_tuples(_ATTENDANCE, offerings=offering_ids)
        return {PersonId(person_id): Attendance(count, *sums) for person_id, count, *sums in rows}

    def add_up(self, course_id: CourseId) -> Mapping[PersonId, Sums]:
        rows = self._rows.list_tuples(_BY_PERSON, course=course_id)
        return {PersonId(person_id): Sums(*sums) for person_id, *sums in rows}


def waiting_rows(submission_id: SubmissionId, waiting: Sequence[WaitingCheck]) -> list[dict[str, object]]:
    """What waits of a submission as it is in its table."""
    return [{"submission_id": submission_id, **each._asdict(), "verdict": each.verdict.value} for each in waiting]
