"""Take an upload: refuse it, or keep it so that it cannot be lost and queue its grading."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from grader.domain.ids import BlobKey, RunId, SubmissionId
from grader.domain.jobs import JobKind
from grader.domain.notebook import IdentityHint, Notebook
from grader.domain.people import CountingPolicy, Course
from grader.domain.publishing import Offering
from grader.domain.submission import Run, RunCause, RunState, Submission
from grader.errors import NotFound, NotOpen, StorageFull
from grader.flow.names import new_id
from grader.flow.pauses import UploadLimit, hold_back, limit_of, pause_s
from grader.flow.people import Caller, visible_course
from grader.flow.ports import Stores, Transaction
from grader.flow.progress import SubmissionView, view_submission
from grader.flow.room import MOST_BYTES, check_room
from grader.flow.standing import is_held_up_by_us, judge_arrival, recount

_NAME_LENGTH = 200
_SEPARATOR = re.compile(r"[/\\]")


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What taking an upload needs of the world."""

    stores: Stores
    read_notebook: Callable[[bytes], Notebook]
    """notebook.read with the service's limits; raises NotebookRefused."""
    free_share: Callable[[], float]
    """Free part of the data folder's disk, 0 to 1."""
    minimum_free_share: float = 0.05
    most_bytes: int = MOST_BYTES
    """What one person's work for one assignment may take of the disk."""
    limit: UploadLimit = field(default_factory=UploadLimit)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What arrived."""

    data: bytes
    file_name: str
    course: str
    assignment: str
    """Slugs."""
    received_at: datetime
    """When the request arrived, before its body was read."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of an upload."""

    view: SubmissionView
    created: bool
    """False: these are the bytes of the newest submission, which stands."""

    @property
    def submission(self) -> Submission:
        return self.view.submission

    @property
    def run(self) -> Run:
        return self.view.run


def submit(upload: Upload, *, caller: Caller, intake: Intake) -> Receipt:
    """Keep an upload as the caller's next submission and queue its grading run.

    What arrives after closing is kept and graded too, but never counts. Limits hold back feedback, never a hand-in:
    after many uploads in a short time the grading of the next one waits a while.

    The blob is on the disk before the transaction that names it begins, and nothing is answered before that is
    committed: whatever is killed in between, there is either no submission or a whole one with a job.

    Raises:
        NotFound: no such course or assignment, or the caller is no member.
        NotOpen: before it opens.
        StorageFull: less than the minimum of free disk; nothing was stored.
        NotebookRefused: nothing was stored.
    """
    stores = intake.stores
    with stores.storage.reading() as tx:
        _, offering = _find_offering(tx, upload, caller)
        check_room(
            tx,
            offering.offering_id,
            person_id=caller.person.person_id,
            adding=upload.data,
            most_bytes=intake.most_bytes,
            blobs=stores.blobs,
        )
    if intake.free_share() < intake.minimum_free_share:
        raise StorageFull(minimum_percent=round(intake.minimum_free_share * 100))
    notebook = intake.read_notebook(upload.data)
    blob = stores.blobs.put(upload.data)
    with stores.storage.writing() as tx:
        course, offering = _find_offering(tx, upload, caller)
        newest = tx.submissions.find_newest(offering.offering_id, person_id=caller.person.person_id)
        if newest is not None:
            run = tx.runs.get_newest(newest.submission_id)
            if newest.notebook == blob and _stands(tx, run, offering):
                return Receipt(view=view_submission(tx, newest, caller=caller, at=stores.clock.now()), created=False)
        submission = _next_submission(upload, blob, notebook.identity, after=newest, offering=offering, caller=caller)
        tx.submissions.add(submission)
        run = _first_run(submission, offering, at=stores.clock.now())
        tx.runs.add(run)
        if newest is None or (offering.rules.counting or course.counting) is CountingPolicy.LAST:
            recount(tx, submission)
        device = tx.versions.get(run.version).device
        is_staff = caller.is_staff_in(course.course_id)
        limit = limit_of(offering, default=intake.limit)
        wait_s = 0 if is_staff else _pause_s(tx, submission, limit=limit)
        if wait_s:
            hold_back(tx, run.run_id, pause_s=wait_s, limit=limit, at=stores.clock.now())
        stores.queue.enqueue(tx, kind=JobKind.GRADE, subject=run.run_id, device=device, after_s=wait_s)
        return Receipt(view=view_submission(tx, submission, caller=caller, at=stores.clock.now()), created=True)


def _find_offering(tx: Transaction, upload: Upload, caller: Caller) -> tuple[Course, Offering]:
    course = visible_course(tx, upload.course, caller)
    offering = tx.offerings.find(course.course_id, slug=upload.assignment)
    if offering is None:
        raise NotFound(what="assignment", name=upload.assignment)
    dates = offering.dates
    if not dates.has_opened(at=upload.received_at) and not caller.is_staff_in(course.course_id):
        raise NotOpen(
            opens_at=dates.opens_at.isoformat() if dates.opens_at else None,
            closes_at=dates.closes_at.isoformat() if dates.closes_at else None,
        )
    return course, offering


def _pause_s(tx: Transaction, submission: Submission, *, limit: UploadLimit) -> float:
    """How long the grading of this upload has to wait; 0 where the ones before it were not too many."""
    own, at = submission.person_id, submission.received_at
    return pause_s(tx, submission.offering_id, person_id=own, limit=limit, at=at)


def _stands(tx: Transaction, run: Run, offering: Offering) -> bool:
    return run.version == offering.version and not is_held_up_by_us(tx, run)


def _next_submission(
    upload: Upload,
    blob: BlobKey,
    identity: IdentityHint,
    *,
    after: Submission | None,
    offering: Offering,
    caller: Caller,
) -> Submission:
    submission = Submission(
        submission_id=SubmissionId(new_id()),
        person_id=caller.person.person_id,
        offering_id=offering.offering_id,
        number=1 if after is None else after.number + 1,
        notebook=blob,
        size_bytes=len(upload.data),
        file_name=_plain_name(upload.file_name),
        received_at=upload.received_at,
        is_late=False,
        identity=identity,
    )
    return judge_arrival(submission, offering=offering)


def _plain_name(file_name: str) -> str:
    """The file's own name on one printable line: no path that somebody could follow, nothing that a terminal obeys."""
    last = _SEPARATOR.split(file_name)[-1]
    return "".join(filter(str.isprintable, last))[-_NAME_LENGTH:]


def _first_run(submission: Submission, offering: Offering, *, at: datetime) -> Run:
    return Run(
        run_id=RunId(new_id()),
        submission_id=submission.submission_id,
        version=offering.version,
        cause=RunCause.SUBMITTED,
        state=RunState.QUEUED,
        created_at=at,
    )
