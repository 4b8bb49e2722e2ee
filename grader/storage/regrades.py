"""Regrades in the database, with the run of each submission and what it would change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from grader.domain.ids import OfferingId, PersonId, QuestionId, RunId, SubmissionId, VersionHash
from grader.domain.overview import Sums
from grader.domain.regrading import QuestionChange, Regrade, RegradeId, RegradeLine
from grader.domain.submission import RunState
from grader.errors import NotFound
from grader.storage.rows import Rows
from grader.storage.tables import (
    CountingRunRow,
    PersonRow,
    QuestionResultRow,
    RegradeRow,
    RegradeRunRow,
    RunRow,
    StandingRow,
    SubmissionRow,
)

_ADD, _ADD_RUN = sa.insert(RegradeRow), sa.insert(RegradeRunRow)
_BY_ID = sa.select(RegradeRow).where(RegradeRow.regrade_id == sa.bindparam("regrade"))
_OF_OFFERING = (
    sa.select(RegradeRow)
    .where(RegradeRow.offering_id == sa.bindparam("offering"))
    .order_by(RegradeRow.asked_at.desc(), RegradeRow.regrade_id)
)
_LINES = (
    sa.select(
        RegradeRunRow.submission_id,
        RegradeRunRow.run_id,
        RunRow.state,
        PersonRow.name,
        PersonRow.login,
        SubmissionRow.number,
        RegradeRunRow.is_applied,
        RegradeRunRow.replaced,
        RegradeRunRow.before,
        RegradeRunRow.after,
        StandingRow.score,
        StandingRow.decided,
        StandingRow.pending,
        StandingRow.points,
    )
    .join(RunRow, RunRow.run_id == RegradeRunRow.run_id)
    .join(SubmissionRow, SubmissionRow.submission_id == RegradeRunRow.submission_id)
    .join(PersonRow, PersonRow.person_id == SubmissionRow.person_id)
    .outerjoin(StandingRow, StandingRow.submission_id == RegradeRunRow.submission_id)
    .where(RegradeRunRow.regrade_id == sa.bindparam("regrade"))
    .order_by(PersonRow.login, SubmissionRow.number)
)
_OPEN_RUNS = (
    sa.select(RunRow.run_id)
    .join(RegradeRunRow, RegradeRunRow.run_id == RunRow.run_id)
    .join(RegradeRow, RegradeRow.regrade_id == RegradeRunRow.regrade_id)
    .where(
        RunRow.submission_id == sa.bindparam("submission"),
        RunRow.state == RunState.FINISHED.value,
        RegradeRow.applied_at.is_(None),
    )
)
_earlier = aliased(QuestionResultRow)
_CHANGES = (
    sa.select(RegradeRunRow.submission_id, QuestionResultRow.question_id, _earlier.score, QuestionResultRow.score)
    .join(QuestionResultRow, QuestionResultRow.run_id == RegradeRunRow.run_id)
    .outerjoin(CountingRunRow, CountingRunRow.submission_id == RegradeRunRow.submission_id)
    .outerjoin(
        _earlier,
        sa.and_(
            # Once it is applied its run is the one that counts: then the one that it replaced is what was before.
            _earlier.run_id == sa.case((RegradeRunRow.is_applied, RegradeRunRow.replaced), else_=CountingRunRow.run_id),
            _earlier.question_id == QuestionResultRow.question_id,
        ),
    )
    .where(
        RegradeRunRow.regrade_id == sa.bindparam("regrade"),
        RegradeRunRow.submission_id.in_(sa.bindparam("submissions", expanding=True)),
        sa.or_(
            _earlier.score.is_(None),
            _earlier.score != QuestionResultRow.score,
            _earlier.pending != QuestionResultRow.pending,
        ),
    )
    .order_by(QuestionResultRow.place)
)
_CHANGE = sa.update(RegradeRow).where(RegradeRow.regrade_id == sa.bindparam("of_regrade"))
_CHANGE_RUN = sa.update(RegradeRunRow).where(RegradeRunRow.run_id == sa.bindparam("of_run"))


class RegradesTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, regrade: Regrade) -> None:
        self._rows.write(
            _ADD,
            regrade_id=regrade.regrade_id,
            offering_id=regrade.offering_id,
            version=regrade.version,
            question_id=regrade.question_id,
            only_lacking=regrade.only_lacking,
            submission_id=regrade.submission_id,
            asked_by=regrade.asked_by,
            asked_at=regrade.asked_at,
        )

    def get(self, regrade_id: RegradeId) -> Regrade:
        row = self._rows.find(_BY_ID, regrade=regrade_id)
        if row is None:
            raise NotFound(what="regrade", name=regrade_id)
        return _read(row)

    def list_of(self, offering_id: OfferingId) -> tuple[Regrade, ...]:
        return tuple(map(_read, self._rows.list(_OF_OFFERING, offering=offering_id)))

    def add_run(self, regrade_id: RegradeId, *, run_id: RunId, submission_id: SubmissionId) -> None:
        self._rows.write(_ADD_RUN, regrade_id=regrade_id, run_id=run_id, submission_id=submission_id, is_applied=False)

    def list_lines(self, regrade_id: RegradeId) -> tuple[RegradeLine, ...]:
        return tuple(map(_read_line, self._rows.list_tuples(_LINES, regrade=regrade_id)))

    def list_open_runs(self, submission_id: SubmissionId) -> tuple[RunId, ...]:
        return tuple(map(RunId, self._rows.scalars(_OPEN_RUNS, submission=submission_id)))

    def list_changes(self, regrade_id: RegradeId, submission_ids: Sequence[SubmissionId]) -> tuple[QuestionChange, ...]:
        rows = self._rows.list_tuples(_CHANGES, regrade=regrade_id, submissions=submission_ids)
        return tuple(QuestionChange(SubmissionId(each), QuestionId(question), *rest) for each, question, *rest in rows)

    def put_after(self, run_id: RunId, sums: Sums) -> None:
        self._rows.write(_CHANGE_RUN, of_run=run_id, after=list(sums))

    def put_before(self, run_id: RunId, sums: Sums | None, *, replaced: RunId | None) -> None:
        before = None if sums is None else list(sums)
        self._rows.write(_CHANGE_RUN, of_run=run_id, before=before, replaced=replaced, is_applied=True)

    def set_applied(self, regrade_id: RegradeId, *, by: PersonId, at: datetime) -> None:
        self._rows.write(_CHANGE, of_regrade=regrade_id, applied_by=by, applied_at=at)

    def set_undone(self, regrade_id: RegradeId, *, at: datetime) -> None:
        self._rows.write(_CHANGE, of_regrade=regrade_id, undone_at=at)


def _read_line(row: Sequence[Any]) -> RegradeLine:
    submission_id, run_id, state, name, login, number, is_applied, replaced, before, after, *standing = row
    now = None if standing[0] is None else Sums(*standing)
    kept = None if before is None else Sums(*before)
    return RegradeLine(
        submission_id=SubmissionId(submission_id),
        run_id=RunId(run_id),
        run_state=RunState(state),
        person_name=name,
        login=login,
        number=number,
        before=kept if is_applied else now,
        after=None if after is None else Sums(*after),
        is_applied=is_applied,
        replaced=None if replaced is None else RunId(replaced),
    )


def _read(row: RegradeRow) -> Regrade:
    return Regrade(
        regrade_id=RegradeId(row.regrade_id),
        offering_id=OfferingId(row.offering_id),
        version=VersionHash(row.version),
        question_id=None if row.question_id is None else QuestionId(row.question_id),
        only_lacking=row.only_lacking,
        submission_id=None if row.submission_id is None else SubmissionId(row.submission_id),
        asked_by=PersonId(row.asked_by),
        asked_at=row.asked_at,
        applied_by=None if row.applied_by is None else PersonId(row.applied_by),
        applied_at=row.applied_at,
        undone_at=row.undone_at,
    )
