"""What lies before somebody who reviews: one answer with all that it is judged by, and what comes before and after."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grader.domain.assignment import Check, Question
from grader.domain.ids import CheckId, CourseId, PersonId, QuestionId, SubmissionId
from grader.domain.people import Course, Person
from grader.domain.publishing import Offering
from grader.domain.result import QuestionResult
from grader.domain.review import Answer, AnswerScope, Draft, Need, SavedComment
from grader.domain.submission import Decision, DecisionKind, Run, Submission, WrittenAnswer
from grader.domain.text import Text
from grader.errors import NotFound
from grader.flow.assignments import StoredAssignments
from grader.flow.carry import list_judged_before
from grader.flow.changes import Piece, compare_texts
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.review import count_about
from grader.flow.review_items import (
    Item,
    Part,
    find_settled,
    group_answers,
    list_reviewers,
    part_of,
    reviewer_of,
)
from grader.flow.standing import counting_run, revision_of, standing_result, valid_decisions
from grader.flow.table import staff_course
from grader.notebook.anonymous import Anonymizer

_NOBODY = Anonymizer(frozenset())


class Walk(StrEnum):
    """What comes next."""

    QUESTION = "question"
    """The same question of another student."""
    STUDENT = "student"
    """Another question of the same student."""


@dataclass(frozen=True, kw_only=True)
class DeskQuery:
    """What somebody wants to review."""

    course: str
    assignment: str
    """Slugs."""
    part: Part
    submission_id: SubmissionId | None = None
    """Whose answer; the first that waits where none is named."""
    after: SubmissionId | None = None
    """The first that waits after this one, and then from the beginning."""
    walk: Walk = Walk.QUESTION
    only_own: bool = False
    """Go on to the caller's share only."""
    is_anonymous: bool = False


@dataclass(frozen=True, kw_only=True)
class Stop:
    """An answer to go to."""

    part: Part
    submission_id: SubmissionId


@dataclass(frozen=True, kw_only=True)
class Author:
    """One of the students whose answers are the same."""

    submission_id: SubmissionId
    seen: int
    """Decisions about the question; goes into `Judgement.seen`."""
    person: Person | None
    """None where names are hidden."""
    student_number: str | None


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What the same person was given for other words before."""

    number: int
    """Of the submission."""
    decision: Decision
    pieces: tuple[Piece, ...]
    """From those words to these."""


@dataclass(frozen=True, kw_only=True)
class OtherDraft:
    """That somebody else is at this answer too."""

    person: Person
    saved_at: datetime


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One answer, or several that are the same to the letter."""

    submission: Submission
    run: Run
    """Whose result is the submission's."""
    authors: tuple[Author, ...]
    """The first is whose answer is shown."""
    decision: Decision | None
    """What settled it, if anything did."""
    question: Question
    """With the words and rubric that its result is read with."""
    check: Check | None
    """The written check; None where the whole question is settled."""
    result: QuestionResult | None
    """What stands for the question."""
    cells: tuple[int, ...]
    """Numbers of the cells that were taken for the answer."""
    executed: bytes | None
    upload: bytes | None
    """Of an answer with pictures: they are in there alone."""
    written: WrittenAnswer | None
    anonymizer: Anonymizer
    history: tuple[Decision, ...]
    """All about the question, the newest first."""
    deciders: Mapping[PersonId, Person]
    draft: Draft | None
    """The caller's own about the written check."""
    draft_of_question: Draft | None
    """The caller's own about the whole question."""
    others: tuple[OtherDraft, ...]
    comments: tuple[SavedComment, ...]
    earlier: Earlier | None

    def can_be_withdrawn(self, decision: Decision) -> bool:
        return decision in valid_decisions(self.history[::-1]) and decision.kind.settles


@dataclass(frozen=True, kw_only=True)
class Desk:
    course: Course
    offering: Offering
    title: Text
    query: DeskQuery
    total: int
    waiting: int
    place: int
    """Of the answer among all, from 1; 0 where there is none to show."""
    previous: Stop | None
    next: Stop | None
    """The next that waits for a person; on the way through a student's questions just the next, and after their last
    one the first that waits of another student."""
    sheet: Sheet | None


