"""Findings to points: what is earned, decided and pending. The only place that rounds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from grader.domain.assignment import Check, Question
from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, QuestionId
from grader.domain.publishing import LatePolicy
from grader.domain.result import CheckResult, Finding, Points, QuestionResult, Result, Verdict
from grader.domain.text import Fact, Note

_CENT = Decimal("0.01")


def score_question(
    question: Question,
    findings: Mapping[CheckId, Finding],
    *,
    diagnoses: Mapping[CheckId, Note] | None = None,
    notes: tuple[Note, ...] = (),
    cells: tuple[int, ...] = (),
) -> QuestionResult:
    """Turn a question's findings into points.

    Checks that share the question's points stand or fall together: all of them passed earns the points, one decided
    failure loses them, anything else leaves them pending. `partial` counts for a check that stands alone.

    Args:
        question: with its checks' points.
        findings: one for every check.
        diagnoses: for the checks whose mistake was recognised.
        notes: told at the question.
        cells: numbers of the graded cells.

    Raises:
        KeyError: a check has no finding; a defect of ours, never a zero.
    """
    sharing = [check for check in question.checks if check.shares_points]
    shared = _shared_points(sharing, findings)
    results = []
    for check in question.checks:
        finding = findings[check.check_id]
        is_grouped = check.shares_points and len(sharing) > 1
        score, pending = shared[check.check_id] if is_grouped else _own_points(check, finding)
        verdict = _partial_verdict(check, finding) if not is_grouped else finding.verdict
        results.append(
            CheckResult(
                check_id=check.check_id,
                kind=check.kind,
                verdict=verdict,
                score=_rounded(score),
                decided=_rounded(check.points - pending),
                pending=_rounded(pending),
                points=_rounded(check.points),
                code=finding.code,
                facts=finding.facts,
                diagnosis=(diagnoses or {}).get(check.check_id),
            )
        )
    return sum_question(question.question_id, results, notes=notes, cells=cells)


def sum_question(
    question_id: QuestionId,
    checks: Sequence[CheckResult],
    *,
    notes: tuple[Note, ...] = (),
    cells: tuple[int, ...] = (),
) -> QuestionResult:
    """Sum the checks of one question."""
    return QuestionResult(
        question_id=question_id,
        score=sum_points([check.score for check in checks]),
        decided=sum_points([check.decided for check in checks]),
        pending=sum_points([check.pending for check in checks]),
        points=sum_points([check.points for check in checks]),
        checks=tuple(checks),
        notes=notes,
        cells=cells,
    )


def total(outcome: Outcome, questions: Sequence[QuestionResult], notes: tuple[Note, ...] = ()) -> Result:
    """Sum the questions of one grading run."""
    return Result(
        outcome=outcome,
        score=sum_points([question.score for question in questions]),
        decided=sum_points([question.decided for question in questions]),
        pending=sum_points([question.pending for question in questions]),
        points=sum_points([question.points for question in questions]),
        questions=tuple(questions),
        notes=notes,
    )


def late_percent(late_by: timedelta, policy: LatePolicy) -> Points:
    """What a submission loses that arrived so long after its due date: for each hour or day begun after the grace."""
    after_grace = late_by - policy.grace
    if after_grace <= timedelta():
        return 0
    begun = -(-after_grace // policy.unit.length)
    return _rounded(min(begun * policy.percent, policy.most_percent, 100))


def points_when_late(score: Points, *, percent: Points) -> Points:
    """What is left of earned points."""
    return _rounded(score * (100 - percent) / 100) if percent else score


def deduct_late(result: Result, *, percent: Points) -> Result:
    """The result of a late submission: its questions keep their points, their sum loses its share and says so."""
    if not percent:
        return result
    score = points_when_late(result.score, percent=percent)
    facts: dict[str, Fact] = {"percent": percent, "points": sum_points([result.score, -score]), "earned": result.score}
    return replace(result, score=score, notes=(*result.notes, Note(code="late.deducted", facts=facts)))


def _own_points(check: Check, finding: Finding) -> tuple[Points, Points]:
    """(score, pending) of a check that counts by itself."""
    if finding.verdict is Verdict.PASSED:
        return check.points, 0
    if finding.verdict.is_pending:
        return 0, check.points
    worth = check.partial.get(finding.rung, 0) if finding.rung is not None else 0
    earned = check.points * (finding.share or 0) if worth == "share" else worth
    return min(max(earned, 0), check.points), 0


def _partial_verdict(check: Check, finding: Finding) -> Verdict:
    """The finding's verdict; PARTIAL where its rung is worth points."""
    if finding.verdict is Verdict.PASSED or finding.verdict.is_pending:
        return finding.verdict
    earned, _ = _own_points(check, finding)
    return Verdict.PARTIAL if _rounded(earned) else finding.verdict


def _shared_points(
    sharing: Sequence[Check], findings: Mapping[CheckId, Finding]
) -> dict[CheckId, tuple[Points, Points]]:
    """(score, pending) of each check in a group: all the points stand on the check that carries them."""
    verdicts = [findings[check.check_id].verdict for check in sharing]
    if all(verdict is Verdict.PASSED for verdict in verdicts):
        return {check.check_id: (check.points, 0) for check in sharing}
    if any(verdict is not Verdict.PASSED and not verdict.is_pending for verdict in verdicts):
        return {check.check_id: (0, 0) for check in sharing}
    return {check.check_id: (0, check.points) for check in sharing}


def sum_points(points: Collection[Points]) -> Points:
    """The sum, rounded: adding floats leaves no noise in it."""
    return _rounded(sum(points))


@lru_cache(maxsize=4096)
def _rounded(points: Points) -> Points:
    """Points to two decimals, halves away from zero; an int where nothing is lost by it.

    Remembered: a course's table adds up tens of thousands of sums, and most are one of a few hundred.
    """
    exact = Decimal(repr(points)).quantize(_CENT, rounding=ROUND_HALF_UP)
    return int(exact) if exact == exact.to_integral_value() else float(exact)
