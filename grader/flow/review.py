"""What people decide about a submission: points for written answers and overrides, with who, when and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grader.domain.assignment import Assignment, Check, Question
from grader.domain.ids import CheckId, PersonId, QuestionId, SubmissionId
from grader.domain.people import Person
from grader.domain.publishing import Revision
from grader.domain.result import Points
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound
from grader.flow.assignments import StoredAssignments
from grader.flow.carry import carry_on
from grader.flow.names import new_id
from grader.flow.people import Caller, check_is_anothers
from grader.flow.ports import Stores, Transaction
from grader.flow.rubrics import worth
from grader.flow.standing import counting_run, recount, revision_of

POINTS_OR_ITEMS = "points, items"
"""What is wrong with a judgement by a rubric that names both, or neither."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Points that a person gives, or the rubric items that are met. `comment` is for the student, `reason` for the
    record."""

    submission_id: SubmissionId
    question_id: QuestionId
    points: Points | None = None
    items: tuple[str, ...] | None = None
    """Keys of the items; the points follow from them, also when the rubric's weights change later."""
    comment: str = ""
    reason: str = ""
    seen: int | None = None
    """How many decisions about the question were there when its judge read the answer; None: that does not matter."""


def decide_points(
    judgement: Judgement,
    *,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    check_id: CheckId | None = None,
) -> Decision:
    """Give points for a written check: by the rubric items that are met, or as a number, whatever the items say.

    Args:
        check_id: which one; may be left out where the question has just one.

    Raises:
        NotFound: no such submission, question or check, or not for the caller.
        Forbidden: the caller is not staff of the course, or a TA whose own submission it is.
        InvalidRequest: the check is not written, the points are not between 0 and the check's, its rubric has no such
            item, or both or neither of points and items are given.
        Conflict: the rubric changed meanwhile.
    """
    (decision,) = decide_points_together(
        [judgement], caller=caller, stores=stores, assignments=assignments, check_id=check_id
    )
    return decision


def decide_points_together(
    judgements: Sequence[Judgement],
    *,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    check_id: CheckId | None = None,
) -> tuple[Decision, ...]:
    """The same for answers of several students, all or none.

    Raises:
        Conflict: besides, somebody has decided meanwhile what a judge has not seen; `what` is 'decision' then.
    """
    rulings = []
    for judgement in judgements:
        reviewed = _read_reviewed(judgement.submission_id, caller=caller, stores=stores, assignments=assignments)
        check = _written_check(reviewed.question(judgement.question_id), check_id)
        if judgement.items is not None:
            settled = _settle_items(judgement, check)
        elif judgement.points is None and check.rubric:
            # Nothing chosen is no zero: that no item is met has to be said, with items that are none.
            raise InvalidRequest(what=POINTS_OR_ITEMS)
        else:
            _check_points(judgement.points, most=check.points)
            settled = judgement
        rulings.append(_Ruling(judgement=settled, check_id=check.check_id, reviewed=reviewed))
    return _store(rulings, kind=DecisionKind.POINTS, caller=caller, stores=stores)


def override(judgement: Judgement, *, caller: Caller, stores: Stores, assignments: StoredAssignments) -> Decision:
    """Settle a whole question, whatever its checks say now or after a regrade.

    Raises:
        NotFound: no such submission or question, or not for the caller.
        Forbidden: as `decide_points`.
        InvalidRequest: the points are not between 0 and the question's, or no reason is given.
        Conflict: the rubric changed meanwhile.
    """
    (decision,) = override_together([judgement], caller=caller, stores=stores, assignments=assignments)
    return decision


