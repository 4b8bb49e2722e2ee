"""The read side: what students, staff and operators may see, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Generic, TypeVar

from grader.domain.device import Device
from grader.domain.ids import OfferingId, PersonId, SubmissionId, VersionHash
from grader.domain.jobs import QueueDepth, SandboxState, WorkerHealth
from grader.domain.people import Course, Member, Person, Role
from grader.domain.publishing import Offering, PublishedVersion, Revision, VersionState
from grader.domain.result import Result
from grader.domain.submission import Decision, Run, RunState, Submission
from grader.domain.text import Note
from grader.errors import Forbidden, NotFound
from grader.feedback.visibility import points_only
from grader.flow.people import Caller, visible_course
from grader.flow.ports import Stores, Transaction
from grader.flow.standing import revision_for, standing_result, valid_decisions

T = TypeVar("T")

WORKER_SILENT_S = 30.0
"""A worker that has not reported for so long is taken for dead."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Part of a list. `next_after` is what to pass as `after` for the next part; None at the end."""

    items: tuple[T, ...]
    next_after: str | None


@dataclass(frozen=True, kw_only=True)
class CourseView:
    course: Course
    role: Role | None
    """The caller's; None for an admin who is no member."""


@dataclass(frozen=True, kw_only=True)
class OfferingView:
    course: Course
    offering: Offering
    version: PublishedVersion
    revision: Revision


@dataclass(frozen=True, kw_only=True)
class SubmissionView:
    """A submission as the caller may see it."""

    course: Course
    offering: Offering
    person: Person
    submission: Submission
    device: Device
    """What the run's version is meant for."""
    run: Run
    """The one whose result is the submission's, or the newest while there is no result. Its totals are what counts:
    with what people decided."""
    revision: int
    """Of the texts and rubrics that the result is read with."""
    counts: bool
    """Of the person's submissions for this assignment, this is the one that counts."""
    is_released: bool
    """False: the caller may not read points yet, `run.totals` is None."""
    shows_details: bool
    """False: the caller may not read what lies behind the points yet, `run.executed` is None."""
    state: Note
    """How far it is, and what it waits for."""


@dataclass(frozen=True, kw_only=True)
class ResultView:
    """`result` is None while there is none (`submission.run.state` says why) or while points are held back."""

    submission: SubmissionView
    result: Result | None
    """With what people decided; what the run itself found stays in the store. Points alone until `shows_details`."""
    decisions: tuple[Decision, ...] = ()
    """Those that are valid."""


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """Can work be done? `workers` are those that reported lately."""

    workers: tuple[WorkerHealth, ...]
    queue: QueueDepth
    ungradable: tuple[PublishedVersion, ...]
    """Versions that are not proved; uploads to them wait."""

    @property
    def can_grade(self) -> bool:
        return bool(_ready_devices(self.workers))

    @property
    def reasons(self) -> tuple[Note, ...]:
        """Why workers do not grade, each reason once."""
        notes: list[Note] = [] if self.workers else [Note(code="ready.no_worker")]
        for worker in self.workers:
            if worker.reason is not None and worker.reason not in notes:
                notes.append(worker.reason)
        if self.queue.waiting_for_gpu and Device.CUDA not in _ready_devices(self.workers):
            notes.append(Note(code="ready.waits_for_gpu", facts={"count": self.queue.waiting_for_gpu}))
        return tuple(notes)


def list_courses(*, caller: Caller, stores: Stores) -> tuple[CourseView, ...]:
    """The caller's courses; all of them for an admin."""
    with stores.storage.reading() as tx:
        courses = tx.courses.list_all() if caller.person.is_admin else tx.courses.list_of(caller.person.person_id)
    return tuple(CourseView(course=course, role=caller.role_in(course.course_id)) for course in courses)


def read_course(course: str, *, caller: Caller, stores: Stores) -> CourseView:
    """Raises NotFound: no such course, or not for the caller."""
    with stores.storage.reading() as tx:
        found = visible_course(tx, course, caller)
    return CourseView(course=found, role=caller.role_in(found.course_id))


def list_members(
    course: str, *, caller: Caller, stores: Stores, after: str | None = None, limit: int = 50
) -> Page[Member]:
    """A course's roster, by login; for its staff.

    Raises:
        NotFound: no such course, or not for the caller.
        Forbidden: the caller is a student.
    """
    with stores.storage.reading() as tx:
        found = visible_course(tx, course, caller)
        if not caller.is_staff_in(found.course_id):
            raise Forbidden(needs="staff")
        members = tx.courses.list_members(found.course_id, after=after, limit=limit + 1)
    return _page(members, keys=[member.person.login for member in members], limit=limit)


