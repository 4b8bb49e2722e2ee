"""People's decisions in the database: rows are added, none is ever changed."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from grader.domain.ids import CheckId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.storage.rows import Rows
from grader.storage.tables import DecisionRow, SubmissionRow

_ADD = sa.insert(DecisionRow).values(
    place=sa.select(sa.func.coalesce(sa.func.max(DecisionRow.place), 0) + 1)
    .where(DecisionRow.submission_id == sa.bindparam("of_submission"))
    .scalar_subquery()
)
_OF_SUBMISSION = (
    sa.select(DecisionRow).where(DecisionRow.submission_id == sa.bindparam("submission")).order_by(DecisionRow.place)
)
_DECIDED = (
    sa.select(DecisionRow.submission_id)
    .where(DecisionRow.submission_id.in_(sa.bindparam("submissions", expanding=True)))
    .where(DecisionRow.kind.in_(sa.bindparam("kinds", expanding=True)))
    .distinct()
)
_DECIDED_IN = (
    sa.select(SubmissionRow.submission_id)
    .where(SubmissionRow.offering_id == sa.bindparam("offering"))
    .where(SubmissionRow.submission_id.in_(sa.select(DecisionRow.submission_id)))
    .order_by(SubmissionRow.received_at, SubmissionRow.submission_id)
)


class DecisionsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, decision: Decision) -> None:
        self._rows.write(
            _ADD,
            of_submission=decision.submission_id,
            decision_id=decision.decision_id,
            submission_id=decision.submission_id,
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

    def list_decided(
        self, submission_ids: Sequence[SubmissionId], *, kinds: Collection[DecisionKind] = tuple(DecisionKind)
    ) -> frozenset[SubmissionId]:
        words = [kind.value for kind in kinds]
        return frozenset(map(SubmissionId, self._rows.scalars(_DECIDED, submissions=submission_ids, kinds=words)))

    def list_decided_in(self, offering_id: OfferingId) -> tuple[SubmissionId, ...]:
        return tuple(map(SubmissionId, self._rows.scalars(_DECIDED_IN, offering=offering_id)))

    def list_of(self, submission_id: SubmissionId) -> tuple[Decision, ...]:
        return tuple(map(read_decision, self._rows.list(_OF_SUBMISSION, submission=submission_id)))


def read_decision(row: DecisionRow) -> Decision:
    return Decision(
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
