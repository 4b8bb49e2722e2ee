"""A result as people and programs read it: one JSON object, the same for the command line and the API."""

from collections.abc import Mapping

from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from grader.domain.assignment import Assignment, Question, Visibility
from grader.domain.execution import Outcome
from grader.domain.result import CheckResult, Points, QuestionResult, Result
from grader.domain.text import Language, Note
from grader.errors import GraderError, NotebookRefused
from grader.feedback.catalogue import sentence


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


def report_result(result: Result, *, assignment: Assignment, notebook: str, language: Language) -> ResultReport:
    """Write a result in the reader's language, showing as much of each difference as its question allows."""
    questions: Mapping[str, Question] = {question.question_id: question for question in assignment.questions}
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
            _question(question, visibility=questions[question.question_id].visibility, language=language)
            for question in result.questions
        ],
        notes=[sentence(note, language) for note in result.notes],
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


def _question(result: QuestionResult, *, visibility: Visibility, language: Language) -> QuestionReport:
    return QuestionReport(
        id=result.question_id,
        score=result.score,
        decided=result.decided,
        pending=result.pending,
        points=result.points,
        checks=[_check(check, visibility=visibility, language=language) for check in result.checks],
        notes=[sentence(note, language) for note in result.notes],
    )


def _check(result: CheckResult, *, visibility: Visibility, language: Language) -> CheckReport:
    return CheckReport(
        id=result.check_id,
        kind=result.kind,
        verdict=result.verdict.value,
        score=result.score,
        points=result.points,
        code=result.code,
        message=_message(result, visibility=visibility, language=language),
    )


def _message(result: CheckResult, *, visibility: Visibility, language: Language) -> str:
    if visibility is Visibility.VERDICT and not result.verdict.is_pending:
        return sentence(Note(code=f"verdict.{result.verdict.value}"), language)
    said = sentence(Note(code=result.code, facts=result.facts), language, visibility=visibility)
    if result.diagnosis is None:
        return said
    joint = "" if language is Language.JA else " "
    return said + joint + sentence(result.diagnosis, language, visibility=visibility)
