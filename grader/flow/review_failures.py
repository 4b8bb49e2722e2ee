"""The same mistake in many submissions: who made it, and one comment for all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.domain.assignment import Question
from grader.domain.ids import SubmissionId
from grader.domain.overview import CheckGroup, Scope
from grader.domain.people import Course, Person
from grader.domain.publishing import Offering
from grader.domain.result import CheckResult, Verdict
from grader.domain.review import AnswerScope, Failure
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.domain.text import Text
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.assignments import StoredAssignments
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.review import Judgement, comment_together
from grader.flow.table import staff_course

_FEWEST = 2
"""A mistake that one student made is no group."""
_MOST_GROUPS = 30
_RIGHT = (Verdict.PASSED, Verdict.NEEDS_REVIEW)
NOTHING_SAID = DecisionId("")
"""What somebody has seen who saw that nobody had commented yet."""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What was said about a mistake."""

    decision: Decision
    by: Person


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Those whose runs found the same about a check."""

    failure: Failure
    question: Question | None
    """None where the assignment has it no more."""
    check: CheckResult
    """As it came out for one of them."""
    sample: SubmissionId
    count: int
    last: Remark | None
    """What those who made it were told last; the next comment takes its place."""

    @property
    def seen(self) -> DecisionId:
        """What somebody has seen who reads this; goes into `comment_failure`."""
        return NOTHING_SAID if self.last is None else self.last.decision.decision_id


@dataclass(frozen=True, kw_only=True)
class Failures:
    course: Course
    offering: Offering
    title: Text
    groups: tuple[FailureGroup, ...]
    """The most frequent first."""


def list_failures(
    course: str, assignment: str, *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> Failures:
    """What several students got wrong in the same way, for staff.

    Raises:
        NotFound: no such course or assignment, or not for the caller.
        Forbidden: the caller is a student.
    """
    with stores.storage.reading() as tx:
        found, offering = _find_offering(tx, course, assignment, caller)
        loaded = assignments.load(offering.version, revision=offering.revision, tx=tx).assignment
        questions = {question.question_id: question for question in loaded.questions}
        scope = Scope(course_id=found.course_id, offering_id=offering.offering_id)
        shared = [
            one for one in tx.overview.group_checks(scope) if one.students >= _FEWEST and one.verdict not in _RIGHT
        ]
        most = sorted(shared, key=lambda group: -group.students)[:_MOST_GROUPS]
        answers = AnswerScope(course_id=found.course_id, offering_ids=[offering.offering_id])
        decisions = {each: tx.reviews.list_decisions(answers, each) for each in {one.question_id for one in most}}
        groups = []
        for one in most:
            failure = _failure(one)
            last = None
            if comments := _comments(decisions[one.question_id], failure):
                last = _find_newest(comments, tx.reviews.list_same(answers, failure))
            groups.append(
                FailureGroup(
                    failure=failure,
                    question=questions.get(one.question_id),
                    check=_read_check(tx, one.sample, failure),
                    sample=one.sample,
                    count=one.students,
                    last=None if last is None else Remark(decision=last, by=tx.people.get(last.decided_by)),
                )
            )
    return Failures(course=found, offering=offering, title=loaded.title, groups=tuple(groups))


def comment_failure(
    failure: Failure,
    comment: str,
    *,
    course: str,
    assignment: str,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    seen: DecisionId | None = None,
) -> Sequence[Decision]:
    """Say the same to everybody in whose submission the run found this; points stay as they are.

    Args:
        failure: the mistake.
        comment: the words.
        course: its slug.
        assignment: its slug.
        caller: who says it.
        stores: where it stands.
        assignments: for the questions.
        seen: the last comment that the caller read; NOTHING_SAID where there was none, None: that does not matter.

    Raises:
        Conflict: somebody has said or decided something meanwhile that the caller has not seen.
        NotFound: no such course, assignment or failure, or not for the caller.
        Forbidden: the caller is a student.
        InvalidRequest: there are no words.
    """
    if not comment.strip():
        raise InvalidRequest(what="comment", value=comment)
    with stores.storage.reading() as tx:
        found, offering = _find_offering(tx, course, assignment, caller)
        scope = AnswerScope(course_id=found.course_id, offering_ids=[offering.offering_id])
        submission_ids = tx.reviews.list_same(scope, failure)
        decisions = tx.reviews.list_decisions(scope, failure.question_id)
    if not submission_ids:
        raise NotFound(what="check", name=failure.check_id)
    if seen is not None:
        last = _find_newest(_comments(decisions, failure), submission_ids)
        if seen != (NOTHING_SAID if last is None else last.decision_id):
            raise Conflict(what="comment", name=failure.check_id)
    known = Counter(each.submission_id for each in decisions)
    judgements = [
        Judgement(
            submission_id=each,
            question_id=failure.question_id,
            comment=comment.strip(),
            # Nor may anybody come in between from here on.
            seen=None if seen is None else known[each],
        )
        for each in submission_ids
    ]
    return comment_together(
        judgements, caller=caller, stores=stores, assignments=assignments, check_id=failure.check_id
    )


def _comments(decisions: Sequence[Decision], failure: Failure) -> list[Decision]:
    return [each for each in decisions if each.kind is DecisionKind.COMMENT and each.check_id == failure.check_id]


def _find_newest(comments: Sequence[Decision], submission_ids: Sequence[SubmissionId]) -> Decision | None:
    """Of those on these submissions: what was said to several at once is the same for any of them."""
    among = set(submission_ids)
    own = [each for each in comments if each.submission_id in among]
    return max(own, key=lambda each: (each.decided_at, each.decision_id), default=None)


def _find_offering(tx: Transaction, course: str, assignment: str, caller: Caller) -> tuple[Course, Offering]:
    found = staff_course(tx, course, caller)
    offering = tx.offerings.find(found.course_id, slug=assignment)
    if offering is None:
        raise NotFound(what="assignment", name=assignment)
    return found, offering


def _failure(group: CheckGroup) -> Failure:
    return Failure(question_id=group.question_id, check_id=group.check_id, code=group.code, diagnosis=group.diagnosis)


def _read_check(tx: Transaction, submission_id: SubmissionId, failure: Failure) -> CheckResult:
    found = tx.overview.find_check(submission_id, question_id=failure.question_id, check_id=failure.check_id)
    if found is None:
        raise NotFound(what="check", name=failure.check_id)
    return found
