"""New grading runs for old submissions; nothing is overwritten."""

from grader.domain.ids import RunId, SubmissionId
from grader.domain.jobs import JobKind
from grader.domain.submission import Run, RunCause, RunState
from grader.errors import Forbidden, NotFound
from grader.flow.names import new_id
from grader.flow.people import Caller
from grader.flow.ports import Stores


def regrade(submission_id: SubmissionId, *, stores: Stores, by: Caller | None = None) -> Run:
    """Queue another run with the version that the course offers now. Its result counts once it is there.

    Args:
        by: who asks; None is the operator. Only the course's staff may.

    Raises:
        NotFound: no such submission, or not for `by`.
        Forbidden: it is the caller's own, but the caller is not staff.
    """
    with stores.storage.writing() as tx:
        submission = tx.submissions.get(submission_id)
        offering = tx.offerings.get(submission.offering_id)
        if by is not None and not by.is_staff_in(offering.course_id):
            if submission.person_id == by.person.person_id:
                raise Forbidden(needs="staff")
            raise NotFound(what="submission", name=submission_id)
        run = Run(
            run_id=RunId(new_id()),
            submission_id=submission_id,
            version=offering.version,
            cause=RunCause.REGRADED,
            state=RunState.QUEUED,
            created_at=stores.clock.now(),
        )
        tx.runs.add(run)
        stores.queue.enqueue(tx, kind=JobKind.REGRADE, subject=run.run_id)
    return run


def retry_failed(*, stores: Stores) -> int:
    """For the operator, once the trouble is mended: queue all runs that had been given up. Returns how many."""
    with stores.storage.writing() as tx:
        failed = tx.runs.list_failed()
        for run in failed:
            tx.runs.wait(run.run_id, attempts=0, trouble=None)
            kind = JobKind.REGRADE if run.cause is RunCause.REGRADED else JobKind.GRADE
            stores.queue.enqueue(tx, kind=kind, subject=run.run_id)
    return len(failed)
