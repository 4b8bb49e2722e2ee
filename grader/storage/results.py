"""Question and check results of a run in the database."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from grader.domain.ids import CheckId, QuestionId, RunId
from grader.domain.result import CheckResult, QuestionResult, Verdict
from grader.storage.notes import note_from_json, note_to_json, notes_from_json, notes_to_json
from grader.storage.rows import Rows
from grader.storage.tables import CheckResultRow, QuestionResultRow

FACTS_VERSION = 1
"""Of the facts that codes carry. Raise it when the facts of a code change, and keep older sentences readable."""

_ADD_QUESTION = sa.insert(QuestionResultRow)
_ADD_CHECK = sa.insert(CheckResultRow)
_QUESTIONS = (
    sa.select(QuestionResultRow)
    .where(QuestionResultRow.run_id == sa.bindparam("run"))
    .order_by(QuestionResultRow.place)
)
_CHECKS = sa.select(CheckResultRow).where(CheckResultRow.run_id == sa.bindparam("run")).order_by(CheckResultRow.place)


def write_questions(rows: Rows, run_id: RunId, *, questions: Sequence[QuestionResult]) -> None:
    of_questions, of_checks = result_rows(run_id, questions)
    rows.add_all(_ADD_QUESTION, of_questions)
    rows.add_all(_ADD_CHECK, of_checks)


def result_rows(
    run_id: RunId, questions: Sequence[QuestionResult]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """What a run's questions and checks are in their tables."""
    of_questions = [_question_values(question, run_id=run_id, place=place) for place, question in enumerate(questions)]
    of_checks = [
        _check_values(check, run_id=run_id, question_place=question_place, place=place)
        for question_place, question in enumerate(questions)
        for place, check in enumerate(question.checks)
    ]
    return of_questions, of_checks


def read_questions(rows: Rows, run_id: RunId) -> tuple[QuestionResult, ...]:
    checks: defaultdict[int, list[CheckResult]] = defaultdict(list)
    for row in rows.list(_CHECKS, run=run_id):
        checks[row.question_place].append(read_check(row))
    return tuple(
        QuestionResult(
            question_id=QuestionId(row.question_id),
            score=row.score,
            decided=row.decided,
            pending=row.pending,
            points=row.points,
            checks=tuple(checks[row.place]),
            notes=notes_from_json(row.notes),
            cells=tuple(row.cells),
        )
        for row in rows.list(_QUESTIONS, run=run_id)
    )


def _question_values(question: QuestionResult, *, run_id: RunId, place: int) -> dict[str, object]:
    return {
        "run_id": run_id,
        "place": place,
        "question_id": question.question_id,
        "score": question.score,
        "decided": question.decided,
        "pending": question.pending,
        "points": question.points,
        "notes": notes_to_json(question.notes),
        "cells": list(question.cells),
        "fingerprint": _fingerprint(question.checks),
    }


def _fingerprint(checks: Sequence[CheckResult]) -> str:
    """Of all that a course's checks are grouped by: whoever counts them reads only one of many questions alike."""
    told = [
        (each.check_id, each.kind, each.verdict.value, each.code, each.diagnosis and each.diagnosis.code)
        for each in checks
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _check_values(check: CheckResult, *, run_id: RunId, question_place: int, place: int) -> dict[str, object]:
    return {
        "run_id": run_id,
        "question_place": question_place,
        "place": place,
        "check_id": check.check_id,
        "kind": check.kind,
        "verdict": check.verdict.value,
        "score": check.score,
        "decided": check.decided,
        "pending": check.pending,
        "points": check.points,
        "code": check.code,
        "facts": dict(check.facts),
        "facts_version": FACTS_VERSION,
        "diagnosis": None if check.diagnosis is None else note_to_json(check.diagnosis),
    }


def read_check(row: CheckResultRow) -> CheckResult:
    return CheckResult(
        check_id=CheckId(row.check_id),
        kind=row.kind,
        verdict=Verdict(row.verdict),
        score=row.score,
        decided=row.decided,
        pending=row.pending,
        points=row.points,
        code=row.code,
        facts=row.facts,
        diagnosis=None if row.diagnosis is None else note_from_json(row.diagnosis),
    )
