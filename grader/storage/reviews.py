"""What needs a person, in the database, and what reviewers keep: drafts of their own, comments for each other."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from grader.domain.ids import CheckId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.review import Answer, AnswerScope, Draft, Failure, SavedComment, SavedCommentId, Ungraded
from grader.domain.submission import Decision, RunCause, RunState
from grader.storage.decisions import read_decision
from grader.storage.rows import Rows
from grader.storage.tables import (
    CheckResultRow,
    CountingRunRow,
    CountingSubmissionRow,
    DecisionRow,
    MembershipRow,
    QuestionResultRow,
    ReviewDraftRow,
    RunRow,
    SavedCommentRow,
    SubmissionRow,
    VersionRow,
    WaitingCheckRow,
    WrittenAnswerRow,
)

_WHOLE_QUESTION = ""
"""What stands for the check of a draft that is about no single one: a part of a key is never empty."""
_PENDING = [verdict.value for verdict in Verdict if verdict.is_pending]

_IS_STUDENT = sa.and_(
    MembershipRow.course_id == sa.bindparam("course"),
    MembershipRow.role == Role.STUDENT.value,
    MembershipRow.left_at.is_(None),
)
_OF_STUDENTS = sa.and_(CountingSubmissionRow.offering_id.in_(sa.bindparam("offerings", expanding=True)), _IS_STUDENT)


def _of_answers(
    question: type[QuestionResultRow | WaitingCheckRow], check: type[CheckResultRow | WaitingCheckRow]
) -> tuple[InstrumentedAttribute[Any], ...]:
    """What an `Answer` is made of."""
    return (
        CountingSubmissionRow.offering_id,
        question.question_id,
        check.check_id,
        check.kind,
        check.verdict,
        check.code,
        CountingSubmissionRow.person_id,
        CountingSubmissionRow.submission_id,
        WrittenAnswerRow.text_hash,
        WrittenAnswerRow.has_attachments,
    )


def _has_words(question: type[QuestionResultRow | WaitingCheckRow]) -> sa.ColumnElement[bool]:
    return sa.and_(
        WrittenAnswerRow.submission_id == CountingSubmissionRow.submission_id,
        WrittenAnswerRow.question_id == question.question_id,
    )


_ANSWERS = (
    sa.select(*_of_answers(QuestionResultRow, CheckResultRow))
    .select_from(CountingSubmissionRow)
    .join(MembershipRow, MembershipRow.person_id == CountingSubmissionRow.person_id)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .join(
        CheckResultRow,
        sa.and_(
            CheckResultRow.run_id == QuestionResultRow.run_id,
            CheckResultRow.question_place == QuestionResultRow.place,
        ),
    )
    .outerjoin(WrittenAnswerRow, _has_words(QuestionResultRow))
    .where(_OF_STUDENTS, CheckResultRow.verdict.in_(_PENDING))
)
_WAITING = (
    sa.select(*_of_answers(WaitingCheckRow, WaitingCheckRow))
    .select_from(CountingSubmissionRow)
    .join(MembershipRow, MembershipRow.person_id == CountingSubmissionRow.person_id)
    .join(WaitingCheckRow, WaitingCheckRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(WrittenAnswerRow, _has_words(WaitingCheckRow))
    .where(_OF_STUDENTS)
)
_IN_ORDER = _ANSWERS.join(SubmissionRow, SubmissionRow.submission_id == CountingSubmissionRow.submission_id).order_by(
    SubmissionRow.received_at, CountingSubmissionRow.submission_id, QuestionResultRow.place, CheckResultRow.place
)
_OF_QUESTION = _IN_ORDER.where(QuestionResultRow.question_id == sa.bindparam("question"))
_OF_SUBMISSION = _IN_ORDER.where(CountingSubmissionRow.submission_id == sa.bindparam("submission"))
_HAS_RESULT = (
    sa.select(CountingRunRow.submission_id)
    .where(CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .correlate(CountingSubmissionRow)
    .exists()
)
_NEWEST_STATE = (
    sa.select(RunRow.state)
    .where(RunRow.submission_id == CountingSubmissionRow.submission_id, RunRow.cause != RunCause.TRIAL.value)
    .order_by(RunRow.number.desc())
    .limit(1)
    .correlate(CountingSubmissionRow)
    .scalar_subquery()
)
# By version and state there is an index: of a course's thousands only the few that ever failed are looked at.
_EVER_FAILED = sa.select(RunRow.submission_id).where(
    RunRow.version.in_(sa.select(VersionRow.version)), RunRow.state == RunState.FAILED.value
)
_UNGRADED = (
    sa.select(CountingSubmissionRow.offering_id, CountingSubmissionRow.person_id, CountingSubmissionRow.submission_id)
    .select_from(SubmissionRow)
    .join(
        CountingSubmissionRow,
        sa.and_(
            CountingSubmissionRow.offering_id == SubmissionRow.offering_id,
            CountingSubmissionRow.person_id == SubmissionRow.person_id,
            CountingSubmissionRow.submission_id == SubmissionRow.submission_id,
        ),
    )
    .join(MembershipRow, MembershipRow.person_id == SubmissionRow.person_id)
    .where(
        SubmissionRow.submission_id.in_(_EVER_FAILED),
        SubmissionRow.offering_id.in_(sa.bindparam("offerings", expanding=True)),
        _IS_STUDENT,
        ~_HAS_RESULT,
        _NEWEST_STATE.in_([RunState.FAILED.value]),
    )
    .order_by(SubmissionRow.received_at, CountingSubmissionRow.submission_id)
)
_DECISIONS = (
    sa.select(DecisionRow)
    .join(CountingSubmissionRow, CountingSubmissionRow.submission_id == DecisionRow.submission_id)
    .join(MembershipRow, MembershipRow.person_id == CountingSubmissionRow.person_id)
    .where(_OF_STUDENTS, DecisionRow.question_id == sa.bindparam("question"))
    .order_by(DecisionRow.submission_id, DecisionRow.place)
)

_SAME = (
    sa.select(CountingSubmissionRow.submission_id)
    .select_from(CountingSubmissionRow)
    .join(MembershipRow, MembershipRow.person_id == CountingSubmissionRow.person_id)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .join(
        CheckResultRow,
        sa.and_(
            CheckResultRow.run_id == QuestionResultRow.run_id,
            CheckResultRow.question_place == QuestionResultRow.place,
        ),
    )
    .where(
        _OF_STUDENTS,
        QuestionResultRow.question_id == sa.bindparam("question"),
        CheckResultRow.check_id == sa.bindparam("check"),
        CheckResultRow.code == sa.bindparam("code"),
        CheckResultRow.diagnosis["code"].as_string().is_not_distinct_from(sa.bindparam("diagnosis", type_=sa.String)),
    )
    .order_by(CountingSubmissionRow.submission_id)
)

_ADD_DRAFT = sa.insert(ReviewDraftRow)
_CHANGE_DRAFT = sa.update(ReviewDraftRow).where(
    ReviewDraftRow.submission_id == sa.bindparam("of_submission"),
    ReviewDraftRow.question_id == sa.bindparam("of_question"),
    ReviewDraftRow.check_id == sa.bindparam("of_check"),
    ReviewDraftRow.person_id == sa.bindparam("of_person"),
)
_DRAFTS = (
    sa.select(ReviewDraftRow)
    .where(
        ReviewDraftRow.submission_id == sa.bindparam("submission"),
        ReviewDraftRow.question_id == sa.bindparam("question"),
    )
    .order_by(ReviewDraftRow.saved_at.desc(), ReviewDraftRow.person_id)
)
_FORGET_DRAFT = sa.delete(ReviewDraftRow).where(
    ReviewDraftRow.submission_id == sa.bindparam("of_submission"),
    ReviewDraftRow.question_id == sa.bindparam("of_question"),
    ReviewDraftRow.check_id == sa.bindparam("of_check"),
    ReviewDraftRow.person_id == sa.bindparam("of_person"),
)

_ADD_COMMENT = sa.insert(SavedCommentRow)
_COMMENTS = (
    sa.select(SavedCommentRow)
    .where(
        SavedCommentRow.offering_id == sa.bindparam("offering"),
        SavedCommentRow.question_id == sa.bindparam("question"),
    )
    .order_by(SavedCommentRow.created_at, SavedCommentRow.comment_id)
)
_COMMENT = sa.select(SavedCommentRow).where(SavedCommentRow.comment_id == sa.bindparam("comment"))
_FORGET_COMMENT = sa.delete(SavedCommentRow).where(SavedCommentRow.comment_id == sa.bindparam("of_comment"))

# By the thousand: looked up here in a tenth of the time that its class takes to find them.
_VERDICTS = {verdict.value: verdict for verdict in Verdict}


class ReviewTables:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def list_waiting(self, scope: AnswerScope) -> tuple[Answer, ...]:
        return _read_answers(self._rows.list_tuples(_WAITING, **_values(scope)))

    def list_answers(self, scope: AnswerScope, question_id: QuestionId) -> tuple[Answer, ...]:
        return _read_answers(self._rows.list_tuples(_OF_QUESTION, **_values(scope), question=question_id))

    def list_answers_of(self, scope: AnswerScope, submission_id: SubmissionId) -> tuple[Answer, ...]:
        return _read_answers(self._rows.list_tuples(_OF_SUBMISSION, **_values(scope), submission=submission_id))

    def list_ungraded(self, scope: AnswerScope) -> tuple[Ungraded, ...]:
        rows = self._rows.list_tuples(_UNGRADED, **_values(scope))
        return tuple(
            Ungraded(OfferingId(offering), PersonId(person), SubmissionId(submission))
            for offering, person, submission in rows
        )

    def list_decisions(self, scope: AnswerScope, question_id: QuestionId) -> tuple[Decision, ...]:
        return tuple(map(read_decision, self._rows.list(_DECISIONS, **_values(scope), question=question_id)))

    def list_same(self, scope: AnswerScope, failure: Failure) -> tuple[SubmissionId, ...]:
        found = self._rows.scalars(
            _SAME,
            **_values(scope),
            question=failure.question_id,
            check=failure.check_id,
            code=failure.code,
            diagnosis=failure.diagnosis,
        )
        return tuple(map(SubmissionId, found))

    def put_draft(self, draft: Draft) -> None:
        typed = {
            "items": list(draft.items),
            "points": draft.points,
            "comment": draft.comment,
            "reason": draft.reason,
            "saved_at": draft.saved_at,
        }
        changed = self._rows.write(
            _CHANGE_DRAFT,
            of_submission=draft.submission_id,
            of_question=draft.question_id,
            of_check=draft.check_id or _WHOLE_QUESTION,
            of_person=draft.person_id,
            **typed,
        )
        if not changed:
            self._rows.write(
                _ADD_DRAFT,
                submission_id=draft.submission_id,
                question_id=draft.question_id,
                check_id=draft.check_id or _WHOLE_QUESTION,
                person_id=draft.person_id,
                **typed,
            )

    def list_drafts(self, submission_id: SubmissionId, *, question_id: QuestionId) -> tuple[Draft, ...]:
        return tuple(map(_read_draft, self._rows.list(_DRAFTS, submission=submission_id, question=question_id)))

    def forget_draft(
        self, person_id: PersonId, *, submission_id: SubmissionId, question_id: QuestionId, check_id: CheckId | None
    ) -> None:
        self._rows.write(
            _FORGET_DRAFT,
            of_person=person_id,
            of_submission=submission_id,
            of_question=question_id,
            of_check=check_id or _WHOLE_QUESTION,
        )

    def add_comment(self, comment: SavedComment) -> None:
        self._rows.write(
            _ADD_COMMENT,
            comment_id=comment.comment_id,
            offering_id=comment.offering_id,
            question_id=comment.question_id,
            text=comment.text,
            created_by=comment.created_by,
            created_at=comment.created_at,
        )

    def list_comments(self, offering_id: OfferingId, *, question_id: QuestionId) -> tuple[SavedComment, ...]:
        return tuple(map(_read_comment, self._rows.list(_COMMENTS, offering=offering_id, question=question_id)))

    def find_comment(self, comment_id: SavedCommentId) -> SavedComment | None:
        row = self._rows.find(_COMMENT, comment=comment_id)
        return None if row is None else _read_comment(row)

    def forget_comment(self, comment_id: SavedCommentId) -> None:
        self._rows.write(_FORGET_COMMENT, of_comment=comment_id)


def _values(scope: AnswerScope) -> dict[str, object]:
    return {"course": scope.course_id, "offerings": scope.offering_ids}


def _read_answers(rows: Sequence[sa.Row[*tuple[Any, ...]]]) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            offering,
            question,
            check,
            kind,
            _VERDICTS[verdict],
            code,
            person,
            submission,
            text_hash,
            bool(has_attachments),
        )
        for (
            offering,
            question,
            check,
            kind,
            verdict,
            code,
            person,
            submission,
            text_hash,
            has_attachments,
        ) in rows
    )


def _read_draft(row: ReviewDraftRow) -> Draft:
    return Draft(
        person_id=PersonId(row.person_id),
        submission_id=SubmissionId(row.submission_id),
        question_id=QuestionId(row.question_id),
        check_id=CheckId(row.check_id) if row.check_id != _WHOLE_QUESTION else None,
        items=tuple(row.items),
        points=row.points,
        comment=row.comment,
        reason=row.reason,
        saved_at=row.saved_at,
    )


def _read_comment(row: SavedCommentRow) -> SavedComment:
    return SavedComment(
        comment_id=SavedCommentId(row.comment_id),
        offering_id=OfferingId(row.offering_id),
        question_id=QuestionId(row.question_id),
        text=row.text,
        created_by=PersonId(row.created_by),
        created_at=row.created_at,
    )
