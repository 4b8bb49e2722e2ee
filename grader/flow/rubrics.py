"""Rubrics as weights: what each revision's items are worth, and what moving to another revision does to points."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from grader.domain.assignment import Assignment
from grader.domain.ids import CheckId, OfferingId, QuestionId, SubmissionId, VersionHash
from grader.domain.publishing import ItemPoints, Offering, Revision, Rubrics
from grader.domain.result import Points
from grader.domain.submission import Decision, DecisionId, DecisionKind, Run
from grader.flow.names import new_id
from grader.flow.ports import Transaction
from grader.flow.standing import (
    counting_run,
    recount,
    settle,
    valid_decisions,
    with_decisions,
)
from grader.grading.score import sum_points


@dataclass(frozen=True, kw_only=True)
class Exceeding:
    """Points that a person gave as a number, and that are more than there are now. They count as `most`."""

    login: str
    submission_id: SubmissionId
    number: int
    """Of the submission."""
    question_id: QuestionId
    check_id: CheckId | None
    points: Points
    most: Points


@dataclass(frozen=True, kw_only=True)
class OfferingUpdate:
    """An offering after it moved to other texts, and what that did to points which people had given."""

    offering: Offering
    recomputed: int = 0
    """Decisions by rubric items that are worth something else now."""
    exceeding: tuple[Exceeding, ...] = ()


def rubrics_of(assignment: Assignment) -> Rubrics:
    """What every item of every written check is worth."""
    return {
        question.question_id: {
            check.check_id: {item.key: item.points for item in check.rubric}
            for check in question.checks
            if check.rubric
        }
        for question in assignment.questions
        if any(check.rubric for check in question.checks)
    }


def worth(items: Collection[str], *, rubric: ItemPoints) -> Points:
    """The points of the items that are met; an item that the rubric lacks is worth nothing."""
    return sum_points([points for key, points in rubric.items() if key in items])


def follow_rubrics(
    tx: Transaction, offering_id: OfferingId, *, before: Mapping[VersionHash, int], at: datetime
) -> OfferingUpdate:
    """Recompute the points that follow from rubric items, in the transaction that moved the offering.

    Each gets a new decision; the older ones stay in the history. Points given as a number stay as they are.

    Args:
        tx: to write in.
        offering_id: what has moved.
        before: the revision that results of each version were read with.
        at: now.
    """
    recomputed = 0
    exceeding: list[Exceeding] = []
    moved = _find_reweighed(tx, before=before, after=tx.offerings.list_revisions(offering_id))
    for submission_id in tx.decisions.list_decided_in(offering_id) if moved else ():
        run = counting_run(tx, submission_id)
        if run.version not in moved:
            continue
        old, new = moved[run.version]
        for decision in valid_decisions(tx.decisions.list_of(submission_id)):
            changed = _recomputed(decision, old=old, new=new, at=at)
            if changed is not None:
                tx.decisions.add(changed)
                recomputed += 1
        exceeding += _find_exceeding(tx, run, rubrics=new.rubrics)
        recount(tx, tx.submissions.get(submission_id))
    for version in moved:
        # What nobody decided yet is worth something else, too.
        for submission_id in tx.standings.list_graded_with(offering_id, version):
            settle(tx, submission_id)
    return OfferingUpdate(offering=tx.offerings.get(offering_id), recomputed=recomputed, exceeding=tuple(exceeding))


def _find_reweighed(
    tx: Transaction, *, before: Mapping[VersionHash, int], after: Mapping[VersionHash, int]
) -> Mapping[VersionHash, tuple[Revision, Revision]]:
    """The versions whose rubrics have other weights now, with both revisions."""
    found = {}
    for version, number in before.items():
        if number != after[version]:
            old, new = (tx.versions.get_revision(version, number=each) for each in (number, after[version]))
            if old.rubrics != new.rubrics:
                found[version] = (old, new)
    return found


def _recomputed(decision: Decision, *, old: Revision, new: Revision, at: datetime) -> Decision | None:
    """The decision by what the items are worth now; None where nothing changes."""
    rubric = _rubric_of(decision, new.rubrics)
    if decision.items is None or rubric is None:
        return None
    items = _follow_ids(decision.items, old=_rubric_of(decision, old.rubrics) or {}, new=rubric)
    points = worth(items, rubric=rubric)
    if (items, points) == (decision.items, decision.points):
        return None
    return replace(
        decision,
        decision_id=DecisionId(new_id()),
        kind=DecisionKind.RECOMPUTED,
        items=items,
        points=points,
        reason=f"revision {old.number} -> {new.number}",
        decided_at=at,
    )


def _follow_ids(items: tuple[str, ...], *, old: ItemPoints, new: ItemPoints) -> tuple[str, ...]:
    """The keys that the items have now: one that stood at a place without an id may have been given one there."""
    named = {
        str(place): key
        for place, key in enumerate(new, start=1)
        if str(place) in old and str(place) not in new and key not in old
    }
    return tuple(named.get(key, key) for key in items)


def _find_exceeding(tx: Transaction, run: Run, *, rubrics: Rubrics) -> list[Exceeding]:
    submission = tx.submissions.get(run.submission_id)
    bare = [each for each in valid_decisions(tx.decisions.list_of(run.submission_id)) if each.items is None]
    of_questions: dict[QuestionId, Points] = {}
    if run.totals is not None:
        result = with_decisions(tx.runs.load_result(run.run_id), (), rubrics=rubrics)
        of_questions = {question.question_id: question.points for question in result.questions}
    found = []
    for decision in bare:
        rubric = _rubric_of(decision, rubrics)
        most = of_questions.get(decision.question_id) if rubric is None else sum_points(rubric.values())
        if most is not None and decision.points is not None and decision.points > most:
            found.append(
                Exceeding(
                    login=tx.people.get(submission.person_id).login,
                    submission_id=submission.submission_id,
                    number=submission.number,
                    question_id=decision.question_id,
                    check_id=decision.check_id,
                    points=decision.points,
                    most=most,
                )
            )
    return found


def _rubric_of(decision: Decision, rubrics: Rubrics) -> ItemPoints | None:
    if decision.check_id is None:
        return None
    return rubrics.get(decision.question_id, {}).get(decision.check_id)
