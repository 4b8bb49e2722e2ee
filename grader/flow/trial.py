"""Regrades that staff look at first: new runs beside those that count, a table of before and after, apply, undo."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.domain.ids import OfferingId, QuestionId, SubmissionId, VersionHash
from grader.domain.overview import Scope, Sums
from grader.domain.people import Course, Person
from grader.domain.publishing import Offering, Revision
from grader.domain.regrading import QuestionChange, Regrade, RegradeId, RegradeLine, RegradeState
from grader.domain.submission import Run, RunCause, RunState, Submission, WrittenAnswer
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.names import new_id
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.regrade import queue_run
from grader.flow.standing import recount, standing_result
from grader.flow.table import staff_course

_ENDED = (RunState.FINISHED, RunState.FAILED)


@dataclass(frozen=True, kw_only=True)
class RegradeWish:
    """Which submissions are meant: all that count, those without all points in one question, or just one."""

    question_id: QuestionId | None = None
    submission_id: SubmissionId | None = None
    version: VersionHash | None = None
    """What to grade with; None is what the course offers."""


@dataclass(frozen=True, kw_only=True)
class RegradeDesk:
    """What somebody sees who is about to regrade."""

    course: Course
    offering: Offering
    revision: Revision
    one: Submission | None
    """The only submission that is meant, if it is one."""
    one_by: Person | None
    earlier: tuple[Regrade, ...]
    """Newest first."""
    people: Mapping[str, Person]
    """Who asked for those."""


@dataclass(frozen=True, kw_only=True)
class RegradeView:
    """A regrade with every submission before and after."""

    course: Course
    offering: Offering
    revision: Revision
    regrade: Regrade
    asked_by: Person
    applied_by: Person | None
    lines: tuple[RegradeLine, ...]
    changes: Mapping[SubmissionId, Sequence[QuestionChange]]

    @property
    def state(self) -> RegradeState:
        if self.regrade.undone_at is not None:
            return RegradeState.UNDONE
        if self.regrade.applied_at is not None:
            return RegradeState.APPLIED
        return RegradeState.READY if self.done == len(self.lines) else RegradeState.RUNNING

    @property
    def done(self) -> int:
        return sum(line.run_state in _ENDED for line in self.lines)

    @property
    def failed(self) -> int:
        """Those that we could not grade; nothing happens to them."""
        return sum(line.run_state is RunState.FAILED for line in self.lines)

    @property
    def gaining(self) -> tuple[RegradeLine, ...]:
        return tuple(line for line in self.lines if gain_of(line) > 0)

    @property
    def losing(self) -> tuple[RegradeLine, ...]:
        return tuple(line for line in self.lines if gain_of(line) < 0)

    @property
    def changing(self) -> tuple[RegradeLine, ...]:
        """Those whose points change in any way, whoever loses most first."""
        changing = (line for line in self.lines if line.after is not None and line.after != line.before)
        return tuple(sorted(changing, key=gain_of))


def gain_of(line: RegradeLine) -> float:
    """Points that the new run would bring; where there was no result, all that it has."""
    if line.after is None:
        return 0
    return line.after.score - (0 if line.before is None else line.before.score)


def read_desk(
    course: str, slug: str, *, caller: Caller, stores: Stores, submission_id: SubmissionId | None = None
) -> RegradeDesk:
    """What can be regraded, and what was.

    Raises:
        NotFound: no such course, assignment or submission, or not for the caller.
        Forbidden: the caller is a student.
    """
    with stores.storage.reading() as tx:
        found, offering = _find_offering(tx, course, slug, caller)
        one = None if submission_id is None else _get_submission(tx, submission_id, offering.offering_id)
        earlier = tx.regrades.list_of(offering.offering_id)
        return RegradeDesk(
            course=found,
            offering=offering,
            revision=tx.versions.get_revision(offering.version, number=offering.revision),
            one=one,
            one_by=None if one is None else tx.people.get(one.person_id),
            earlier=earlier,
            people={each.asked_by: tx.people.get(each.asked_by) for each in earlier},
        )


def ask_regrade(course: str, slug: str, *, wish: RegradeWish, caller: Caller, stores: Stores) -> Regrade:
    """Queue a run for every submission that is meant; what counts stays as it is until somebody applies it.

    Raises:
        NotFound: no such course, assignment or submission, or not for the caller.
        Forbidden: the caller is a student.
        InvalidRequest: no submission fits the wish.
    """
    with stores.storage.writing() as tx:
        found, offering = _find_offering(tx, course, slug, caller)
        meant = _list_meant(tx, found, offering, wish)
        if not meant:
            raise InvalidRequest(what="regrade")
        regrade = Regrade(
            regrade_id=RegradeId(new_id()),
            offering_id=offering.offering_id,
            version=wish.version or offering.version,
            question_id=wish.question_id,
            submission_id=wish.submission_id,
            asked_by=caller.person.person_id,
            asked_at=stores.clock.now(),
        )
        tx.regrades.add(regrade)
        device = tx.versions.get(regrade.version).device
        for submission_id in meant:
            run = queue_run(
                tx, submission_id, version=regrade.version, device=device, stores=stores, cause=RunCause.TRIAL
            )
            tx.regrades.add_run(regrade.regrade_id, run_id=run.run_id, submission_id=submission_id)
    return regrade


def keep_trial(tx: Transaction, run: Run, written: Sequence[WrittenAnswer]) -> None:
    """Note what would stand with a finished run, in the transaction that finished it."""
    result = standing_result(tx, run)
    sums = Sums(score=result.score, decided=result.decided, pending=result.pending, points=result.points)
    tx.regrades.put_after(run.run_id, sums)
    # Words that no run had located before wait for a person as soon as the run counts.
    known = tx.submissions.list_written(run.submission_id)
    new = [each for each in written if each.question_id not in {one.question_id for one in known}]
    if new:
        tx.submissions.set_written(run.submission_id, (*known, *new))


def read_regrade(regrade_id: RegradeId, *, caller: Caller, stores: Stores) -> RegradeView:
    """How far it is, and every submission before and after.

    Raises:
        NotFound: no such regrade, or not for the caller.
    """
    with stores.storage.reading() as tx:
        return _view(tx, regrade_id, caller)


def apply_regrade(regrade_id: RegradeId, *, only_gains: bool, caller: Caller, stores: Stores) -> RegradeView:
    """Let the new runs count.

    Args:
        regrade_id: whose runs have all ended.
        only_gains: leave those as they are who would not have more points.

    Raises:
        NotFound: no such regrade, or not for the caller.
        Conflict: it still runs, was applied already, or the course offers another version by now.
    """
    with stores.storage.writing() as tx:
        view = _view(tx, regrade_id, caller)
        if view.state is not RegradeState.READY or view.regrade.version != view.offering.version:
            raise Conflict(what="regrade", name=regrade_id)
        for line in view.gaining if only_gains else view.lines:
            if line.after is not None:
                counting = tx.runs.find_counting(line.submission_id)
                replaced = None if counting is None else counting.run_id
                tx.regrades.put_before(line.run_id, line.before, replaced=replaced)
                tx.runs.set_counting(line.submission_id, line.run_id)
                recount(tx, tx.submissions.get(line.submission_id))
        tx.regrades.set_applied(regrade_id, by=caller.person.person_id, at=stores.clock.now())
        return _view(tx, regrade_id, caller)


def undo_regrade(regrade_id: RegradeId, *, caller: Caller, stores: Stores) -> RegradeView:
    """Let the runs count again that counted before; a submission that was graded anew since then stays as it is.

    Raises:
        NotFound: no such regrade, or not for the caller.
        Conflict: it was not applied, or undone already.
    """
    with stores.storage.writing() as tx:
        view = _view(tx, regrade_id, caller)
        if view.state is not RegradeState.APPLIED:
            raise Conflict(what="regrade", name=regrade_id)
        for line in view.lines:
            counting = tx.runs.find_counting(line.submission_id)
            if line.is_applied and counting is not None and counting.run_id == line.run_id:
                if line.replaced is None:
                    tx.runs.clear_counting(line.submission_id)
                else:
                    tx.runs.set_counting(line.submission_id, line.replaced)
                recount(tx, tx.submissions.get(line.submission_id))
        tx.regrades.set_undone(regrade_id, at=stores.clock.now())
        return _view(tx, regrade_id, caller)


def _find_offering(tx: Transaction, course: str, slug: str, caller: Caller) -> tuple[Course, Offering]:
    found = staff_course(tx, course, caller)
    offering = tx.offerings.find(found.course_id, slug=slug)
    if offering is None:
        raise NotFound(what="assignment", name=slug)
    return found, offering


def _get_submission(tx: Transaction, submission_id: SubmissionId, offering_id: OfferingId) -> Submission:
    submission = tx.submissions.get(submission_id)
    if submission.offering_id != offering_id:
        raise NotFound(what="submission", name=submission_id)
    return submission


def _list_meant(tx: Transaction, course: Course, offering: Offering, wish: RegradeWish) -> Sequence[SubmissionId]:
    if wish.submission_id is not None:
        return [_get_submission(tx, wish.submission_id, offering.offering_id).submission_id]
    scope = Scope(course_id=course.course_id, offering_id=offering.offering_id)
    if wish.question_id is None:
        return [each.submission_id for each in tx.overview.list_counted(scope)]
    lines = [line for line in tx.overview.list_questions(scope) if line.question_id == wish.question_id]
    return [line.submission_id for line in lines if line.found.score < line.found.points]


def _view(tx: Transaction, regrade_id: RegradeId, caller: Caller) -> RegradeView:
    regrade = tx.regrades.get(regrade_id)
    offering = tx.offerings.get(regrade.offering_id)
    if not caller.is_staff_in(offering.course_id):
        raise NotFound(what="regrade", name=regrade_id)
    changes: defaultdict[SubmissionId, list[QuestionChange]] = defaultdict(list)
    for change in tx.regrades.list_changes(regrade_id):
        changes[change.submission_id].append(change)
    return RegradeView(
        course=tx.courses.get(offering.course_id),
        offering=offering,
        revision=tx.versions.get_revision(offering.version, number=offering.revision),
        regrade=regrade,
        asked_by=tx.people.get(regrade.asked_by),
        applied_by=None if regrade.applied_by is None else tx.people.get(regrade.applied_by),
        lines=tx.regrades.list_lines(regrade_id),
        changes=changes,
    )
