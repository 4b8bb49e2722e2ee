"""People's decisions in the database: rows are added, none is ever changed."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import CheckId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.storage.tables import DecisionRow, SubmissionRow


class DecisionsTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, decision: Decision) -> None:
        last = self._session.scalar(
            sa.select(sa.func.max(DecisionRow.place)).where(DecisionRow.submission_id == decision.submission_id)
        )
        self._session.add(
            DecisionRow(
                decision_id=decision.decision_id,
                submission_id=decision.submission_id,
                place=(last or 0) + 1,
                question_id=decision.question_id,
                check_id=decision.check_id,
                kind=decision.kind.value,
                points=decision.points,
                items=None if decision.items is None else list(decision.items),
                comment=decision.comment,
                reason=decision.reason,
                decided_by=decision.decided_by,
                decided_at=decision.decided_at,
            )
        )
        self._session.flush()

    def list_decided(self, submission_ids: Sequence[SubmissionId]) -> frozenset[SubmissionId]:
        query = sa.select(DecisionRow.submission_id).where(DecisionRow.submission_id.in_(submission_ids)).distinct()
        return frozenset(SubmissionId(found) for found in self._session.scalars(query))

    def list_decided_in(self, offering_id: OfferingId) -> tuple[SubmissionId, ...]:
        query = (
            sa.select(SubmissionRow.submission_id)
            .where(SubmissionRow.offering_id == offering_id)
            .where(SubmissionRow.submission_id.in_(sa.select(DecisionRow.submission_id)))
            .order_by(SubmissionRow.received_at, SubmissionRow.submission_id)
        )
        return tuple(SubmissionId(found) for found in self._session.scalars(query))

    def list_of(self, submission_id: SubmissionId) -> tuple[Decision, ...]:
        query = sa.select(DecisionRow).where(DecisionRow.submission_id == submission_id).order_by(DecisionRow.place)
        return tuple(
            Decision(
                decision_id=DecisionId(row.decision_id),
                submission_id=SubmissionId(row.submission_id),
                question_id=QuestionId(row.question_id),
                check_id=None if row.check_id is None else CheckId(row.check_id),
                kind=DecisionKind(row.kind),
                points=row.points,
                comment=row.comment,
                reason=row.reason,
                decided_by=PersonId(row.decided_by),
                decided_at=row.decided_at,
                items=None if row.items is None else tuple(row.items),
            )
            for row in self._session.scalars(query)
        )
