"""Grading runs in the database: only ever added, each finished at most once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.execution import Outcome
from grader.domain.ids import BlobKey, EnvironmentHash, QuestionId, RunId, SubmissionId, VersionHash
from grader.domain.location import FoundBy
from grader.domain.result import Result
from grader.domain.submission import Graded, LocatedCells, Run, RunCause, RunState, Totals
from grader.domain.text import Note
from grader.errors import Conflict, NotFound
from grader.storage.notes import note_from_json, note_to_json, notes_from_json, notes_to_json
from grader.storage.results import read_questions, write_questions
from grader.storage.submissions import SubmissionsTable
from grader.storage.tables import CountingRunRow, RunRow, SubmissionRow


class RunsTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, run: Run) -> None:
        last = self._session.scalar(
            sa.select(sa.func.max(RunRow.number)).where(RunRow.submission_id == run.submission_id)
        )
        self._session.add(
            RunRow(
                run_id=run.run_id,
                number=(last or 0) + 1,
                submission_id=run.submission_id,
                version=run.version,
                cause=run.cause.value,
                state=run.state.value,
                attempts=run.attempts,
                created_at=run.created_at,
            )
        )
        self._session.flush()

    def get(self, run_id: RunId) -> Run:
        return _read(self._get_row(run_id))

    def list_of(self, submission_id: SubmissionId) -> tuple[Run, ...]:
        query = sa.select(RunRow).where(RunRow.submission_id == submission_id).order_by(RunRow.number)
        return tuple(_read(row) for row in self._session.scalars(query))

    def get_newest(self, submission_id: SubmissionId) -> Run:
        query = sa.select(RunRow).where(RunRow.submission_id == submission_id).order_by(RunRow.number.desc()).limit(1)
        row = self._session.scalar(query)
        if row is None:
            raise NotFound(what="run", name=submission_id)
        return _read(row)

    def set_counting(self, submission_id: SubmissionId, run_id: RunId) -> None:
        self._session.merge(CountingRunRow(submission_id=submission_id, run_id=run_id))
        self._session.flush()

    def find_counting(self, submission_id: SubmissionId) -> Run | None:
        return self.list_counting([submission_id]).get(submission_id)

    def list_counting(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Run]:
        query = (
            sa.select(RunRow)
            .join(CountingRunRow, CountingRunRow.run_id == RunRow.run_id)
            .where(CountingRunRow.submission_id.in_(submission_ids))
        )
        return {SubmissionId(row.submission_id): _read(row) for row in self._session.scalars(query)}

    def start(self, run_id: RunId, *, attempts: int, at: datetime) -> None:
        row = self._get_unfinished(run_id)
        row.state = RunState.RUNNING.value
        row.attempts = attempts
        row.phase = "executing"
        row.trouble = None
        row.started_at = at
        self._session.flush()

    def set_phase(self, run_id: RunId, phase: str) -> None:
        self._session.execute(
            sa.update(RunRow).where(RunRow.run_id == run_id, RunRow.state == RunState.RUNNING.value).values(phase=phase)
        )

    def wait(self, run_id: RunId, *, attempts: int, trouble: Note | None) -> None:
        row = self._get_unfinished(run_id)
        row.state = RunState.QUEUED.value
        row.attempts = attempts
        row.phase = None
        row.trouble = None if trouble is None else note_to_json(trouble)
        row.finished_at = None
        self._session.flush()

    def fail(self, run_id: RunId, *, trouble: Note, at: datetime) -> None:
        row = self._get_unfinished(run_id)
        row.state = RunState.FAILED.value
        row.phase = None
        row.trouble = note_to_json(trouble)
        row.finished_at = at
        self._session.flush()

    def finish(self, run_id: RunId, graded: Graded, *, at: datetime) -> None:
        row = self._get_unfinished(run_id)
        row.state = RunState.FINISHED.value
        row.phase = None
        row.trouble = None
        row.finished_at = at
        _write_graded(row, graded)
        self._session.flush()
        write_questions(self._session, run_id, graded.result.questions)

    def load_result(self, run_id: RunId) -> Result:
        row = self._get_row(run_id)
        totals = _read_totals(row)
        if totals is None:
            raise NotFound(what="result", name=run_id)
        return Result(
            outcome=totals.outcome,
            score=totals.score,
            decided=totals.decided,
            pending=totals.pending,
            points=totals.points,
            questions=read_questions(self._session, run_id),
            notes=notes_from_json(row.notes),
        )

    def load_graded(self, run_id: RunId) -> Graded:
        result = self.load_result(run_id)
        row = self._get_row(run_id)
        if row.environment is None or row.executed is None or row.replies is None:
            raise NotFound(what="result", name=run_id)
        return Graded(
            result=result,
            environment=EnvironmentHash(row.environment),
            seed=row.seed or "",
            draws=row.draws or {},
            located={QuestionId(key): _read_located(entry) for key, entry in (row.located or {}).items()},
            written=SubmissionsTable(self._session).list_written(SubmissionId(row.submission_id)),
            executed=BlobKey(row.executed),
            replies=BlobKey(row.replies),
            seconds=row.seconds or 0.0,
            reused_from=None if row.reused_from is None else RunId(row.reused_from),
        )

    def find_twin(self, run_id: RunId, *, environment: EnvironmentHash) -> Run | None:
        own = self._get_row(run_id)
        submission = self._session.get_one(SubmissionRow, own.submission_id)
        query = (
            sa.select(RunRow)
            .join(SubmissionRow, SubmissionRow.submission_id == RunRow.submission_id)
            .where(
                SubmissionRow.person_id == submission.person_id,
                SubmissionRow.notebook == submission.notebook,
                RunRow.version == own.version,
                RunRow.environment == environment,
                RunRow.state == RunState.FINISHED.value,
            )
            .order_by(RunRow.finished_at.desc(), RunRow.run_id)
            .limit(1)
        )
        row = self._session.scalar(query)
        return None if row is None else _read(row)

    def list_waiting(self, version: VersionHash) -> tuple[Run, ...]:
        query = (
            sa.select(RunRow)
            .where(RunRow.version == version, RunRow.state == RunState.QUEUED.value)
            .order_by(RunRow.created_at, RunRow.run_id)
        )
        return tuple(_read(row) for row in self._session.scalars(query))

    def list_failed(self) -> tuple[Run, ...]:
        query = sa.select(RunRow).where(RunRow.state == RunState.FAILED.value).order_by(RunRow.created_at)
        return tuple(_read(row) for row in self._session.scalars(query))

    def _get_row(self, run_id: RunId) -> RunRow:
        row = self._session.get(RunRow, run_id)
        if row is None:
            raise NotFound(what="run", name=run_id)
        return row

    def _get_unfinished(self, run_id: RunId) -> RunRow:
        row = self._get_row(run_id)
        if row.state == RunState.FINISHED.value:
            raise Conflict(what="run", name=run_id)
        return row


def _write_graded(row: RunRow, graded: Graded) -> None:
    result = graded.result
    row.environment = graded.environment
    row.seed = graded.seed
    row.draws = dict(graded.draws)
    row.located = {question_id: _located_to_json(cells) for question_id, cells in graded.located.items()}
    row.outcome = result.outcome.value
    row.score = result.score
    row.decided = result.decided
    row.pending = result.pending
    row.points = result.points
    row.notes = notes_to_json(result.notes)
    row.seconds = graded.seconds
    row.executed = graded.executed
    row.replies = graded.replies
    row.reused_from = graded.reused_from


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
