"""What of a course waits for a person: by assignment, question and reason, divided among those who review."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from grader.domain.assignment import Question
from grader.domain.ids import OfferingId, PersonId, SubmissionId
from grader.domain.people import Course, Person
from grader.domain.publishing import Offering
from grader.domain.review import AnswerScope, Need
from grader.domain.text import Text
from grader.flow.assignments import StoredAssignments
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.review_items import Item, Part, group_answers, list_reviewers, reviewer_of
from grader.flow.table import staff_course


@dataclass(frozen=True, kw_only=True)
class QueueLine:
    """What of one question waits for the same reason."""

    part: Part
    question: Question | None
    """None where the assignment has it no more."""
    items: int
    """That are looked at one by one."""
    submissions: int
    own: int
    """Items that are the caller's share."""


@dataclass(frozen=True, kw_only=True)
class UngradedSubmission:
    """One that we could not grade; there is nothing to give points for."""

    submission_id: SubmissionId
    person: Person


@dataclass(frozen=True, kw_only=True)
class QueueSection:
    """What waits of one assignment."""

    offering: Offering
    title: Text
    is_early: bool
    """Its due date has not passed: answers may still change."""
    lines: tuple[QueueLine, ...]
    ungraded: tuple[UngradedSubmission, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    course: Course
    sections: tuple[QueueSection, ...]
    """Of assignments of which anything waits, by due date."""
    reviewers: int
    has_share: bool
    """Is the caller one of those?"""
    early: int
    """Assignments that are left out because they are not due yet."""
    titles: Mapping[str, Text]
    """Of all that the course offers, by slug."""


def read_queue(
    course: str, *, caller: Caller, stores: Stores, assignments: StoredAssignments, with_early: bool = False
) -> Queue:
    """Everything that waits for a person, of each student in what counts; for staff.

    Args:
        course: its slug.
        caller: who asks, and whose share is told.
        stores: where it stands.
        assignments: for the questions' titles.
        with_early: also of assignments that are not due yet.

    Raises:
        NotFound: no such course, or not for the caller.
        Forbidden: the caller is a student.
    """
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        found = staff_course(tx, course, caller)
        offerings = tx.offerings.list_of(found.course_id)
        ripe = [each for each in offerings if with_early or is_ripe(each, at=now)]
        scope = AnswerScope(course_id=found.course_id, offering_ids=[each.offering_id for each in ripe])
        items: defaultdict[OfferingId, list[Item]] = defaultdict(list)
        for item in group_answers(tx.reviews.list_waiting(scope), {}):
            items[item.offering_id].append(item)
        ungraded = [(each, tx.people.get(each.person_id)) for each in tx.reviews.list_ungraded(scope)]
        reviewers = list_reviewers(tx.courses.list_staff(found.course_id))
        titles = {each.slug: tx.versions.get_revision(each.version, number=each.revision).title for each in offerings}
        sections = tuple(
            _section(
                tx,
                offering,
                title=titles[offering.slug],
                items=items[offering.offering_id],
                ungraded=tuple(
                    UngradedSubmission(submission_id=each.submission_id, person=person)
                    for each, person in ungraded
                    if each.offering_id == offering.offering_id
                ),
                share=_Share(caller=caller.person.person_id, reviewers=reviewers),
                assignments=assignments,
                at=now,
            )
            for offering in ripe
        )
    return Queue(
        course=found,
        sections=tuple(section for section in sections if section.lines or section.ungraded),
        reviewers=len(reviewers),
        has_share=caller.person.person_id in reviewers,
        early=len(offerings) - len(ripe),
        titles=titles,
    )


def is_ripe(offering: Offering, *, at: datetime) -> bool:
    """Has the due date passed? One without any may be reviewed at any time."""
    return offering.dates.due_at is None or offering.dates.due_at < at


@dataclass(frozen=True, kw_only=True)
class _Share:
    caller: PersonId
    reviewers: tuple[PersonId, ...]

    def count(self, items: Sequence[Item]) -> int:
        """How many of them are the caller's, who may be none of those."""
        if self.caller not in self.reviewers:
            return 0
        return sum(reviewer_of(item, self.reviewers) == self.caller for item in items)


def _section(
    tx: Transaction,
    offering: Offering,
    *,
    title: Text,
    items: Sequence[Item],
    ungraded: tuple[UngradedSubmission, ...],
    share: _Share,
    assignments: StoredAssignments,
    at: datetime,
) -> QueueSection:
    by_part: dict[Part, list[Item]] = {}
    for item in items:
        by_part.setdefault(item.part, []).append(item)
    loaded = assignments.load(offering.version, revision=offering.revision, tx=tx).assignment if items else None
    questions = {} if loaded is None else {one.question_id: one for one in loaded.questions}
    order = {question_id: place for place, question_id in enumerate(questions)}
    needs = list(Need)
    lines = []
    for part, own in sorted(
        by_part.items(), key=lambda one: (order.get(one[0].question_id, len(order)), needs.index(one[0].need))
    ):
        lines.append(
            QueueLine(
                part=part,
                question=questions.get(part.question_id),
                items=len(own),
                submissions=sum(len(item.answers) for item in own),
                own=share.count(own),
            )
        )
    return QueueSection(
        offering=offering,
        title=title,
        is_early=not is_ripe(offering, at=at),
        lines=tuple(lines),
        ungraded=ungraded,
    )