def list_assignments(course: str, *, caller: Caller, stores: Stores) -> tuple[OfferingView, ...]:
    """What the course offers; a student does not see what has not opened.

    Raises:
        NotFound: no such course, or not for the caller.
    """
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        found = visible_course(tx, course, caller)
        offerings = tx.offerings.list_of(found.course_id)
        return tuple(_offering_view(tx, found, each) for each in offerings if _may_see(each, caller=caller, at=now))


def read_assignment(course: str, slug: str, *, caller: Caller, stores: Stores) -> OfferingView:
    """One offering.

    Raises:
        NotFound: no such course or assignment, or not (yet) for the caller.
    """
    with stores.storage.reading() as tx:
        found = visible_course(tx, course, caller)
        return _offering_view(tx, found, _visible_offering(tx, found, slug, caller, at=stores.clock.now()))


def list_submissions(
    course: str,
    assignment: str,
    *,
    caller: Caller,
    stores: Stores,
    login: str | None = None,
    after: str | None = None,
    limit: int = 50,
    with_counting: bool = False,
) -> Page[SubmissionView]:
    """Submissions for an assignment, newest first: for staff everyone's or one person's, for a student the own.

    Args:
        login: whose; None for all that the caller may see.
        after: `next_after` of the page before.
        with_counting: of one person's, the one that counts stands last where it is older than the others of the page.

    Raises:
        NotFound: no such course, assignment or person, or not for the caller.
    """
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        found = visible_course(tx, course, caller)
        offering = _visible_offering(tx, found, assignment, caller, at=now)
        whose = None
        if login is not None:
            whose = tx.people.find_by_login(login)
            if whose is None:
                raise NotFound(what="person", name=login)
        if not caller.is_staff_in(found.course_id):
            if whose is not None and whose.person_id != caller.person.person_id:
                raise NotFound(what="person", name=login)
            whose = caller.person
        submissions = tx.submissions.list_of(
            offering.offering_id,
            person_id=None if whose is None else whose.person_id,
            after=None if after is None else SubmissionId(after),
            limit=limit + 1,
        )
        page = _page(submissions, keys=[each.submission_id for each in submissions], limit=limit)
        views = view_submissions(tx, page.items, caller=caller, at=now)
        if with_counting and whose is not None and page.next_after and not any(view.counts for view in views):
            counting = tx.submissions.find_counting(offering.offering_id, person_id=whose.person_id)
            older = () if counting is None else (tx.submissions.get(counting),)
            # Which one it is nobody is told while points are held back.
            views += tuple(view for view in view_submissions(tx, older, caller=caller, at=now) if view.counts)
    return Page(items=views, next_after=page.next_after)