def read_desk(query: DeskQuery, *, caller: Caller, stores: Stores, assignments: StoredAssignments) -> Desk:
    """One answer to review, for staff.

    Raises:
        NotFound: no such course, assignment or answer, or not for the caller. One that does not count, or that the
            machine decided, is none unless it is named as `Need.DECIDED`.
        Forbidden: the caller is a student.
    """
    with stores.storage.reading() as tx:
        course = staff_course(tx, query.course, caller)
        offering = tx.offerings.find(course.course_id, slug=query.assignment)
        if offering is None:
            raise NotFound(what="assignment", name=query.assignment)
        stack = _read_stack(tx, query, course=course, offering=offering)
        waiting = stack.list_waiting(caller.person.person_id if query.only_own else None)
        item = stack.choose(query, waiting)
        sheet = None
        if item is not None:
            lead = query.submission_id or item.lead.submission_id
            sheet = _read_sheet(
                tx, _put_first(item, lead), stack=stack, query=query, caller=caller, assignments=assignments
            )
        place = 0 if item is None else stack.items.index(item) + 1
        onwards = stack.find_next(item, query, waiting)
        if onwards is None and query.walk is Walk.STUDENT:
            onwards = _find_next_student(tx, query, course=course, offering=offering, caller=caller)
        desk = Desk(
            course=course,
            offering=offering,
            title=tx.versions.get_revision(offering.version, number=offering.revision).title,
            query=query,
            total=len(stack.items),
            waiting=len(waiting),
            place=place,
            previous=_stop(stack.items[place - 2]) if place > 1 else None,
            next=onwards,
            sheet=sheet,
        )
    return desk if sheet is None else replace(desk, sheet=_with_files(sheet, stores=stores))


@dataclass(frozen=True, kw_only=True)
class _Stack:
    """The answers among which one goes on."""

    items: tuple[Item, ...]
    histories: Mapping[SubmissionId, Sequence[Decision]]
    reviewers: tuple[PersonId, ...]

    def list_waiting(self, whose: PersonId | None) -> list[Item]:
        open_items = [item for item in self.items if item.decision is None]
        if whose is None:
            return open_items
        return [item for item in open_items if reviewer_of(item, self.reviewers) == whose]

    def choose(self, query: DeskQuery, waiting: Sequence[Item]) -> Item | None:
        if query.submission_id is not None:
            found = self._find(query.submission_id, query.part)
            if found is None:
                raise NotFound(what="submission", name=query.submission_id)
            return found
        if query.after is None:
            return waiting[0] if waiting else None
        return self._first_after(self._find(query.after, query.part), waiting)

    def find_next(self, item: Item | None, query: DeskQuery, waiting: Sequence[Item]) -> Stop | None:
        if query.walk is Walk.STUDENT:
            place = 0 if item is None else self.items.index(item) + 1
            return _stop(self.items[place]) if place < len(self.items) else None
        found = self._first_after(item, [one for one in waiting if one is not item])
        return None if found is None else _stop(found)

    def _first_after(self, item: Item | None, waiting: Sequence[Item]) -> Item | None:
        place = -1 if item is None else self.items.index(item)
        later = [one for one in waiting if self.items.index(one) > place]
        return next(iter([*later, *waiting]), None)

    def _find(self, submission_id: SubmissionId, part: Part) -> Item | None:
        for item in self.items:
            if item.part == part and any(answer.submission_id == submission_id for answer in item.answers):
                return item
        return None


def _read_stack(tx: Transaction, query: DeskQuery, *, course: Course, offering: Offering) -> _Stack:
    if query.part.need is Need.DECIDED:
        return _read_decided(tx, query, offering=offering)
    scope = AnswerScope(course_id=course.course_id, offering_ids=[offering.offering_id])
    histories: defaultdict[SubmissionId, list[Decision]] = defaultdict(list)
    if query.walk is Walk.STUDENT and query.submission_id is not None:
        answers = tx.reviews.list_answers_of(scope, query.submission_id)
        histories[query.submission_id] = list(tx.decisions.list_of(query.submission_id))
    else:
        found = tx.reviews.list_answers(scope, query.part.question_id)
        answers = tuple(answer for answer in found if part_of(answer) == query.part)
        for decision in tx.reviews.list_decisions(scope, query.part.question_id):
            histories[decision.submission_id].append(decision)
    return _Stack(
        items=group_answers(answers, find_settled(answers, histories)),
        histories=histories,
        reviewers=list_reviewers(tx.courses.list_roster(course.course_id)) if query.only_own else (),
    )


