"""Verdicts and scores: what a grading run comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, QuestionId
from grader.domain.text import Fact, Note
from grader.domain.values import Value

Points: TypeAlias = int | float


class Verdict(StrEnum):
    """What a check says. The pending ones wait for a person or for us and are never a zero."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    MISSING = "missing"
    """The name, function or output that was asked for does not exist, although its question was found and run."""
    MALFORMED = "malformed"
    """It exists but cannot be compared (not a tensor, an object of the student's own class, too large)."""
    NOT_FOUND = "not_found"
    NEEDS_REVIEW = "needs_review"
    NEEDS_GPU = "needs_gpu"
    NEEDS_PACKAGE = "needs_package"
    SKIPPED = "skipped"
    """Not run, because an earlier cell ended the kernel."""

    @property
    def is_pending(self) -> bool:
        return self in _PENDING


_PENDING = frozenset(
    {Verdict.NOT_FOUND, Verdict.NEEDS_REVIEW, Verdict.NEEDS_GPU, Verdict.NEEDS_PACKAGE, Verdict.SKIPPED}
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one comparison found, before points: verdict, stable code and the facts of its sentence."""

    verdict: Verdict
    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rung: str | None = None
    """Where the ladder exists > type > shape > dtype > values stopped, when everything else is right:
    'dtype' means that shape and numbers are right and only the dtype differs."""
    share: float | None = None
    """Share of right elements, 0 to 1, where the rung is 'values'."""
    actual: Value | None = None
    """The two values that differ, for feedback.diagnose; not stored with the verdict."""
    expected: Value | None = None


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check's verdict with its points. `pending` points are neither earned nor lost."""

    check_id: CheckId
    kind: str
    verdict: Verdict
    score: Points
    decided: Points
    pending: Points
    points: Points
    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    diagnosis: Note | None = None
    """Which mistake produces exactly this difference, where one was recognised."""


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """One question's score: `score` earned out of `decided`, `pending` waiting, of `points` in all."""

    question_id: QuestionId
    score: Points
    decided: Points
    pending: Points
    points: Points
    checks: tuple[CheckResult, ...]
    notes: tuple[Note, ...] = ()
    cells: tuple[int, ...] = ()
    """Numbers (from 1) of the code cells that were graded."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one grading run."""

    outcome: Outcome
    score: Points
    decided: Points
    pending: Points
    points: Points
    questions: tuple[QuestionResult, ...]
    notes: tuple[Note, ...] = ()