def override_together(
    judgements: Sequence[Judgement], *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> tuple[Decision, ...]:
    """The same for several students, all or none; raises besides as `decide_points_together` does."""
    rulings = []
    for judgement in judgements:
        if not judgement.reason.strip():
            raise InvalidRequest(what="reason", value=judgement.reason)
        reviewed = _read_reviewed(judgement.submission_id, caller=caller, stores=stores, assignments=assignments)
        if judgement.items is not None:
            raise InvalidRequest(what="items")
        _check_points(judgement.points, most=reviewed.question(judgement.question_id).points)
        rulings.append(_Ruling(judgement=judgement, reviewed=reviewed))
    return _store(rulings, kind=DecisionKind.OVERRIDE, caller=caller, stores=stores)


def comment_together(
    judgements: Sequence[Judgement],
    *,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    check_id: CheckId | None = None,
) -> tuple[Decision, ...]:
    """Say something to several students about a question, without points; all or none.

    Args:
        check_id: which of its checks it is about, so that comments on others stay; None for the whole question.

    Raises:
        NotFound: no such submission or question, or not for the caller.
        Forbidden: as `decide_points`.
    """
    rulings = []
    for judgement in judgements:
        reviewed = _read_reviewed(judgement.submission_id, caller=caller, stores=stores, assignments=assignments)
        reviewed.question(judgement.question_id)
        remark = replace(judgement, points=None, items=None)
        rulings.append(_Ruling(judgement=remark, check_id=check_id, reviewed=reviewed))
    return _store(rulings, kind=DecisionKind.COMMENT, caller=caller, stores=stores)


def withdraw(decision: Decision, *, reason: str, caller: Caller, stores: Stores, seen: int | None = None) -> Decision:
    """Take a decision back: the run's own verdict stands again. The history keeps both.

    Args:
        decision: which.
        reason: for the record.
        caller: who takes it back.
        stores: where it stands.
        seen: as in `Judgement`.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: as `decide_points`.
        Conflict: somebody has decided meanwhile what the caller has not seen.
    """
    with stores.storage.reading() as tx:
        check_reviewer(tx, decision.submission_id, caller)
    judgement = Judgement(
        submission_id=decision.submission_id, question_id=decision.question_id, reason=reason, seen=seen
    )
    ruling = _Ruling(judgement=judgement, check_id=decision.check_id)
    (withdrawn,) = _store([ruling], kind=DecisionKind.WITHDRAWN, caller=caller, stores=stores)
    return withdrawn


def history(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> Sequence[Decision]:
    """Everything people decided about a submission, oldest first; for staff.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
    """
    with stores.storage.reading() as tx:
        check_reviewer(tx, submission_id, caller)
        return tx.decisions.list_of(submission_id)


def list_deciders(decisions: Sequence[Decision], *, stores: Stores) -> Mapping[PersonId, Person]:
    """Who decided, by the decisions' `decided_by`."""
    with stores.storage.reading() as tx:
        return {person_id: tx.people.get(person_id) for person_id in {each.decided_by for each in decisions}}


def read_rubrics(
    submission_id: SubmissionId, *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> tuple[tuple[Question, Check], ...]:
    """What a submission's written answers are judged by: its written checks with their rubrics; for staff.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
    """
    reviewed = _read_reviewed(submission_id, caller=caller, stores=stores, assignments=assignments)
    return tuple(
        (question, check)
        for question in reviewed.assignment.questions
        for check in question.checks
        if check.kind == "written"
    )


@dataclass(frozen=True, kw_only=True)
class _Reviewed:
    """What a person looks at who decides: one revision of the texts and rubrics."""

    assignment: Assignment
    revision: int

    def question(self, question_id: QuestionId) -> Question:
        for question in self.assignment.questions:
            if question.question_id == question_id:
                return question
        raise NotFound(what="question", name=question_id)


@dataclass(frozen=True, kw_only=True)
class _Ruling:
    """A judgement that may be stored as it is."""

    judgement: Judgement
    check_id: CheckId | None = None
    reviewed: _Reviewed | None = None
    """What its judge saw, where it depends on that."""


def _read_reviewed(
    submission_id: SubmissionId, *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> _Reviewed:
    with stores.storage.reading() as tx:
        check_reviewer(tx, submission_id, caller)
        revision = _revision_now(tx, submission_id)
    loaded = assignments.load(revision.version, revision=revision.number)
    return _Reviewed(assignment=loaded.assignment, revision=revision.number)


def _revision_now(tx: Transaction, submission_id: SubmissionId) -> Revision:
    offering = tx.offerings.get(tx.submissions.get(submission_id).offering_id)
    return revision_of(tx, counting_run(tx, submission_id), offering=offering)


def _settle_items(judgement: Judgement, check: Check) -> Judgement:
    """The judgement with its items in the rubric's order, each once, and with what they are worth."""
    rubric = {item.key: item.points for item in check.rubric}
    met = judgement.items or ()
    if judgement.points is not None:
        raise InvalidRequest(what=POINTS_OR_ITEMS)
    if not rubric:
        raise InvalidRequest(what="points", value="", most=check.points)
    for key in met:
        if key not in rubric:
            raise InvalidRequest(what="items", value=key)
    return replace(judgement, items=tuple(key for key in rubric if key in met), points=worth(met, rubric=rubric))


def check_reviewer(tx: Transaction, submission_id: SubmissionId, caller: Caller) -> None:
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


def _check_points(points: Points | None, *, most: Points) -> None:
    if points is None or not (math.isfinite(points) and 0 <= points <= most):
        raise InvalidRequest(what="points", value=str(points), most=most)


def _store(rulings: Sequence[_Ruling], *, kind: DecisionKind, caller: Caller, stores: Stores) -> tuple[Decision, ...]:
    now = stores.clock.now()
    decisions = tuple(_decision(ruling, kind=kind, by=caller.person.person_id, at=now) for ruling in rulings)
    with stores.storage.writing() as tx:
        for ruling, decision in zip(rulings, decisions, strict=True):
            submission = tx.submissions.get(decision.submission_id)
            course_id = tx.offerings.get(submission.offering_id).course_id
            check_is_anothers(submission, course_id=course_id, caller=caller)
            _check_unchanged(tx, ruling)
            tx.decisions.add(decision)
            if kind is DecisionKind.POINTS:
                carry_on(tx, submission, at=now)
            recount(tx, submission)
    return decisions


def _decision(ruling: _Ruling, *, kind: DecisionKind, by: PersonId, at: datetime) -> Decision:
    judgement = ruling.judgement
    return Decision(
        decision_id=DecisionId(new_id()),
        submission_id=judgement.submission_id,
        question_id=judgement.question_id,
        check_id=ruling.check_id,
        kind=kind,
        points=judgement.points,
        comment=judgement.comment,
        reason=judgement.reason,
        decided_by=by,
        decided_at=at,
        items=judgement.items,
    )


def _check_unchanged(tx: Transaction, ruling: _Ruling) -> None:
    """Raises Conflict: the rubric, or what others decided, is not any more what the judge saw."""
    judgement, reviewed = ruling.judgement, ruling.reviewed
    if reviewed is not None:
        now = _revision_now(tx, judgement.submission_id)
        if (now.version, now.number) != (reviewed.assignment.version, reviewed.revision):
            raise Conflict(what="rubric", name=judgement.question_id)
    if judgement.seen is not None:
        known = tx.decisions.list_of(judgement.submission_id)
        if count_about(known, judgement.question_id) != judgement.seen:
            raise _overtaken(tx, known, judgement.question_id)


def _overtaken(tx: Transaction, known: Sequence[Decision], question_id: QuestionId) -> Conflict:
    """Says who decided last, and when: it may be about another student than the one that the judge looks at."""
    about = [decision for decision in known if decision.question_id == question_id]
    if not about:
        return Conflict(what="decision", name=question_id)
    newest = max(about, key=lambda decision: decision.decided_at)
    name = tx.people.get(newest.decided_by).name
    return Conflict(what="decision", name=question_id, by=name, at=newest.decided_at.isoformat())


def count_about(decisions: Sequence[Decision], question_id: QuestionId) -> int:
    """How many are about this question: what `Judgement.seen` is compared with."""
    return sum(decision.question_id == question_id for decision in decisions)