def _read_decided(tx: Transaction, query: DeskQuery, *, offering: Offering) -> _Stack:
    """One question of one submission, whatever its run says of it; none where no submission is named."""
    if query.submission_id is None:
        return _Stack(items=(), histories={}, reviewers=())
    submission = tx.submissions.get(query.submission_id)
    run = tx.runs.find_counting(submission.submission_id)
    if submission.offering_id != offering.offering_id or run is None:
        raise NotFound(what="submission", name=query.submission_id)
    own = query.part.question_id
    checks = [
        Answer(
            offering_id=offering.offering_id,
            question_id=own,
            check_id=check.check_id,
            kind=check.kind,
            verdict=check.verdict,
            code=check.code,
            person_id=submission.person_id,
            submission_id=submission.submission_id,
            # Never put together with those of others who wrote the same.
            text_hash=None,
            has_attachments=False,
        )
        for question in tx.runs.load_result(run.run_id).questions
        if question.question_id == own
        for check in question.checks
    ]
    history = tx.decisions.list_of(submission.submission_id)
    valid = [each for each in valid_decisions(history) if each.question_id == own]
    settled = next((each for each in valid if each.kind is DecisionKind.OVERRIDE), None)
    return _Stack(
        items=tuple(Item(part=query.part, answers=(check,), decision=settled) for check in checks[:1]),
        histories={submission.submission_id: history},
        reviewers=(),
    )


def _find_next_student(
    tx: Transaction, query: DeskQuery, *, course: Course, offering: Offering, caller: Caller
) -> Stop | None:
    """The first that waits of the student who comes after this one, in an order that is always the same."""
    scope = AnswerScope(course_id=course.course_id, offering_ids=[offering.offering_id])
    items = group_answers(tx.reviews.list_waiting(scope), {})
    if query.only_own:
        reviewers = list_reviewers(tx.courses.list_roster(course.course_id))
        items = tuple(item for item in items if reviewer_of(item, reviewers) == caller.person.person_id)
    waiting = {(answer.submission_id, item.part) for item in items for answer in item.answers}
    here = query.submission_id or ""
    others = sorted({submission_id for submission_id, _ in waiting} - {here}, key=lambda one: (one < here, one))
    if not others:
        return None
    for answer in tx.reviews.list_answers_of(scope, others[0]):
        if (others[0], part_of(answer)) in waiting:
            return Stop(part=part_of(answer), submission_id=others[0])
    return None


def _put_first(item: Item, submission_id: SubmissionId) -> Item:
    return replace(item, answers=tuple(sorted(item.answers, key=lambda one: one.submission_id != submission_id)))


def _stop(item: Item) -> Stop:
    return Stop(part=item.part, submission_id=item.lead.submission_id)


