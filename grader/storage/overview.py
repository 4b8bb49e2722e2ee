"""What staff read of a whole course, in a handful of statements whatever its size."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.overview import (
    Arrival,
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
from grader.domain.people import Role
from grader.domain.result import CheckResult, Verdict
from grader.domain.submission import DecisionKind, RunCause, RunState
from grader.storage.results import read_check
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
    StandingRow,
    SubmissionRow,
)

_Query: TypeAlias = sa.Select[*tuple[Any, ...]]
_IS_STUDENT = sa.and_(
    MembershipRow.course_id == sa.bindparam("course"),
    MembershipRow.role == Role.STUDENT.value,
    MembershipRow.left_at.is_(None),
)
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

_NEWEST_STATE = (
    sa.select(RunRow.state)
    .where(RunRow.submission_id == CountingSubmissionRow.submission_id, RunRow.cause != RunCause.TRIAL.value)
    .order_by(RunRow.number.desc())
    .limit(1)
    .correlate(CountingSubmissionRow)
    .scalar_subquery()
)
_counting = aliased(RunRow)
_COUNTED = (
    sa.select(
        CountingSubmissionRow.person_id,
        CountingSubmissionRow.offering_id,
        CountingSubmissionRow.submission_id,
        SubmissionRow.number,
        SubmissionRow.is_late,
        # The newest is looked for only where none counts.
        sa.case((_counting.run_id.is_(None), _NEWEST_STATE), else_=_counting.state),
        _counting.version,
        StandingRow.score,
        StandingRow.decided,
        StandingRow.pending,
        StandingRow.points,
    )
    .join(SubmissionRow, SubmissionRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(_counting, _counting.run_id == CountingRunRow.run_id)
    .outerjoin(StandingRow, StandingRow.submission_id == CountingSubmissionRow.submission_id)
)
_HOW_FAR = sa.select(
    CountingSubmissionRow.person_id,
    CountingSubmissionRow.offering_id,
    sa.case((StandingRow.submission_id.is_(None), _NEWEST_STATE)),
    StandingRow.score,
    StandingRow.pending,
).outerjoin(StandingRow, StandingRow.submission_id == CountingSubmissionRow.submission_id)
_RULINGS = (
    sa.select(
        DecisionRow.submission_id,
        DecisionRow.question_id,
        DecisionRow.check_id,
        DecisionRow.place,
        DecisionRow.kind,
        DecisionRow.points,
        CheckResultRow.check_id,
        CheckResultRow.kind,
        CheckResultRow.verdict,
        CheckResultRow.code,
        CheckResultRow.diagnosis["code"].as_string(),
        CheckResultRow.score,
        CheckResultRow.decided,
        CheckResultRow.pending,
        CheckResultRow.points,
        QuestionResultRow.score,
        QuestionResultRow.decided,
        QuestionResultRow.pending,
        QuestionResultRow.points,
    )
    .select_from(CountingSubmissionRow)
    .join(DecisionRow, DecisionRow.submission_id == CountingSubmissionRow.submission_id)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .outerjoin(
        QuestionResultRow,
        sa.and_(
            QuestionResultRow.run_id == CountingRunRow.run_id, QuestionResultRow.question_id == DecisionRow.question_id
        ),
    )
    .outerjoin(
        CheckResultRow,
        sa.and_(
            CheckResultRow.run_id == QuestionResultRow.run_id,
            CheckResultRow.question_place == QuestionResultRow.place,
            sa.or_(DecisionRow.check_id.is_(None), CheckResultRow.check_id == DecisionRow.check_id),
        ),
    )
)
"""Outer joins: with inner ones SQLite looks at every check of the course first, and then whether one was decided."""
_QUESTIONS = (
    sa.select(
        CountingSubmissionRow.submission_id,
        QuestionResultRow.question_id,
        QuestionResultRow.score,
        QuestionResultRow.decided,
        QuestionResultRow.pending,
        QuestionResultRow.points,
    )
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .order_by(QuestionResultRow.place)
)
_HAS_FULL = QuestionResultRow.score >= QuestionResultRow.points
_HAS_NONE = sa.and_(QuestionResultRow.score == 0, QuestionResultRow.pending == 0)
_TOTALS = (
    sa.select(
        QuestionResultRow.question_id,
        sa.func.sum(QuestionResultRow.score),
        sa.func.sum(QuestionResultRow.decided),
        sa.func.count(sa.case((_HAS_FULL, 1))),
        sa.func.count(sa.case((_HAS_NONE, 1))),
        sa.func.count(sa.case((QuestionResultRow.pending != 0, 1))),
        sa.func.count(),
    )
    .select_from(CountingSubmissionRow)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .group_by(QuestionResultRow.question_id)
    .order_by(sa.func.min(QuestionResultRow.place), QuestionResultRow.question_id)
)
_SAME = (
    QuestionResultRow.question_id,
    CheckResultRow.check_id,
    CheckResultRow.kind,
    CheckResultRow.verdict,
    CheckResultRow.code,
    CheckResultRow.diagnosis["code"].as_string(),
)
_ALIKE = (
    sa.select(
        QuestionResultRow.question_id,
        sa.func.count().label("students"),
        sa.func.min(CountingSubmissionRow.submission_id).label("sample"),
    )
    .select_from(CountingSubmissionRow)
    .join(CountingRunRow, CountingRunRow.submission_id == CountingSubmissionRow.submission_id)
    .join(QuestionResultRow, QuestionResultRow.run_id == CountingRunRow.run_id)
    .group_by(QuestionResultRow.question_id, sa.func.coalesce(QuestionResultRow.fingerprint, QuestionResultRow.run_id))
)
"""Questions all of whose checks came to the same: some dozens of thousands."""


def _by_check(alike: _Query) -> _Query:
    """The checks of one sample of each, counted for all that it stands for."""
    groups = alike.cte("alike")
    return (
        sa.select(*_SAME, sa.func.sum(groups.c.students), sa.func.min(groups.c.sample))
        .select_from(groups)
        .join(CountingRunRow, CountingRunRow.submission_id == groups.c.sample)
        .join(
            QuestionResultRow,
            sa.and_(
                QuestionResultRow.run_id == CountingRunRow.run_id, QuestionResultRow.question_id == groups.c.question_id
            ),
        )
        .join(
            CheckResultRow,
            sa.and_(
                CheckResultRow.run_id == QuestionResultRow.run_id,
                CheckResultRow.question_place == QuestionResultRow.place,
            ),
        )
        .group_by(*_SAME)
        .order_by(sa.func.min(CheckResultRow.question_place), sa.func.min(CheckResultRow.place))
    )


_CHECK = (
    sa.select(CheckResultRow)
    .join(CountingRunRow, CountingRunRow.run_id == CheckResultRow.run_id)
    .join(
        QuestionResultRow,
        sa.and_(
            QuestionResultRow.run_id == CheckResultRow.run_id,
            QuestionResultRow.place == CheckResultRow.question_place,
        ),
    )
    .where(
        CountingRunRow.submission_id == sa.bindparam("submission"),
        QuestionResultRow.question_id == sa.bindparam("question"),
        CheckResultRow.check_id == sa.bindparam("check"),
    )
)


class _Scoped:
    """One query in a variant for each kind of scope, and what goes on from there."""

    def __init__(self, query: _Query, *, then: Callable[[_Query], _Query] = lambda it: it) -> None:
        students = query.join(MembershipRow, MembershipRow.person_id == CountingSubmissionRow.person_id)
        of_course = sa.select(OfferingRow.offering_id).where(OfferingRow.course_id == sa.bindparam("course"))
        course = students.where(_IS_STUDENT, CountingSubmissionRow.offering_id.in_(of_course))
        people = CountingSubmissionRow.person_id.in_(sa.bindparam("people", expanding=True))
        offering = students.where(_IS_STUDENT, CountingSubmissionRow.offering_id == sa.bindparam("offering"))
        self._variants = {
            (False, False): then(course),
            (False, True): then(course.where(people)),
            (True, False): then(offering),
            (True, True): then(offering.where(people)),
        }

    def within(self, scope: Scope) -> tuple[_Query, dict[str, object]]:
        values: dict[str, object] = {"course": scope.course_id}
        if scope.offering_id is not None:
            values["offering"] = scope.offering_id
        if scope.people is not None:
            values["people"] = scope.people
        return self._variants[scope.offering_id is not None, scope.people is not None], values


_COUNTED_IN, _HOW_FAR_IN, _RULINGS_IN = _Scoped(_COUNTED), _Scoped(_HOW_FAR), _Scoped(_RULINGS)
_QUESTIONS_IN, _TOTALS_IN, _CHECKS_IN = _Scoped(_QUESTIONS), _Scoped(_TOTALS), _Scoped(_ALIKE, then=_by_check)
_PENDING_IN = _Scoped(_HOW_FAR.where(StandingRow.pending > 0))

# By the thousand: looked up here in a tenth of the time that their classes take to find them.
_STATES = {state.value: state for state in RunState}
_KINDS = {kind.value: kind for kind in DecisionKind}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}


class OverviewTables:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def list_students(self, course_id: CourseId) -> tuple[Student, ...]:
        return tuple(
            Student(PersonId(person_id), login, name, number)
            for person_id, login, name, number in self._rows.list_tuples(_STUDENTS, course=course_id)
        )

    def list_arrivals(self, course_id: CourseId, *, offering_id: OfferingId) -> tuple[Arrival, ...]:
        rows = self._rows.list_tuples(_ARRIVALS, course=course_id, offering=offering_id)
        return tuple(Arrival(received_at, is_late) for received_at, is_late in rows)

    def list_counted(self, scope: Scope) -> tuple[Counted, ...]:
        query, values = _COUNTED_IN.within(scope)
        rows = self._rows.list_tuples(query, **values)
        return tuple(
            Counted(person, offering, submission, number, is_late, _STATES[state], version, _read_sums(sums))
            for person, offering, submission, number, is_late, state, version, *sums in rows
        )

    def list_how_far(self, scope: Scope, *, only_pending: bool = False) -> tuple[HowFar, ...]:
        query, values = (_PENDING_IN if only_pending else _HOW_FAR_IN).within(scope)
        return tuple(
            HowFar(person, offering, None if state is None else _STATES[state], score, pending)
            for person, offering, state, score, pending in self._rows.list_tuples(query, **values)
        )

    def list_rulings(self, scope: Scope) -> tuple[Ruling, ...]:
        query, values = _RULINGS_IN.within(scope)
        rows = self._rows.list_tuples(query, **values)
        return tuple(
            Ruling(
                submission_id,
                question_id,
                decided_check,
                place,
                _KINDS[kind],
                points,
                check_id,
                check_kind,
                _VERDICTS[verdict],
                code,
                diagnosis,
                Sums(*found[:4]),
                Sums(*found[4:]),
            )
            for (
                submission_id,
                question_id,
                decided_check,
                place,
                kind,
                points,
                check_id,
                check_kind,
                verdict,
                code,
                diagnosis,
                *found,
            ) in rows
            if check_id is not None
        )

    def list_questions(self, scope: Scope) -> tuple[QuestionLine, ...]:
        query, values = _QUESTIONS_IN.within(scope)
        return tuple(
            QuestionLine(SubmissionId(submission_id), QuestionId(question_id), Sums(*sums))
            for submission_id, question_id, *sums in self._rows.list_tuples(query, **values)
        )

    def add_up_questions(self, scope: Scope) -> tuple[QuestionTotals, ...]:
        query, values = _TOTALS_IN.within(scope)
        return tuple(
            QuestionTotals(QuestionId(question_id), *rest)
            for question_id, *rest in self._rows.list_tuples(query, **values)
        )

    def group_checks(self, scope: Scope) -> tuple[CheckGroup, ...]:
        query, values = _CHECKS_IN.within(scope)
        return tuple(
            CheckGroup(question_id, check_id, kind, _VERDICTS[verdict], *rest)
            for question_id, check_id, kind, verdict, *rest in self._rows.list_tuples(query, **values)
        )

    def find_check(
        self, submission_id: SubmissionId, *, question_id: QuestionId, check_id: CheckId
    ) -> CheckResult | None:
        row = self._rows.find(_CHECK, submission=submission_id, question=question_id, check=check_id)
        return None if row is None else read_check(row)


def _read_sums(columns: Sequence[Any]) -> Sums | None:
    return None if columns[0] is None else Sums(*columns)
