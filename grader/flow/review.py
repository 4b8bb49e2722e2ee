"""What people decide about a submission: points for written answers and overrides, with who, when and why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.domain.assignment import Check, Question
from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.result import Points
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.errors import Forbidden, InvalidRequest, NotFound
from grader.flow.assignments import StoredAssignments
from grader.flow.names import new_id
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.standing import recount


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Points that a person gives. `comment` is for the student, `reason` for the record."""

    submission_id: SubmissionId
    question_id: QuestionId
    points: Points
    comment: str = ""
    reason: str = ""


def decide_points(
    judgement: Judgement,
    *,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    check_id: CheckId | None = None,
) -> Decision:
    """Give points for a written check.

    Args:
        check_id: which one; may be left out where the question has just one.

    Raises:
        NotFound: no such submission, question or check, or not for the caller.
        Forbidden: the caller is not staff of the course.
        InvalidRequest: the check is not written, or the points are not between 0 and the check's.
    """
    question = _reviewed_question(judgement, caller=caller, stores=stores, assignments=assignments)
    check = _written_check(question, check_id)
    _check_points(judgement.points, most=check.points)
    return _store(judgement, kind=DecisionKind.POINTS, check_id=check.check_id, caller=caller, stores=stores)


def override(judgement: Judgement, *, caller: Caller, stores: Stores, assignments: StoredAssignments) -> Decision:
    """Settle a whole question, whatever its checks say now or after a regrade.

    Raises:
        NotFound: no such submission or question, or not for the caller.
        Forbidden: the caller is not staff of the course.
        InvalidRequest: the points are not between 0 and the question's, or no reason is given.
    """
    if not judgement.reason.strip():
        raise InvalidRequest(what="reason", value=judgement.reason)
    question = _reviewed_question(judgement, caller=caller, stores=stores, assignments=assignments)
    _check_points(judgement.points, most=question.points)
    return _store(judgement, kind=DecisionKind.OVERRIDE, check_id=None, caller=caller, stores=stores)


def withdraw(decision: Decision, *, reason: str, caller: Caller, stores: Stores) -> Decision:
    """Take a decision back: the run's own verdict stands again. The history keeps both.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
    """
    with stores.storage.reading() as tx:
        _check_staff(tx, decision.submission_id, caller)
    judgement = Judgement(
        submission_id=decision.submission_id, question_id=decision.question_id, points=0, reason=reason
    )
    return _store(judgement, kind=DecisionKind.WITHDRAWN, check_id=decision.check_id, caller=caller, stores=stores)


def history(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> Sequence[Decision]:
    """Everything people decided about a submission, oldest first; for staff.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
    """
    with stores.storage.reading() as tx:
        _check_staff(tx, submission_id, caller)
        return tx.decisions.list_of(submission_id)


def _reviewed_question(
    judgement: Judgement, *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> Question:
    with stores.storage.reading() as tx:
        _check_staff(tx, judgement.submission_id, caller)
        offering = tx.offerings.get(tx.submissions.get(judgement.submission_id).offering_id)
        run = tx.runs.find_counting(judgement.submission_id) or tx.runs.get_newest(judgement.submission_id)
    revision = offering.revision if run.version == offering.version else None
    assignment = assignments.load(run.version, revision=revision).assignment
    for question in assignment.questions:
        if question.question_id == judgement.question_id:
            return question
    raise NotFound(what="question", name=judgement.question_id)


def _check_staff(tx: Transaction, submission_id: SubmissionId, caller: Caller) -> None:
    submission = tx.submissions.get(submission_id)
    course_id = tx.offerings.get(submission.offering_id).course_id
    if caller.is_staff_in(course_id):
        return
    if submission.person_id == caller.person.person_id:
        raise Forbidden(needs="staff")
    raise NotFound(what="submission", name=submission_id)


def _written_check(question: Question, check_id: CheckId | None) -> Check:
    written = [check for check in question.checks if check.kind == "written"]
    if check_id is None and len(written) == 1:
        return written[0]
    for check in question.checks:
        if check.check_id == check_id:
            if check.kind == "written":
                return check
            raise InvalidRequest(what="check", value=check_id)
    raise NotFound(what="check", name=check_id)


def _check_points(points: Points, *, most: Points) -> None:
    if not (math.isfinite(points) and 0 <= points <= most):
        raise InvalidRequest(what="points", value=str(points), most=most)


def _store(
    judgement: Judgement, *, kind: DecisionKind, check_id: CheckId | None, caller: Caller, stores: Stores
) -> Decision:
    decision = Decision(
        decision_id=DecisionId(new_id()),
        submission_id=judgement.submission_id,
        question_id=judgement.question_id,
        check_id=check_id,
        kind=kind,
        points=None if kind is DecisionKind.WITHDRAWN else judgement.points,
        comment=judgement.comment,
        reason=judgement.reason,
        decided_by=caller.person.person_id,
        decided_at=stores.clock.now(),
    )
    with stores.storage.writing() as tx:
        tx.decisions.add(decision)
        recount(tx, tx.submissions.get(judgement.submission_id))
    return decision