def read_submission(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> SubmissionView:
    """One submission.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    with stores.storage.reading() as tx:
        return view_submission(tx, tx.submissions.get(submission_id), caller=caller, at=stores.clock.now())


def view_submission(tx: Transaction, submission: Submission, *, caller: Caller, at: datetime) -> SubmissionView:
    """One submission, in a transaction that is open. Raises NotFound: not for the caller."""
    (view,) = view_submissions(tx, [submission], caller=caller, at=at)
    return view


def view_submissions(
    tx: Transaction, submissions: Sequence[Submission], *, caller: Caller, at: datetime
) -> tuple[SubmissionView, ...]:
    """Several: what they share is read once. Raises NotFound: one of them is not for the caller."""
    submission_ids = [each.submission_id for each in submissions]
    runs, standings = tx.runs.list_counting(submission_ids), tx.standings.list_of(submission_ids)
    offering_of, course_of, person_of = cache(tx.offerings.get), cache(tx.courses.get), cache(tx.people.get)

    @cache
    def device_of(version: VersionHash) -> Device:
        return tx.versions.get(version).device

    @cache
    def revision_of(version: VersionHash, offering_id: OfferingId) -> int:
        return revision_for(tx, version, offering=offering_of(offering_id)).number

    @cache
    def counting_of(offering_id: OfferingId, person_id: PersonId) -> SubmissionId | None:
        return tx.submissions.find_counting(offering_id, person_id=person_id)

    def view(submission: Submission) -> SubmissionView:
        submission_id, person_id = submission.submission_id, submission.person_id
        offering = offering_of(submission.offering_id)
        is_staff = caller.is_staff_in(offering.course_id)
        if not is_staff and person_id != caller.person.person_id:
            raise NotFound(what="submission", name=submission_id)
        run = runs.get(submission_id) or tx.runs.get_newest(submission_id)
        if run.totals is not None:
            run = replace(run, totals=replace(run.totals, **standings[submission_id]._asdict()))
        is_released = is_staff or offering.is_released(at=at)
        shows_details = is_staff or offering.shows_details(at=at)
        if not is_released:
            run = replace(run, totals=None)
        if not shows_details:
            run = replace(run, executed=None, replies=None)
        return SubmissionView(
            course=course_of(offering.course_id),
            offering=offering,
            person=person_of(person_id),
            submission=submission,
            revision=revision_of(run.version, offering.offering_id),
            device=device_of(run.version),
            run=run,
            # While points are held back, which one is the best would tell which score is higher.
            counts=is_released and counting_of(offering.offering_id, person_id) == submission_id,
            is_released=is_released,
            shows_details=shows_details,
            state=tell_state(tx, run, device=device_of(run.version), at=at),
        )

    return tuple(map(view, submissions))


def tell_state(tx: Transaction, run: Run, *, device: Device, at: datetime) -> Note:
    """How far a run is, and what it waits for, in a transaction that is open."""
    if run.state is not RunState.QUEUED:
        return Note(code=f"state.{run.state.value}")
    if run.trouble is not None and run.trouble.code == "run.held_back":
        return Note(code="state.held_back", facts=run.trouble.facts)
    ready = _ready_devices(_living_workers(tx, at=at))
    if device in ready:
        return Note(code="state.queued")
    return Note(code="state.waits_for_gpu" if ready and device is Device.CUDA else "state.paused")


def read_result(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> ResultView:
    """The result that stands, with what people decided.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    with stores.storage.reading() as tx:
        view = view_submission(tx, tx.submissions.get(submission_id), caller=caller, at=stores.clock.now())
        if not view.is_released or view.run.totals is None:
            return ResultView(submission=view, result=None)
        result = standing_result(tx, view.run)
        return ResultView(
            submission=view,
            result=result if view.shows_details else points_only(result),
            decisions=valid_decisions(tx.decisions.list_of(submission_id)),
        )


def read_notebook(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> bytes:
    """The bytes as they were handed in.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    view = read_submission(submission_id, caller=caller, stores=stores)
    return stores.blobs.get(view.submission.notebook)


def read_executed(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> bytes:
    """The executed notebook, as nbformat 4 JSON. Its outputs are the student's: treat them as hostile.

    Raises:
        NotFound: no such submission, not for the caller, not executed yet, or its details are held back.
    """
    view = read_submission(submission_id, caller=caller, stores=stores)
    if view.run.executed is None:
        raise NotFound(what="executed notebook", name=submission_id)
    return stores.blobs.get(view.run.executed)


def read_readiness(*, stores: Stores) -> Readiness:
    """What /readyz tells: which workers live, what they lack, what waits."""
    with stores.storage.reading() as tx:
        return Readiness(
            workers=_living_workers(tx, at=stores.clock.now()),
            queue=stores.queue.depth(tx),
            ungradable=tuple(each for each in tx.versions.list_all() if each.state is not VersionState.PROVED),
        )


def read_workers(*, caller: Caller, stores: Stores) -> Readiness:
    """The same for a page of its own. Raises Forbidden: the caller is no admin."""
    if not caller.person.is_admin:
        raise Forbidden(needs="admin")
    return read_readiness(stores=stores)


def _page(items: Sequence[T], *, keys: Sequence[str], limit: int) -> Page[T]:
    """One page out of a list that was read one further than the page goes."""
    has_more = len(items) > limit
    return Page(items=tuple(items[:limit]), next_after=keys[limit - 1] if has_more else None)


def _may_see(offering: Offering, *, caller: Caller, at: datetime) -> bool:
    opens_at = offering.dates.opens_at
    return opens_at is None or opens_at <= at or caller.is_staff_in(offering.course_id)


def _visible_offering(tx: Transaction, course: Course, slug: str, caller: Caller, *, at: datetime) -> Offering:
    offering = tx.offerings.find(course.course_id, slug=slug)
    if offering is None or not _may_see(offering, caller=caller, at=at):
        raise NotFound(what="assignment", name=slug)
    return offering


def _offering_view(tx: Transaction, course: Course, offering: Offering) -> OfferingView:
    return OfferingView(
        course=course,
        offering=offering,
        version=tx.versions.get(offering.version),
        revision=tx.versions.get_revision(offering.version, number=offering.revision),
    )


def _living_workers(tx: Transaction, *, at: datetime) -> tuple[WorkerHealth, ...]:
    return tx.workers.list_seen(since=at - timedelta(seconds=WORKER_SILENT_S))


def _ready_devices(workers: Sequence[WorkerHealth]) -> frozenset[Device]:
    """Those for which somebody is ready to take up work."""
    ready = (worker.devices for worker in workers if worker.sandbox is SandboxState.READY)
    return frozenset(device for devices in ready for device in devices)
