"""How far the grading of a submission is, cheap enough to be asked several times a second."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from grader.domain.ids import SubmissionId
from grader.domain.jobs import JobKind
from grader.domain.submission import Run, RunCause, RunState
from grader.domain.text import Note
from grader.errors import NotFound, NotSignedIn
from grader.flow.accounts import look_for_caller
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.progress import tell_state, view_submission
from grader.flow.standing import counting_run

WORTH_TELLING_AFTER = timedelta(seconds=3)
"""A run that is over sooner need not tell its phases: nobody could read them."""
HELD_BACK = "run.held_back"
"""Why `flow.submit` lets a run wait."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How far one submission is."""

    submission_id: SubmissionId
    state: RunState
    note: Note
    """The same in words."""
    phase: str | None
    """Of a run that is at work and takes its time: 'proving', 'executing' or 'comparing'."""
    place: int | None
    """In the queue, from 1; None where it does not wait there, or has only just come."""
    held_until: datetime | None
    """Many uploads came in a short time: this one is graded a while later."""
    time_zone: str | None = None
    """The course's, where that moment is to be told."""

    @property
    def is_over(self) -> bool:
        return self.state in (RunState.FINISHED, RunState.FAILED)


def read_waiting(submission_id: SubmissionId, *, caller: Caller, stores: Stores) -> Waiting:
    """One submission, for who may see it.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        # Raises where the caller may not see it.
        view_submission(tx, tx.submissions.get(submission_id), caller=caller, at=now)
        return _read(tx, submission_id, stores=stores, at=now)


def may_go_on_waiting(submission_id: SubmissionId, *, secret: str, stores: Stores) -> bool:
    """Is the session of this secret still one that may see the submission?"""
    try:
        read_waiting(submission_id, caller=look_for_caller(secret, stores=stores), stores=stores)
    except (NotSignedIn, NotFound):
        return False
    return True


def list_waiting(submission_ids: Collection[SubmissionId], *, stores: Stores) -> Mapping[SubmissionId, Waiting]:
    """Several at once, for a process that has asked before who may see them."""
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        return {each: _read(tx, each, stores=stores, at=now) for each in submission_ids}


def _read(tx: Transaction, submission_id: SubmissionId, *, stores: Stores, at: datetime) -> Waiting:
    run = counting_run(tx, submission_id)
    takes_time = at - run.created_at >= WORTH_TELLING_AFTER
    held_until = _held_until(run)
    place = None
    if run.state is RunState.QUEUED and takes_time and held_until is None:
        kind = JobKind.GRADE if run.cause is RunCause.SUBMITTED else JobKind.REGRADE
        place = stores.queue.find_place(tx, kind=kind, subject=run.run_id)
    return Waiting(
        submission_id=submission_id,
        state=run.state,
        note=tell_state(tx, run, device=tx.versions.get(run.version).device, at=at),
        phase=run.phase if run.state is RunState.RUNNING and takes_time else None,
        place=place,
        held_until=held_until,
        time_zone=None if held_until is None else _time_zone_of(tx, submission_id),
    )


def _time_zone_of(tx: Transaction, submission_id: SubmissionId) -> str:
    offering = tx.offerings.get(tx.submissions.get(submission_id).offering_id)
    return tx.courses.get(offering.course_id).time_zone


def _held_until(run: Run) -> datetime | None:
    if run.state is not RunState.QUEUED or run.trouble is None or run.trouble.code != HELD_BACK:
        return None
    return datetime.fromisoformat(str(run.trouble.facts["until"]))
