"""What staff read of a whole course, in a handful of statements whatever its size."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.overview import Arrival, CheckLine, Counted, Ruling, Scope, Student, Sums
from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.submission import DecisionKind, RunState
from grader.storage.rows import Rows
from grader.storage.tables import (
    CheckResultRow,
    CountingRunRow,
    CountingSubmissionRow,
    DecisionRow,
    MembershipRow,
    OfferingRow,
    PersonRow,
    QuestionResultRow,
    RunRow,
    SubmissionRow,
)

_IS_STUDENT = sa.and_(MembershipRow.course_id == sa.bindparam("course"), MembershipRow.role == Role.STUDENT.value)
_STUDENTS = (
    sa.select(PersonRow.person_id, PersonRow.login, PersonRow.name, MembershipRow.student_number)
    .join(MembershipRow, MembershipRow.person_id == PersonRow.person_id)
    .where(_IS_STUDENT)
    .order_by(PersonRow.login)
)
_ARRIVALS = (
    sa.select(SubmissionRow.received_at, SubmissionRow.is_late)
    .join(MembershipRow, MembershipRow.person_id == SubmissionRow.person_id)
    .where(SubmissionRow.offering_id == sa.bindparam("offering"), _IS_STUDENT)
    .order_by(SubmissionRow.received_at)
)

_WAITS_IN = (
    sa.select(RunRow.state)
    .where(RunRow.submission_id == CountingSubmissionRow.submission_id)
    .order_by(RunRow.number.desc())
    .limit(1)
    .correlate(CountingSubmissionRow)
    .scalar_subquery()
)
"""State of the newest run, looked up only where no run counts."""
_counting = aliased(RunRow)
_COUNTED = (
    sa.select(
        CountingSubmissionRow.person_id,
        CountingSubmissionRow.offering_id,
        CountingSubmissionRow.submission_id,
        SubmissionRow.number,
        SubmissionRow.received_at,
        SubmissionRow.is_late,
        sa.case((_counting.run_id.is_(None), _WAITS_IN), else_=_counting.state),
        _counting.version,
        _counting.score,
        _counting.decided,
        _counting.pending,
        _counting.points,
    )
    .join(OfferingRow, OfferingRow.offering_id == CountingSubmissionRow.offering_id)
    .join(SubmissionRow, SubmissionRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(_counting, _counting.run_id == CountingRunRow.run_id)
)
_RULINGS = (
    sa.select(
        DecisionRow.submission_id,
        DecisionRow.question_id,
        DecisionRow.check_id,
        DecisionRow.kind,
        DecisionRow.points,
    )
    .join(CountingSubmissionRow, CountingSubmissionRow.submission_id == DecisionRow.submission_id)
    .join(OfferingRow, OfferingRow.offering_id == CountingSubmissionRow.offering_id)
    .order_by(DecisionRow.submission_id, DecisionRow.place)
)
_CHECKS = (
    sa.select(
        CountingSubmissionRow.submission_id,
        QuestionResultRow.question_id,
        CheckResultRow.check_id,
        CheckResultRow.kind,
        CheckResultRow.verdict,
        CheckResultRow.score,
        CheckResultRow.decided,
        CheckResultRow.pending,
        CheckResultRow.points,
        CheckResultRow.code,
        CheckResultRow.diagnosis["code"].as_string(),
    )
    .join(OfferingRow, OfferingRow.offering_id == CountingSubmissionRow.offering_id)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .join(
        CheckResultRow,
        sa.and_(
            CheckResultRow.run_id == QuestionResultRow.run_id,
            CheckResultRow.question_place == QuestionResultRow.place,
        ),
    )
)
_RULED_CHECKS = _CHECKS.where(
    sa.exists().where(
        DecisionRow.submission_id == CountingSubmissionRow.submission_id,
        DecisionRow.question_id == QuestionResultRow.question_id,
    )
)


class _Scoped:
    """One query in a variant for each kind of scope."""

    def __init__(self, query: sa.Select[*tuple[Any, ...]]) -> None:
        course = query.where(OfferingRow.course_id == sa.bindparam("course"))
        people = CountingSubmissionRow.person_id.in_(sa.bindparam("people", expanding=True))
        offering = course.where(CountingSubmissionRow.offering_id == sa.bindparam("offering"))
        self._variants = {
            (False, False): course,
            (False, True): course.where(people),
            (True, False): offering,
            (True, True): offering.where(people),
        }

    def within(self, scope: Scope) -> tuple[sa.Select[*tuple[Any, ...]], dict[str, object]]:
        values: dict[str, object] = {"course": scope.course_id}
        if scope.offering_id is not None:
            values["offering"] = scope.offering_id
        if scope.people is not None:
            values["people"] = scope.people
        return self._variants[scope.offering_id is not None, scope.people is not None], values


_COUNTED_IN, _RULINGS_IN = _Scoped(_COUNTED), _Scoped(_RULINGS)
_CHECKS_IN = _Scoped(_CHECKS.order_by(CheckResultRow.question_place, CheckResultRow.place))
_RULED_CHECKS_IN = _Scoped(_RULED_CHECKS)


class OverviewTables:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def list_students(self, course_id: CourseId) -> tuple[Student, ...]:
        return tuple(
            Student(person_id=PersonId(person_id), login=login, name=name, student_number=number)
            for person_id, login, name, number in self._rows.list_tuples(_STUDENTS, course=course_id)
        )

    def list_arrivals(self, course_id: CourseId, *, offering_id: OfferingId) -> tuple[Arrival, ...]:
        rows = self._rows.list_tuples(_ARRIVALS, course=course_id, offering=offering_id)
        return tuple(Arrival(received_at=received_at, is_late=is_late) for received_at, is_late in rows)

    def list_counted(self, scope: Scope) -> tuple[Counted, ...]:
        query, values = _COUNTED_IN.within(scope)
        return tuple(
            Counted(
                person_id=PersonId(person_id),
                offering_id=OfferingId(offering_id),
                submission_id=SubmissionId(submission_id),
                number=number,
                received_at=received_at,
                is_late=is_late,
                state=_STATES[state],
                version=version if version is None else VersionHash(version),
                sums=None if score is None else Sums(score=score, decided=decided, pending=pending, points=points),
            )
            for (
                person_id,
                offering_id,
                submission_id,
                number,
                received_at,
                is_late,
                state,
                version,
                score,
                decided,
                pending,
                points,
            ) in self._rows.list_tuples(query, **values)
        )

    def list_rulings(self, scope: Scope) -> tuple[Ruling, ...]:
        query, values = _RULINGS_IN.within(scope)
        return tuple(
            Ruling(
                submission_id=SubmissionId(submission_id),
                question_id=QuestionId(question_id),
                check_id=None if check_id is None else CheckId(check_id),
                kind=_KINDS[kind],
                points=points,
            )
            for submission_id, question_id, check_id, kind, points in self._rows.list_tuples(query, **values)
        )

    def list_checks(self, scope: Scope, *, only_ruled: bool) -> tuple[CheckLine, ...]:
        query, values = (_RULED_CHECKS_IN if only_ruled else _CHECKS_IN).within(scope)
        return tuple(
            CheckLine(
                submission_id=SubmissionId(submission_id),
                question_id=QuestionId(question_id),
                check_id=CheckId(check_id),
                kind=kind,
                verdict=_VERDICTS[verdict],
                sums=Sums(score=score, decided=decided, pending=pending, points=points),
                code=code,
                diagnosis=diagnosis,
            )
            for (
                submission_id,
                question_id,
                check_id,
                kind,
                verdict,
                score,
                decided,
                pending,
                points,
                code,
                diagnosis,
            ) in self._rows.list_tuples(query, **values)
        )


# Thousands of words a page: looked up here in a tenth of the time that their classes take to find them.
_STATES = {state.value: state for state in RunState}
_KINDS = {kind.value: kind for kind in DecisionKind}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
