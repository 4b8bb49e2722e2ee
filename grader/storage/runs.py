"""Grading runs in the database: only ever added, each finished at most once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from grader.domain.execution import Outcome
from grader.domain.ids import (
    BlobKey,
    EnvironmentHash,
    OfferingId,
    PersonId,
    QuestionId,
    RunId,
    SubmissionId,
    VersionHash,
)
from grader.domain.location import FoundBy
from grader.domain.result import Result
from grader.domain.submission import Graded, LocatedCells, Run, RunCause, RunState, Totals
from grader.domain.text import Note
from grader.errors import Conflict, NotFound
from grader.storage.notes import note_from_json, note_to_json, notes_from_json, notes_to_json
from grader.storage.results import read_questions, write_questions
from grader.storage.rows import Rows, select_without
from grader.storage.submissions import SubmissionsTable
from grader.storage.tables import CountingRunRow, OfferingRow, RunRow, SubmissionRow

_ADD = sa.insert(RunRow).values(
    number=sa.select(sa.func.coalesce(sa.func.max(RunRow.number), 0) + 1)
    .where(RunRow.submission_id == sa.bindparam("of_submission"))
    .scalar_subquery()
)
_CHANGE_UNFINISHED = sa.update(RunRow).where(
    RunRow.run_id == sa.bindparam("of_run"), RunRow.state != RunState.FINISHED.value
)
_CHANGE_RUNNING = sa.update(RunRow).where(
    RunRow.run_id == sa.bindparam("of_run"), RunRow.state == RunState.RUNNING.value
)
_RUN = select_without(RunRow, RunRow.draws, RunRow.located, RunRow.notes)
_BY_ID = _RUN.where(RunRow.run_id == sa.bindparam("run"))
_WHOLE = sa.select(RunRow).where(RunRow.run_id == sa.bindparam("run"))
_OF_SUBMISSION = _RUN.where(RunRow.submission_id == sa.bindparam("submission")).order_by(RunRow.number)
_NEWEST = (
    _RUN.where(RunRow.submission_id == sa.bindparam("submission"), RunRow.cause != RunCause.TRIAL.value)
    .order_by(RunRow.number.desc())
    .limit(1)
)

_ADD_COUNTING = sa.insert(CountingRunRow)
_MOVE_COUNTING = sa.update(CountingRunRow).where(CountingRunRow.submission_id == sa.bindparam("of_submission"))
_CLEAR_COUNTING = sa.delete(CountingRunRow).where(CountingRunRow.submission_id == sa.bindparam("of_submission"))
_ALL_COUNTING = _RUN.join(CountingRunRow, CountingRunRow.run_id == RunRow.run_id)
_COUNTING = _ALL_COUNTING.where(CountingRunRow.submission_id == sa.bindparam("submission"))
_COUNTING_OF = _ALL_COUNTING.where(CountingRunRow.submission_id.in_(sa.bindparam("submissions", expanding=True)))

# Of all runs with the same version most are other people's: this begins with the person's submissions, offering by
# offering because that is their index, and leaves it to the caller to look at the few runs that are found.
_own = aliased(SubmissionRow)
_OF_SAME_BYTES = (
    _RUN.join(SubmissionRow, SubmissionRow.submission_id == RunRow.submission_id)
    .join(_own, sa.and_(_own.person_id == SubmissionRow.person_id, _own.notebook == SubmissionRow.notebook))
    .where(
        _own.submission_id == sa.bindparam("submission"),
        SubmissionRow.offering_id.in_(sa.select(OfferingRow.offering_id)),
    )
    .order_by(RunRow.finished_at.desc(), RunRow.run_id)
)
_KEPT = (
    sa.select(SubmissionRow.notebook, RunRow.executed, RunRow.replies)
    .join(RunRow, RunRow.submission_id == SubmissionRow.submission_id)
    .where(
        SubmissionRow.offering_id == sa.bindparam("offering"),
        SubmissionRow.person_id == sa.bindparam("person"),
        RunRow.cause != RunCause.TRIAL.value,
    )
)
_WAITING = _RUN.where(RunRow.version == sa.bindparam("version"), RunRow.state == RunState.QUEUED.value).order_by(
    RunRow.created_at, RunRow.run_id
)
_FAILED = _RUN.where(RunRow.state == RunState.FAILED.value).order_by(RunRow.created_at)


class RunsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, run: Run) -> None:
        self._rows.write(
            _ADD,
            of_submission=run.submission_id,
            run_id=run.run_id,
            submission_id=run.submission_id,
            version=run.version,
            cause=run.cause.value,
            state=run.state.value,
            attempts=run.attempts,
            created_at=run.created_at,
        )

    def get(self, run_id: RunId) -> Run:
        return _read(self._get_row(_BY_ID, run_id))

    def list_of(self, submission_id: SubmissionId) -> tuple[Run, ...]:
        return tuple(map(_read, self._rows.list(_OF_SUBMISSION, submission=submission_id)))

    def get_newest(self, submission_id: SubmissionId) -> Run:
        row = self._rows.find(_NEWEST, submission=submission_id)
        if row is None:
            raise NotFound(what="run", name=submission_id)
        return _read(row)

    def set_counting(self, submission_id: SubmissionId, run_id: RunId) -> None:
        if not self._rows.write(_MOVE_COUNTING, of_submission=submission_id, run_id=run_id):
            self._rows.write(_ADD_COUNTING, submission_id=submission_id, run_id=run_id)

    def clear_counting(self, submission_id: SubmissionId) -> None:
        self._rows.write(_CLEAR_COUNTING, of_submission=submission_id)

    def find_counting(self, submission_id: SubmissionId) -> Run | None:
        row = self._rows.find(_COUNTING, submission=submission_id)
        return None if row is None else _read(row)

    def list_counting(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Run]:
        runs = map(_read, self._rows.list(_COUNTING_OF, submissions=submission_ids))
        return {run.submission_id: run for run in runs}

    def start(self, run_id: RunId, *, attempts: int, at: datetime) -> None:
        self._change(run_id, state=RunState.RUNNING, attempts=attempts, phase="executing", trouble=None, started_at=at)

    def set_phase(self, run_id: RunId, phase: str) -> None:
        self._rows.write(_CHANGE_RUNNING, of_run=run_id, phase=phase)

    def wait(self, run_id: RunId, *, attempts: int, trouble: Note | None) -> None:
        noted = None if trouble is None else note_to_json(trouble)
        self._change(run_id, state=RunState.QUEUED, attempts=attempts, phase=None, trouble=noted, finished_at=None)

    def fail(self, run_id: RunId, *, trouble: Note, at: datetime) -> None:
        self._change(run_id, state=RunState.FAILED, phase=None, trouble=note_to_json(trouble), finished_at=at)

    def finish(self, run_id: RunId, graded: Graded, *, at: datetime) -> None:
        values = _graded_values(graded)
        self._change(run_id, state=RunState.FINISHED, phase=None, trouble=None, finished_at=at, **values)
        write_questions(self._rows, run_id, questions=graded.result.questions)

    def load_result(self, run_id: RunId) -> Result:
        return self._load_result(self._get_row(_WHOLE, run_id))

    def load_graded(self, run_id: RunId) -> Graded:
        row = self._get_row(_WHOLE, run_id)
        result = self._load_result(row)
        if row.environment is None or row.executed is None or row.replies is None:
            raise NotFound(what="result", name=run_id)
        return Graded(
            result=result,
            environment=EnvironmentHash(row.environment),
            seed=row.seed or "",
            draws=row.draws or {},
            located={QuestionId(key): _read_located(entry) for key, entry in (row.located or {}).items()},
            written=SubmissionsTable(self._rows).list_written(SubmissionId(row.submission_id)),
            executed=BlobKey(row.executed),
            replies=BlobKey(row.replies),
            seconds=row.seconds or 0.0,
            reused_from=None if row.reused_from is None else RunId(row.reused_from),
        )

    def find_twin(self, run_id: RunId, *, environment: EnvironmentHash) -> Run | None:
        own = self._get_row(_BY_ID, run_id)
        wanted = (RunState.FINISHED.value, own.version, environment)
        rows = self._rows.list(_OF_SAME_BYTES, submission=own.submission_id)
        return next((_read(row) for row in rows if (row.state, row.version, row.environment) == wanted), None)

    def list_kept(self, offering_id: OfferingId, *, person_id: PersonId) -> frozenset[BlobKey]:
        rows = self._rows.list_tuples(_KEPT, offering=offering_id, person=person_id)
        return frozenset(BlobKey(each) for row in rows for each in row if each is not None)

    def list_waiting(self, version: VersionHash) -> tuple[Run, ...]:
        return tuple(map(_read, self._rows.list(_WAITING, version=version)))

    def list_failed(self) -> tuple[Run, ...]:
        return tuple(map(_read, self._rows.list(_FAILED)))

    def _get_row(self, query: sa.Select[RunRow], run_id: RunId) -> RunRow:
        row = self._rows.find(query, run=run_id)
        if row is None:
            raise NotFound(what="run", name=run_id)
        return row

    def _load_result(self, row: RunRow) -> Result:
        totals = _read_totals(row)
        if totals is None:
            raise NotFound(what="result", name=row.run_id)
        return Result(
            outcome=totals.outcome,
            score=totals.score,
            decided=totals.decided,
            pending=totals.pending,
            points=totals.points,
            questions=read_questions(self._rows, RunId(row.run_id)),
            notes=notes_from_json(row.notes),
        )

    def _change(self, run_id: RunId, *, state: RunState, **values: object) -> None:
        """Raises NotFound; Conflict where it is finished: then nothing changes it."""
        if not self._rows.write(_CHANGE_UNFINISHED, of_run=run_id, state=state.value, **values):
            self._get_row(_BY_ID, run_id)
            raise Conflict(what="run", name=run_id)


def _graded_values(graded: Graded) -> dict[str, object]:
    result = graded.result
    return {
        "environment": graded.environment,
        "seed": graded.seed,
        "draws": dict(graded.draws),
        "located": {question_id: _located_to_json(cells) for question_id, cells in graded.located.items()},
        "outcome": result.outcome.value,
        "score": result.score,
        "decided": result.decided,
        "pending": result.pending,
        "points": result.points,
        "notes": notes_to_json(result.notes),
        "seconds": graded.seconds,
        "executed": graded.executed,
        "replies": graded.replies,
        "reused_from": graded.reused_from,
    }


def _located_to_json(cells: LocatedCells) -> dict[str, Any]:
    return {
        "found_by": cells.found_by.value,
        "code_cells": list(cells.code_cells),
        "markdown_cells": list(cells.markdown_cells),
    }


def _read_located(entry: dict[str, Any]) -> LocatedCells:
    return LocatedCells(
        found_by=FoundBy(entry["found_by"]),
        code_cells=tuple(entry["code_cells"]),
        markdown_cells=tuple(entry["markdown_cells"]),
    )


def _read_totals(row: RunRow) -> Totals | None:
    if row.outcome is None or row.score is None or row.decided is None or row.pending is None or row.points is None:
        return None
    return Totals(
        outcome=Outcome(row.outcome),
        score=row.score,
        decided=row.decided,
        pending=row.pending,
        points=row.points,
    )


def _read(row: RunRow) -> Run:
    return Run(
        run_id=RunId(row.run_id),
        submission_id=SubmissionId(row.submission_id),
        version=VersionHash(row.version),
        cause=RunCause(row.cause),
        state=RunState(row.state),
        created_at=row.created_at,
        attempts=row.attempts,
        phase=row.phase,
        trouble=None if row.trouble is None else note_from_json(row.trouble),
        environment=None if row.environment is None else EnvironmentHash(row.environment),
        totals=_read_totals(row),
        started_at=row.started_at,
        finished_at=row.finished_at,
        executed=None if row.executed is None else BlobKey(row.executed),
        replies=None if row.replies is None else BlobKey(row.replies),
        reused_from=None if row.reused_from is None else RunId(row.reused_from),
    )
