"""Regrades that staff look at first: new runs beside those that count, a table of before and after, apply, undo."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.domain.ids import OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.people import Course, Person
from grader.domain.publishing import Offering, Revision, VersionState
from grader.domain.regrading import (
    PassedOver,
    PersonChange,
    QuestionChange,
    Regrade,
    RegradeId,
    RegradeLine,
    RegradeState,
    gain_of,
)
from grader.domain.submission import Run, RunCause, RunState, Submission, WrittenAnswer
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.before_after import compare, count_passed_over, group_own, list_left_out, list_meant
from grader.flow.names import new_id
from grader.flow.people import Caller, check_is_anothers
from grader.flow.ports import Stores, Transaction
from grader.flow.regrade import queue_run
from grader.flow.standing import recount, revision_for, settle, standing_sums
from grader.flow.table import staff_course

_ENDED = (RunState.FINISHED, RunState.FAILED)


@dataclass(frozen=True, kw_only=True)
class RegradeWish:
    """Whose submissions are meant: everybody's, of those without all points in one question, or just one."""

    question_id: QuestionId | None = None
    """What somebody wants to see again; the others are graded with it."""
    only_lacking: bool = False
    """Leave out who has all points in the question: whoever would lose some is not seen then."""
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
    """A regrade with everybody in it before and after."""

    course: Course
    offering: Offering
    revision: Revision
    regrade: Regrade
    asked_by: Person
    applied_by: Person | None
    lines: tuple[RegradeLine, ...]
    state: RegradeState
    passed_over: PassedOver
    """What is not graded again: nobody waits for thousands."""
    people: tuple[PersonChange, ...] = ()
    """Everybody who is in it, by login; nobody while it runs."""
    left_out: Sequence[SubmissionId] = ()
    """What other rules graded and this has no points for, although everybody was meant: applying it grades them."""
    changes: Mapping[SubmissionId, Sequence[QuestionChange]] = field(default_factory=dict)
    """Of the submissions of those who are `changing`."""

    @property
    def is_applicable(self) -> bool:
        return self.state is RegradeState.READY and self.regrade.version == self.offering.version

    @property
    def unseen(self) -> Sequence[SubmissionId]:
        """What is left out and was never tried with it: it came later, say."""
        known = {line.submission_id for line in self.lines}
        return [each for each in self.left_out if each not in known]

    @property
    def done(self) -> int:
        return sum(line.run_state in _ENDED for line in self.lines)

    @property
    def failed(self) -> int:
        """Those that we could not grade; nothing happens to them."""
        return sum(line.run_state is RunState.FAILED for line in self.lines)

    @property
    def gaining(self) -> tuple[PersonChange, ...]:
        return tuple(each for each in self.people if gain_of(each) > 0)

    @property
    def losing(self) -> tuple[PersonChange, ...]:
        return tuple(each for each in self.people if gain_of(each) < 0)

    @property
    def changing(self) -> tuple[PersonChange, ...]:
        """Those whose points change in any way, whoever loses most first."""
        changing = (each for each in self.people if each.after is not None and each.after != each.before)
        return tuple(sorted(changing, key=gain_of))


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
        Forbidden: the caller is a student, or a TA who means their own submission.
        InvalidRequest: no submission fits the wish.
    """
    with stores.storage.writing() as tx:
        _, offering = _find_offering(tx, course, slug, caller)
        if wish.submission_id is None:
            meant = list_meant(tx, offering, question_id=wish.question_id if wish.only_lacking else None)
        else:
            one = _get_submission(tx, wish.submission_id, offering.offering_id)
            check_is_anothers(one, course_id=offering.course_id, caller=caller)
            meant = [one.submission_id]
        if not meant:
            raise InvalidRequest(what="regrade")
        regrade = Regrade(
            regrade_id=RegradeId(new_id()),
            offering_id=offering.offering_id,
            version=wish.version or offering.version,
            question_id=wish.question_id,
            only_lacking=wish.only_lacking,
            submission_id=wish.submission_id,
            asked_by=caller.person.person_id,
            asked_at=stores.clock.now(),
        )
        tx.regrades.add(regrade)
        _try(tx, regrade, meant, stores=stores)
    return regrade


def ask_for_the_rest(regrade_id: RegradeId, *, caller: Caller, stores: Stores) -> None:
    """Queue runs for what arrived since somebody asked; what we failed at is left. Raises as `read_regrade`."""
    with stores.storage.writing() as tx:
        view = _view(tx, regrade_id, caller)
        _try(tx, view.regrade, view.unseen, stores=stores)


def keep_trial(tx: Transaction, run: Run, written: Sequence[WrittenAnswer]) -> None:
    """Note what would stand with a finished run, in the transaction that finished it."""
    tx.regrades.put_after(run.run_id, standing_sums(tx, run))
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
    """Let the new runs count, and have what is left out graded likewise: points by other rules must not win.

    Args:
        regrade_id: whose runs have all ended.
        only_gains: leave every submission as it is that would not have more points, and what is left out.

    Raises:
        NotFound: no such regrade, or not for the caller.
        Conflict: it still runs, was applied already, or the course offers another version by now.
    """
    with stores.storage.writing() as tx:
        view = _view(tx, regrade_id, caller)
        if not view.is_applicable:
            raise Conflict(what="regrade", name=regrade_id)
        # First of all, so that what would stand is kept as it is now.
        tx.regrades.set_applied(regrade_id, by=caller.person.person_id, at=stores.clock.now())
        counted = []
        for line in view.lines:
            if line.after is not None and (gain_of(line) > 0 or not only_gains):
                counting = tx.runs.find_counting(line.submission_id)
                replaced = None if counting is None else counting.run_id
                tx.regrades.put_before(line.run_id, line.before, replaced=replaced)
                tx.runs.set_counting(line.submission_id, line.run_id)
                counted.append(line.submission_id)
        _recount(tx, counted)
        device = tx.versions.get(view.regrade.version).device
        for submission_id in () if only_gains else view.left_out:
            queue_run(tx, submission_id, version=view.regrade.version, device=device, stores=stores)
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
        counted = []
        for line in view.lines:
            counting = tx.runs.find_counting(line.submission_id)
            if line.is_applied and counting is not None and counting.run_id == line.run_id:
                if line.replaced is None:
                    tx.runs.clear_counting(line.submission_id)
                else:
                    tx.runs.set_counting(line.submission_id, line.replaced)
                counted.append(line.submission_id)
        _recount(tx, counted)
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


def _try(tx: Transaction, regrade: Regrade, meant: Sequence[SubmissionId], *, stores: Stores) -> None:
    device = tx.versions.get(regrade.version).device
    for submission_id in meant:
        run = queue_run(tx, submission_id, version=regrade.version, device=device, stores=stores, cause=RunCause.TRIAL)
        tx.regrades.add_run(regrade.regrade_id, run_id=run.run_id, submission_id=submission_id)


def _recount(tx: Transaction, submission_ids: Sequence[SubmissionId]) -> None:
    """Keep what stands of each, and then choose once for each person."""
    one_each: dict[PersonId, Submission] = {}
    for submission_id in submission_ids:
        settle(tx, submission_id)
        submission = tx.submissions.get(submission_id)
        one_each[submission.person_id] = submission
    for submission in one_each.values():
        recount(tx, submission)


def _state(tx: Transaction, regrade: Regrade, lines: Sequence[RegradeLine]) -> RegradeState:
    if regrade.undone_at is not None:
        return RegradeState.UNDONE
    if regrade.applied_at is not None:
        return RegradeState.APPLIED
    if all(line.run_state in _ENDED for line in lines):
        return RegradeState.READY
    is_refused = tx.versions.get(regrade.version).state is VersionState.FAILED
    return RegradeState.REFUSED if is_refused else RegradeState.RUNNING


def _view(tx: Transaction, regrade_id: RegradeId, caller: Caller) -> RegradeView:
    regrade = tx.regrades.get(regrade_id)
    offering = tx.offerings.get(regrade.offering_id)
    if not caller.is_staff_in(offering.course_id):
        raise NotFound(what="regrade", name=regrade_id)
    lines = tx.regrades.list_lines(regrade_id)
    state = _state(tx, regrade, lines)
    has_ended = state not in (RegradeState.RUNNING, RegradeState.REFUSED)
    is_ready = state is RegradeState.READY
    own_of = group_own(tx, offering, until=regrade.applied_at) if has_ended else {}
    view = RegradeView(
        course=tx.courses.get(offering.course_id),
        offering=offering,
        revision=revision_for(tx, regrade.version, offering=offering),
        regrade=regrade,
        asked_by=tx.people.get(regrade.asked_by),
        applied_by=None if regrade.applied_by is None else tx.people.get(regrade.applied_by),
        lines=lines,
        state=state,
        people=compare(tx, regrade, lines=lines, own_of=own_of) if has_ended else (),
        left_out=list_left_out(tx, offering, regrade, lines=lines, own_of=own_of) if is_ready else (),
        passed_over=count_passed_over(regrade, lines=lines, own_of=own_of),
    )
    return replace(view, changes=_list_changes(tx, view))


def _list_changes(tx: Transaction, view: RegradeView) -> Mapping[SubmissionId, Sequence[QuestionChange]]:
    """Of those who are shown."""
    changes: defaultdict[SubmissionId, list[QuestionChange]] = defaultdict(list)
    changing = [each.submission_id for each in view.changing]
    for change in tx.regrades.list_changes(view.regrade.regrade_id, changing):
        changes[change.submission_id].append(change)
    return changes
