"""Assignment > question > check: what an instructor publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from grader.domain.device import Device
from grader.domain.execution import Evidence, Limits
from grader.domain.ids import CheckId, QuestionId, VersionHash
from grader.domain.probe import Probe
from grader.domain.result import Finding, Points
from grader.domain.text import Text
from grader.domain.values import Value

InputSet: TypeAlias = tuple[tuple[Value, ...], ...]
"""Hidden inputs of one check: the positional arguments of each call."""


class Visibility(StrEnum):
    """How much of a mismatch a student reads."""

    FULL = "full"
    HINT = "hint"
    VERDICT = "verdict"


class CheckLogic(Protocol):
    """One kind of check with its settings; the kinds live in grading.checks, one module each."""

    @property
    def kind(self) -> str: ...

    @property
    def has_hidden_inputs(self) -> bool: ...

    def draw_inputs(self, seed: int) -> InputSet:
        """Make one set of hidden inputs; the same seed gives the same set. () for kinds without any."""

    @property
    def answer_names(self) -> tuple[str, ...]:
        """Names that an answer binds: how a cell without a heading is recognised."""

    @property
    def answer_patterns(self) -> tuple[str, ...]:
        """Expressions that an answer contains, for the same purpose."""

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """What to ask of the kernel for this answer; keys are unique within the check."""

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare a student's evidence with the reference's; never raises for anything a student did."""

    @property
    def budget_s(self) -> float | None:
        """Seconds that its question's cells may take, where that is not what the assignment's limits say."""

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Expressions that its TakeNames asks of the reference besides: other right answers never enter a student's
        kernel."""

    @property
    def is_self_contained(self) -> bool:
        """Its probes go to a fresh kernel that has only the answer's definitions, imports and constants."""

    @property
    def widens_for_noise(self) -> bool:
        """What it allows grows with the noise that was measured of the reference; else noise beyond it is a mistake."""

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """How far two runs of the reference lie apart: the largest gap of an element divided by what the check's
        tolerance allows there, dtypes aside. None where nothing can be measured (no numbers, other shapes)."""


@dataclass(frozen=True, kw_only=True)
class RubricItem:
    """One thing a TA looks for in a written answer."""

    key: str
    """What it stays the same by when words or points change: its `id`, or else its place in the rubric, from '1'."""
    points: Points
    text: Text


@dataclass(frozen=True, kw_only=True)
class Check:
    """One comparison, one verdict.

    Checks of a question that name no points share the question's: the first of them carries the points, the others
    carry 0, and all must pass (`shares_points`). A check with points of its own counts by itself.
    """

    check_id: CheckId
    logic: CheckLogic
    points: Points
    shares_points: bool = False
    partial: Mapping[str, Points | Literal["share"]] = field(default_factory=dict)
    """Points by the rung at which the comparison stopped, e.g. {'dtype': 14}: nothing wrong but that. 'share' is the
    check's points times the finding's share of right elements."""
    rubric: tuple[RubricItem, ...] = ()
    model_answer: Text | None = None
    """Markdown that TAs, and nobody else, read beside a written answer."""

    @property
    def kind(self) -> str:
        return self.logic.kind


@dataclass(frozen=True, kw_only=True)
class Question:
    """A part of the assignment with points. `number` is the n in 問題n, from 1."""

    question_id: QuestionId
    number: int
    title: Text
    prompt: Text
    """Markdown; `{{expression}}` stands for what the reference prints there."""
    checks: tuple[Check, ...]
    visibility: Visibility = Visibility.HINT
    follow_through: bool = True
    """Where it fails, it is tried again with the reference's values for what earlier failed questions left."""

    @property
    def points(self) -> Points:
        return sum(check.points for check in self.checks)

    @property
    def budget_s(self) -> float | None:
        """Seconds for its cells; None: what the assignment's limits say."""
        return max((check.logic.budget_s for check in self.checks if check.logic.budget_s is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A published unit; its `version` covers all that decides scores, none of the texts."""

    slug: str
    title: Text
    version: VersionHash
    questions: tuple[Question, ...]
    limits: Limits = field(default_factory=Limits)
    device: Device = Device.CPU
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Data that lies beside the student's notebook when it runs, by relative path ('data/digits.npz')."""

    @property
    def points(self) -> Points:
        return sum(question.points for question in self.questions)
