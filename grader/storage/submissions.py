"""Submissions in the database, which of them counts, and the written answers found in them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import BlobKey, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.notebook import IdentityHint
from grader.domain.submission import Submission, WrittenAnswer
from grader.errors import NotFound
from grader.storage.tables import CountingSubmissionRow, SubmissionRow, WrittenAnswerRow


class SubmissionsTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, submission: Submission) -> None:
        self._session.add(
            SubmissionRow(
                submission_id=submission.submission_id,
                person_id=submission.person_id,
                offering_id=submission.offering_id,
                number=submission.number,
                notebook=submission.notebook,
                size_bytes=submission.size_bytes,
                file_name=submission.file_name,
                received_at=submission.received_at,
                is_late=submission.is_late,
                hinted_name=submission.identity.name,
                hinted_number=submission.identity.student_number,
            )
        )
        self._session.flush()

    def get(self, submission_id: SubmissionId) -> Submission:
        return _read(self._get_row(submission_id))

    def find_newest(self, offering_id: OfferingId, *, person_id: PersonId) -> Submission | None:
        query = (
            sa.select(SubmissionRow)
            .where(SubmissionRow.offering_id == offering_id, SubmissionRow.person_id == person_id)
            .order_by(SubmissionRow.number.desc())
            .limit(1)
        )
        row = self._session.scalar(query)
        return None if row is None else _read(row)

    def list_of(
        self,
        offering_id: OfferingId,
        *,
        person_id: PersonId | None = None,
        after: SubmissionId | None = None,
        limit: int,
    ) -> tuple[Submission, ...]:
        place = (SubmissionRow.received_at, SubmissionRow.submission_id)
        query = (
            sa.select(SubmissionRow)
            .where(SubmissionRow.offering_id == offering_id)
            .order_by(place[0].desc(), place[1].desc())
            .limit(limit)
        )
        if person_id is not None:
            query = query.where(SubmissionRow.person_id == person_id)
        if after is not None:
            last = self._get_row(after)
            query = query.where(
                sa.or_(place[0] < last.received_at, sa.and_(place[0] == last.received_at, place[1] < after))
            )
        return tuple(_read(row) for row in self._session.scalars(query))

    def set_counting(self, submission: Submission) -> None:
        self._session.merge(
            CountingSubmissionRow(
                offering_id=submission.offering_id,
                person_id=submission.person_id,
                submission_id=submission.submission_id,
            )
        )
        self._session.flush()

    def find_counting(self, offering_id: OfferingId, *, person_id: PersonId) -> SubmissionId | None:
        row = self._session.get(CountingSubmissionRow, (offering_id, person_id))
        return None if row is None else SubmissionId(row.submission_id)

    def set_written(self, submission_id: SubmissionId, answers: Sequence[WrittenAnswer]) -> None:
        self._session.execute(sa.delete(WrittenAnswerRow).where(WrittenAnswerRow.submission_id == submission_id))
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
        if rows:
            self._session.execute(sa.insert(WrittenAnswerRow), rows)

    def list_written(self, submission_id: SubmissionId) -> tuple[WrittenAnswer, ...]:
        query = (
            sa.select(WrittenAnswerRow)
            .where(WrittenAnswerRow.submission_id == submission_id)
            .order_by(WrittenAnswerRow.question_id)
        )
        return tuple(
            WrittenAnswer(
                question_id=QuestionId(row.question_id),
                text_hash=row.text_hash,
                text=row.text,
                has_attachments=row.has_attachments,
            )
            for row in self._session.scalars(query)
        )

    def _get_row(self, submission_id: SubmissionId) -> SubmissionRow:
        row = self._session.get(SubmissionRow, submission_id)
        if row is None:
            raise NotFound(what="submission", name=submission_id)
        return row


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
    )
