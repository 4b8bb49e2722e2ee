"""Points for words that stay the same: nobody reads them again in the student's next submission."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from grader.domain.ids import QuestionId
from grader.domain.publishing import Rubrics
from grader.domain.submission import Decision, DecisionId, DecisionKind, Submission, WrittenAnswer
from grader.flow.names import new_id
from grader.flow.ports import Transaction
from grader.flow.rubrics import worth
from grader.flow.standing import counting_run, revision_of, settle, valid_decisions

_ALL = 100_000
"""More submissions than anyone makes for one assignment."""


def carry_points(tx: Transaction, submission: Submission, written: Sequence[WrittenAnswer], *, at: datetime) -> bool:
    """Give the submission the points that its words had before, in the transaction that located them.

    The newest earlier submission that was judged decides. What somebody has decided about this one already stays, and a
    picture is compared with nothing: a person looks again. Returns whether anything was given.
    """
    hashes = _hashes(written)
    earlier = list_judged_before(tx, submission) if hashes else ()
    if not earlier:
        return False
    known = tx.decisions.list_of(submission.submission_id)
    judged = {(each.question_id, each.check_id) for each in known if each.kind is not DecisionKind.COMMENT}
    before_this = len(judged)
    offering = tx.offerings.get(submission.offering_id)
    rubrics = revision_of(tx, counting_run(tx, submission.submission_id), offering=offering).rubrics
    for one in earlier:
        before = _hashes(tx.submissions.list_written(one.submission_id))
        for decision in valid_decisions(tx.decisions.list_of(one.submission_id)):
            question_id, check_id = decision.question_id, decision.check_id
            if check_id is None or not decision.kind.settles or (question_id, check_id) in judged:
                continue
            if question_id not in hashes or before.get(question_id) != hashes[question_id]:
                continue
            carried = _carried(decision, rubrics=rubrics)
            if carried is not None:
                judged.add((question_id, check_id))
                tx.decisions.add(
                    replace(
                        carried,
                        submission_id=submission.submission_id,
                        reason=f"submission {one.number}",
                        decided_at=at,
                    )
                )
    return len(judged) > before_this


def carry_on(tx: Transaction, submission: Submission, *, at: datetime) -> None:
    """Give the person's later submissions the points that their words have got in this one; the caller recounts."""
    own = tx.submissions.list_of(submission.offering_id, person_id=submission.person_id, limit=_ALL)
    for later in sorted(own, key=lambda one: one.number):
        if later.number > submission.number:
            written = tx.submissions.list_written(later.submission_id)
            if carry_points(tx, later, written, at=at):
                settle(tx, later.submission_id)


def list_judged_before(tx: Transaction, submission: Submission) -> tuple[Submission, ...]:
    """The person's earlier submissions for the assignment about which anything was decided, the newest first."""
    own = tx.submissions.list_of(submission.offering_id, person_id=submission.person_id, limit=_ALL)
    earlier = [one for one in own if one.number < submission.number]
    decided = tx.decisions.list_decided([one.submission_id for one in earlier]) if earlier else frozenset()
    return tuple(sorted((one for one in earlier if one.submission_id in decided), key=lambda one: -one.number))


def _carried(decision: Decision, *, rubrics: Rubrics) -> Decision | None:
    """The decision by what its items are worth now; None where one of them is not asked for any more."""
    points = decision.points
    if decision.items is not None and decision.check_id is not None:
        rubric = rubrics.get(decision.question_id, {}).get(decision.check_id, {})
        if any(key not in rubric for key in decision.items):
            return None
        points = worth(decision.items, rubric=rubric)
    return replace(decision, decision_id=DecisionId(new_id()), kind=DecisionKind.CARRIED, points=points)


def _hashes(written: Sequence[WrittenAnswer]) -> dict[QuestionId, str]:
    return {answer.question_id: answer.text_hash for answer in written if answer.text and not answer.has_attachments}
