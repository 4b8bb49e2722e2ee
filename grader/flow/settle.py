"""The points that stand of the questions of many submissions at once, from a few columns of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.overview import Ruling, Sums
from grader.domain.publishing import Revision
from grader.domain.result import Points, Verdict
from grader.domain.submission import DecisionKind
from grader.grading.score import sum_points

Ruled: TypeAlias = Mapping[QuestionId, Sequence[Ruling]]
"""What is valid about one submission."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What written checks are worth by now; none where a run's result says it."""

    checks: Mapping[QuestionId, Mapping[CheckId, Points]]

    @classmethod
    def of_revision(cls, revision: Revision) -> "Weights":
        """A revision's, each rubric as one number."""
        return cls(
            checks={
                question: {check: sum_points(items.values()) for check, items in checks.items()}
                for question, checks in revision.rubrics.items()
            }
        )

    def of(self, ruling: Ruling) -> Points | None:
        """What the check that a ruling is about is worth; None where that is what the run says."""
        return self.checks.get(ruling.question_id, {}).get(ruling.found_check)


def valid_rulings(rulings: Iterable[Ruling]) -> Mapping[SubmissionId, Ruled]:
    """The newest about each question and check, without those that were taken back, by submission."""
    newest: dict[tuple[SubmissionId, QuestionId, CheckId | None, CheckId], Ruling] = {}
    for ruling in rulings:
        if ruling.kind is DecisionKind.COMMENT:
            continue
        key = (ruling.submission_id, ruling.question_id, ruling.check_id, ruling.found_check)
        known = newest.get(key)
        if known is None or known.place < ruling.place:
            newest[key] = ruling
    valid: dict[SubmissionId, dict[QuestionId, list[Ruling]]] = {}
    for ruling in newest.values():
        if ruling.kind is not DecisionKind.WITHDRAWN:
            valid.setdefault(ruling.submission_id, {}).setdefault(ruling.question_id, []).append(ruling)
    return valid


def settle_question(found: Sums, rulings: Sequence[Ruling], *, weights: Weights) -> Sums:
    """A question's points.

    Args:
        found: by the run.
        rulings: what is valid about it.
        weights: of the checks that somebody decided; others keep what the run says.
    """
    change = _change(rulings, weights)
    return _rounded(*(one + other for one, other in zip(found, change, strict=True)))


def settle_verdict(ruling: Ruling, *, weights: Weights) -> Verdict:
    """What a check comes to that somebody gave points for."""
    settled = _settle_check(ruling, weights.of(ruling))
    if settled.score >= settled.points:
        return Verdict.PASSED
    return Verdict.PARTIAL if settled.score > 0 else Verdict.FAILED


def gives_points(ruling: Ruling) -> bool:
    """Is it about one check?"""
    return ruling.check_id is not None and ruling.points is not None


def _change(rulings: Sequence[Ruling], weights: Weights) -> Sums:
    """What a question's rulings put on top of what the run found: an override settles all of it, whatever else."""
    overriding = [each for each in rulings if each.kind is DecisionKind.OVERRIDE]
    score, decided, pending, points = 0.0, 0.0, 0.0, 0.0
    lost, total = 0.0, 0.0
    for each in overriding or [each for each in rulings if gives_points(each)]:
        found, settled = each.found, _settle_check(each, weights.of(each))
        lost, total = lost + found.score, total + settled.points
        score += settled.score
        decided += settled.points - found.decided
        pending -= found.pending
        points += settled.points - found.points
    if overriding:
        score = min(overriding[0].points or 0, sum_points([total]))
    return Sums(score=score - lost, decided=decided, pending=pending, points=points)


def _settle_check(ruling: Ruling, weight: Points | None) -> Sums:
    """A check with what the ruling gives, as if it were about this check alone."""
    points = ruling.found.points if weight is None else weight
    return Sums(min(ruling.points or 0, points), points, 0, points)


def _rounded(*sums: Points) -> Sums:
    return Sums(*(sum_points((each,)) for each in sums))
