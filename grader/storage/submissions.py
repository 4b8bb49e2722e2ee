"""Submissions in the database, which of them counts, and the written answers found in them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from grader.domain.ids import BlobKey, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.notebook import IdentityHint
from grader.domain.submission import Submission, WrittenAnswer
from grader.errors import NotFound
from grader.storage.rows import Rows
from grader.storage.tables import CountingSubmissionRow, SubmissionRow, WrittenAnswerRow

_ADD = sa.insert(SubmissionRow)
_BY_ID = sa.select(SubmissionRow).where(SubmissionRow.submission_id == sa.bindparam("submission"))
_NEWEST = (
    sa.select(SubmissionRow)
    .where(SubmissionRow.offering_id == sa.bindparam("offering"), SubmissionRow.person_id == sa.bindparam("person"))
    .order_by(SubmissionRow.number.desc())
    .limit(1)
)
_MARK_LATE = sa.update(SubmissionRow).where(SubmissionRow.submission_id == sa.bindparam("of_submission"))

_NEWEST_FIRST = (
    sa.select(SubmissionRow)
    .order_by(SubmissionRow.received_at.desc(), SubmissionRow.submission_id.desc())
    .limit(sa.bindparam("most"))
)
_OF_ALL = _NEWEST_FIRST.where(SubmissionRow.offering_id == sa.bindparam("offering"))
# Found first and sorted then: the index with the order would lead through everybody's submissions to one person's.
_theirs = aliased(SubmissionRow)
_OF_PERSON = _NEWEST_FIRST.where(
    SubmissionRow.submission_id.in_(
        sa.select(_theirs.submission_id).where(
            _theirs.offering_id == sa.bindparam("offering"), _theirs.person_id == sa.bindparam("person")
        )
    )
)
_IS_OLDER = sa.or_(
    SubmissionRow.received_at < sa.bindparam("received_at"),
    sa.and_(
        SubmissionRow.received_at == sa.bindparam("received_at"),
        SubmissionRow.submission_id < sa.bindparam("after"),
    ),
)
_OLDER_OF_ALL, _OLDER_OF_PERSON = _OF_ALL.where(_IS_OLDER), _OF_PERSON.where(_IS_OLDER)

_ADD_COUNTING = sa.insert(CountingSubmissionRow)
_MOVE_COUNTING = sa.update(CountingSubmissionRow).where(
    CountingSubmissionRow.offering_id == sa.bindparam("of_offering"),
    CountingSubmissionRow.person_id == sa.bindparam("of_person"),
)
_FORGET_COUNTING = sa.delete(CountingSubmissionRow).where(
    CountingSubmissionRow.offering_id == sa.bindparam("of_offering"),
    CountingSubmissionRow.person_id == sa.bindparam("of_person"),
)
_COUNTING = sa.select(CountingSubmissionRow.submission_id).where(
    CountingSubmissionRow.offering_id == sa.bindparam("offering"),
    CountingSubmissionRow.person_id == sa.bindparam("person"),
)

_ADD_WRITTEN = sa.insert(WrittenAnswerRow)
_FORGET_WRITTEN = sa.delete(WrittenAnswerRow).where(WrittenAnswerRow.submission_id == sa.bindparam("of_submission"))
_WRITTEN = (
    sa.select(WrittenAnswerRow)
    .where(WrittenAnswerRow.submission_id == sa.bindparam("submission"))
    .order_by(WrittenAnswerRow.question_id)
)


class SubmissionsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, submission: Submission) -> None:
        self._rows.write(
            _ADD,
            submission_id=submission.submission_id,
            person_id=submission.person_id,
            offering_id=submission.offering_id,
            number=submission.number,
            notebook=submission.notebook,
            size_bytes=submission.size_bytes,
            file_name=submission.file_name,
            received_at=submission.received_at,
            is_late=submission.is_late,
            is_too_late=submission.is_too_late,
            late_percent=submission.late_percent,
            hinted_name=submission.identity.name,
            hinted_number=submission.identity.student_number,
        )

    def get(self, submission_id: SubmissionId) -> Submission:
        row = self._rows.find(_BY_ID, submission=submission_id)
        if row is None:
            raise NotFound(what="submission", name=submission_id)
        return _read(row)

    def find_newest(self, offering_id: OfferingId, *, person_id: PersonId) -> Submission | None:
        row = self._rows.find(_NEWEST, offering=offering_id, person=person_id)
        return None if row is None else _read(row)

    def list_of(
        self,
        offering_id: OfferingId,
        *,
        person_id: PersonId | None = None,
        after: SubmissionId | None = None,
        limit: int,
    ) -> tuple[Submission, ...]:
        whose: dict[str, object] = {} if person_id is None else {"person": person_id}
        if after is None:
            query, place = _OF_PERSON if whose else _OF_ALL, {}
        else:
            query = _OLDER_OF_PERSON if whose else _OLDER_OF_ALL
            place = {"after": after, "received_at": self.get(after).received_at}
        return tuple(map(_read, self._rows.list(query, offering=offering_id, most=limit, **whose, **place)))

    def set_counting(self, submission: Submission) -> None:
        offering, person, chosen = submission.offering_id, submission.person_id, submission.submission_id
        if not self._rows.write(_MOVE_COUNTING, of_offering=offering, of_person=person, submission_id=chosen):
            self._rows.write(_ADD_COUNTING, offering_id=offering, person_id=person, submission_id=chosen)

    def clear_counting(self, submission: Submission) -> None:
        self._rows.write(_FORGET_COUNTING, of_offering=submission.offering_id, of_person=submission.person_id)

    def mark_late(self, submissions: Sequence[Submission]) -> None:
        for submission in submissions:
            self._rows.write(
                _MARK_LATE,
                of_submission=submission.submission_id,
                is_late=submission.is_late,
                is_too_late=submission.is_too_late,
                late_percent=submission.late_percent,
            )

    def find_counting(self, offering_id: OfferingId, *, person_id: PersonId) -> SubmissionId | None:
        found = self._rows.scalar(_COUNTING, offering=offering_id, person=person_id)
        return None if found is None else SubmissionId(found)

    def set_written(self, submission_id: SubmissionId, answers: Sequence[WrittenAnswer]) -> None:
        self._rows.write(_FORGET_WRITTEN, of_submission=submission_id)
        rows = [
            {
                "submission_id": submission_id,
                "question_id": answer.question_id,
                "text_hash": answer.text_hash,
                "text": answer.text,
                "has_attachments": answer.has_attachments,
            }
            for answer in answers
        ]
        self._rows.add_all(_ADD_WRITTEN, rows)

    def list_written(self, submission_id: SubmissionId) -> tuple[WrittenAnswer, ...]:
        return tuple(
            WrittenAnswer(
                question_id=QuestionId(row.question_id),
                text_hash=row.text_hash,
                text=row.text,
                has_attachments=row.has_attachments,
            )
            for row in self._rows.list(_WRITTEN, submission=submission_id)
        )


def _read(row: SubmissionRow) -> Submission:
    return Submission(
        submission_id=SubmissionId(row.submission_id),
        person_id=PersonId(row.person_id),
        offering_id=OfferingId(row.offering_id),
        number=row.number,
        notebook=BlobKey(row.notebook),
        size_bytes=row.size_bytes,
        file_name=row.file_name,
        received_at=row.received_at,
        is_late=row.is_late,
        identity=IdentityHint(name=row.hinted_name, student_number=row.hinted_number),
        is_too_late=row.is_too_late,
        late_percent=row.late_percent,
    )
