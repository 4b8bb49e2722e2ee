"""When people looked at what in the database, and what has changed there for them."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from grader.domain.ids import CourseId, OfferingId, PersonId
from grader.domain.submission import RunCause
from grader.storage.rows import Rows
from grader.storage.tables import (
    DecisionRow,
    OfferingRow,
    RegradeRow,
    RegradeRunRow,
    RunRow,
    SubmissionRow,
    VisitRow,
)

_IN_COURSE = sa.select(OfferingRow.offering_id).where(OfferingRow.course_id == sa.bindparam("course"))
_ADD = sa.insert(VisitRow)
_MOVE = sa.update(VisitRow).where(
    VisitRow.person_id == sa.bindparam("of_person"), VisitRow.offering_id == sa.bindparam("of_offering")
)
_SEEN = sa.select(VisitRow.offering_id, VisitRow.seen_at).where(
    VisitRow.person_id == sa.bindparam("person"), VisitRow.offering_id.in_(_IN_COURSE)
)
_CHANGES = (
    sa.select(
        SubmissionRow.offering_id,
        # A trial is no news before somebody applies it.
        sa.func.max(sa.case((RunRow.cause != RunCause.TRIAL.value, RunRow.finished_at))),
        sa.func.max(RegradeRow.applied_at),
        sa.func.max(DecisionRow.decided_at),
    )
    .outerjoin(RunRow, RunRow.submission_id == SubmissionRow.submission_id)
    .outerjoin(RegradeRunRow, sa.and_(RegradeRunRow.run_id == RunRow.run_id, RegradeRunRow.is_applied))
    .outerjoin(RegradeRow, RegradeRow.regrade_id == RegradeRunRow.regrade_id)
    .outerjoin(DecisionRow, DecisionRow.submission_id == SubmissionRow.submission_id)
    # By the offerings first: the index leads from there to one person's.
    .where(SubmissionRow.offering_id.in_(_IN_COURSE), SubmissionRow.person_id == sa.bindparam("person"))
    .group_by(SubmissionRow.offering_id)
)


class VisitsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, offering_id: OfferingId, *, person_id: PersonId, at: datetime) -> None:
        if not self._rows.write(_MOVE, of_person=person_id, of_offering=offering_id, seen_at=at):
            self._rows.write(_ADD, person_id=person_id, offering_id=offering_id, seen_at=at)

    def list_of(self, course_id: CourseId, *, person_id: PersonId) -> Mapping[OfferingId, datetime]:
        rows = self._rows.list_tuples(_SEEN, person=person_id, course=course_id)
        return {OfferingId(offering_id): seen_at for offering_id, seen_at in rows}

    def list_changes(self, course_id: CourseId, *, person_id: PersonId) -> Mapping[OfferingId, datetime | None]:
        rows = self._rows.list_tuples(_CHANGES, person=person_id, course=course_id)
        return {
            OfferingId(offering_id): max((moment for moment in moments if moment is not None), default=None)
            for offering_id, *moments in rows
        }
