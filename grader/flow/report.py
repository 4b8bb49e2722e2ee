"""A result as people and programs read it: one JSON object, the same for the command line and the API."""

from collections.abc import Mapping
from typing import Protocol

from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from grader.domain.assignment import Assignment, Question, Visibility
from grader.domain.execution import Outcome
from grader.domain.result import CheckResult, Points, QuestionResult, Result
from grader.domain.text import Language, Note
from grader.errors import GraderError, NotebookRefused
from grader.feedback.catalogue import sentence
from grader.feedback.visibility import is_visible, visible_diagnosis, visible_finding

_TOLD_ONCE = frozenset({"follow.passed", "follow.unavailable", "source.syntax_error", "source.beside_error"})
"""Beside all codes of the group `check`: they are about what surrounds a check, which several of a question share."""

_TOLD_BY_CHECKS = ("locate.not_found",)
"""A question's checks are not found then, and say so."""


class Writer(Protocol):
    """Makes the sentence of a note."""

    def __call__(self, note: Note, language: Language, *, visibility: Visibility = Visibility.HINT) -> str: ...


class Refusal(TypedDict):
    """Why a file was not graded at all."""

    code: str
    message: str


class CheckReport(TypedDict):
    """One check's verdict in words."""

    id: str
    kind: str
    verdict: str
    score: Points
    points: Points
    code: str
    message: str


class QuestionReport(TypedDict):
    """One question's score and what its student is told."""

    id: str
    score: Points
    decided: Points
    pending: Points
    points: Points
    checks: list[CheckReport]
    notes: list[str]


class ResultReport(TypedDict):
    """One notebook's result; `score` is None where the file was refused."""

    notebook: str
    assignment: str
    version: str
    outcome: str | None
    score: Points | None
    decided: Points
    pending: Points
    points: Points
    refused: Refusal | None
    questions: list[QuestionReport]
    notes: list[str]


def report_result(
    result: Result, *, assignment: Assignment, notebook: str, language: Language, write: Writer = sentence
) -> ResultReport:
    """Write a result in the reader's language, showing as much of each difference as its question allows."""
    questions: Mapping[str, Question] = {question.question_id: question for question in assignment.questions}
    is_strict = any(question.visibility is Visibility.VERDICT for question in assignment.questions)
    strictest = Visibility.VERDICT if is_strict else Visibility.HINT
    return ResultReport(
        notebook=notebook,
        assignment=assignment.slug,
        version=assignment.version,
        outcome=result.outcome.value,
        score=result.score,
        decided=result.decided,
        pending=result.pending,
        points=result.points,
        refused=None,
        questions=[
            _question(question, visibility=questions[question.question_id].visibility, language=language, write=write)
            for question in result.questions
        ],
        notes=[write(note, language) for note in result.notes if is_visible(note, strictest)],
    )


def report_refusal(
    error: NotebookRefused, *, assignment: Assignment, notebook: str, language: Language
) -> ResultReport:
    """Write a refusal in the same shape: no questions, no score."""
    return ResultReport(
        notebook=notebook,
        assignment=assignment.slug,
        version=assignment.version,
        outcome=None,
        score=None,
        decided=0,
        pending=0,
        points=assignment.points,
        refused=Refusal(code=error.reason, message=error_message(error, language)),
        questions=[],
        notes=[],
    )


def report_failure(assignment: Assignment, *, notebook: str) -> ResultReport:
    """Write that we could not grade a notebook: no score, and every point pending."""
    return ResultReport(
        notebook=notebook,
        assignment=assignment.slug,
        version=assignment.version,
        outcome=Outcome.SANDBOX_FAILED.value,
        score=None,
        decided=0,
        pending=assignment.points,
        points=assignment.points,
        refused=None,
        questions=[],
        notes=[],
    )


def error_message(error: GraderError, language: Language) -> str:
    """An error's sentence in the reader's language."""
    return sentence(error.note, language)


def _question(result: QuestionResult, *, visibility: Visibility, language: Language, write: Writer) -> QuestionReport:
    return QuestionReport(
        id=result.question_id,
        score=result.score,
        decided=result.decided,
        pending=result.pending,
        points=result.points,
        checks=_with_circumstances_told_once(
            [_check(check, visibility=visibility, language=language, write=write) for check in result.checks],
            language=language,
        ),
        notes=[
            write(note, language)
            for note in result.notes
            if is_visible(note, visibility) and note.code not in _TOLD_BY_CHECKS
        ],
    )


def _check(result: CheckResult, *, visibility: Visibility, language: Language, write: Writer) -> CheckReport:
    said = visible_finding(result, visibility)
    mistake = visible_diagnosis(result, visibility)
    message = [write(note, language, visibility=visibility) for note in (said, mistake) if note is not None]
    return CheckReport(
        id=result.check_id,
        kind=result.kind,
        verdict=result.verdict.value,
        score=result.score,
        points=result.points,
        code=said.code,
        message=("" if language is Language.JA else " ").join(message),
    )


def _with_circumstances_told_once(checks: list[CheckReport], *, language: Language) -> list[CheckReport]:
    """The checks, where one that says again what one before it has said refers to that."""
    told: set[str] = set()
    for check in checks:
        if check["message"] in told:
            check["message"] = sentence(Note(code="check.as_above"), language)
        elif check["code"].startswith("check.") or check["code"] in _TOLD_ONCE:
            told.add(check["message"])
    return checks