def _read_sheet(
    tx: Transaction, item: Item, *, stack: _Stack, query: DeskQuery, caller: Caller, assignments: StoredAssignments
) -> Sheet:
    part, submission = item.part, tx.submissions.get(item.lead.submission_id)
    run = counting_run(tx, submission.submission_id)
    offering = tx.offerings.get(submission.offering_id)
    revision = revision_of(tx, run, offering=offering)
    question = _question(assignments, run, number=revision.number, part=part, tx=tx)
    told = stack.histories.get(submission.submission_id, ())
    history = [each for each in told if each.question_id == part.question_id]
    person = tx.people.get(submission.person_id)
    anonymizer = _NOBODY
    if query.is_anonymous:
        number = _student_number(tx, submission)
        said = submission.identity
        anonymizer = Anonymizer.of((person.name, person.login, number, said.name, said.student_number))
    written = next(
        (one for one in tx.submissions.list_written(submission.submission_id) if one.question_id == part.question_id),
        None,
    )
    located = tx.runs.load_graded(run.run_id).located.get(part.question_id)
    cells = () if located is None else tuple(sorted({*located.code_cells, *located.markdown_cells}))
    drafts = tx.reviews.list_drafts(submission.submission_id, question_id=part.question_id)
    about = [one for one in drafts if one.check_id in (None, part.check_id)]
    own = {one.check_id: one for one in about if one.person_id == caller.person.person_id}
    # Each of them once, by what they typed last.
    others = {one.person_id: one for one in about[::-1] if one.person_id != caller.person.person_id}
    people = {each.decided_by for each in history}
    return Sheet(
        submission=replace(submission, file_name=anonymizer.hide(submission.file_name)),
        run=run,
        authors=_list_authors(tx, item, stack=stack, query=query, course_id=offering.course_id),
        decision=item.decision,
        question=question,
        check=next((one for one in question.checks if one.check_id == part.check_id), None),
        result=next((one for one in standing_result(tx, run).questions if one.question_id == part.question_id), None),
        cells=tuple(index + 1 for index in cells),
        executed=None,
        upload=None,
        written=None if written is None else replace(written, text=anonymizer.hide(written.text)),
        anonymizer=anonymizer,
        history=tuple(history[::-1]),
        deciders={person_id: tx.people.get(person_id) for person_id in people},
        draft=None if part.check_id is None else own.get(part.check_id),
        draft_of_question=own.get(None),
        others=tuple(
            OtherDraft(person=tx.people.get(one.person_id), saved_at=one.saved_at)
            for one in others.values()
            if item.decision is None
        ),
        comments=tx.reviews.list_comments(submission.offering_id, question_id=part.question_id),
        earlier=None if written is None else _read_earlier(tx, submission, written, part=part, anonymizer=anonymizer),
    )


def _with_files(sheet: Sheet, *, stores: Stores) -> Sheet:
    """The files are read when no transaction is open any more."""
    executed, has_pictures = sheet.run.executed, sheet.written is not None and sheet.written.has_attachments
    return replace(
        sheet,
        executed=None if executed is None else sheet.anonymizer.hide_in_notebook(stores.blobs.get(executed)),
        upload=stores.blobs.get(sheet.submission.notebook) if has_pictures else None,
    )


def _question(assignments: StoredAssignments, run: Run, *, number: int, part: Part, tx: Transaction) -> Question:
    for question in assignments.load(run.version, revision=number, tx=tx).assignment.questions:
        if question.question_id == part.question_id:
            return question
    raise NotFound(what="question", name=part.question_id)


def _list_authors(
    tx: Transaction, item: Item, *, stack: _Stack, query: DeskQuery, course_id: CourseId
) -> tuple[Author, ...]:
    """Of one roster: what was found nowhere may be most of the course's."""
    roster = () if query.is_anonymous else tx.courses.list_roster(course_id)
    members = {member.person.person_id: member for member in roster}
    authors = []
    for answer in item.answers:
        member = members.get(answer.person_id)
        authors.append(
            Author(
                submission_id=answer.submission_id,
                seen=count_about(stack.histories.get(answer.submission_id, ()), query.part.question_id),
                person=None if member is None else member.person,
                student_number=None if member is None else member.membership.student_number,
            )
        )
    return tuple(authors)


def _student_number(tx: Transaction, submission: Submission) -> str | None:
    course_id = tx.offerings.get(submission.offering_id).course_id
    membership = tx.courses.find_membership(course_id, submission.person_id)
    return None if membership is None else membership.student_number


def _read_earlier(
    tx: Transaction, submission: Submission, written: WrittenAnswer, *, part: Part, anonymizer: Anonymizer
) -> Earlier | None:
    """The newest earlier submission in which the words were others, and what they were given."""
    if part.check_id is None:
        return None
    for one in list_judged_before(tx, submission):
        decision = _find_points(tx.decisions.list_of(one.submission_id), part.question_id, check_id=part.check_id)
        text = next(
            (
                each.text
                for each in tx.submissions.list_written(one.submission_id)
                if each.question_id == part.question_id
            ),
            "",
        )
        if decision is not None:
            pieces = compare_texts(before=anonymizer.hide(text), after=anonymizer.hide(written.text))
            return Earlier(number=one.number, decision=decision, pieces=pieces)
    return None


def _find_points(decisions: Sequence[Decision], question_id: QuestionId, *, check_id: CheckId) -> Decision | None:
    for decision in valid_decisions(decisions):
        if decision.question_id == question_id and decision.check_id == check_id and decision.kind.settles:
            return decision
    return None
