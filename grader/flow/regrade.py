"""New grading runs for old submissions; nothing is overwritten."""

from datetime import timedelta

from grader.domain.device import Device
from grader.domain.ids import RunId, SubmissionId, VersionHash
from grader.domain.jobs import JobKind
from grader.domain.submission import Run, RunCause, RunState
from grader.errors import Forbidden, NotFound
from grader.flow.names import new_id
from grader.flow.people import Caller, check_is_anothers
from grader.flow.ports import Stores, Transaction
from grader.flow.progress import WORKER_SILENT_S


def regrade(submission_id: SubmissionId, *, stores: Stores, by: Caller | None = None) -> Run:
    """Queue another run with the version that the course offers now. Its result counts once it is there.

    Args:
        by: who asks; None is the operator. Only the course's staff may.

    Raises:
        NotFound: no such submission, or not for `by`.
        Forbidden: it is the caller's own, and the caller is a student or a TA.
    """
    with stores.storage.writing() as tx:
        submission = tx.submissions.get(submission_id)
        offering = tx.offerings.get(submission.offering_id)
        if by is not None and not by.is_staff_in(offering.course_id):
            if submission.person_id == by.person.person_id:
                raise Forbidden(needs="staff")
            raise NotFound(what="submission", name=submission_id)
        if by is not None:
            check_is_anothers(submission, course_id=offering.course_id, caller=by)
        device = tx.versions.get(offering.version).device
        return queue_run(tx, submission_id, version=offering.version, device=device, stores=stores)


def repeat_on_gpu(tx: Transaction, run: Run, *, stores: Stores) -> None:
    """Queue another run of the same version that waits for a GPU, where there is a worker that has one."""
    since = stores.clock.now() - timedelta(seconds=WORKER_SILENT_S)
    # Its result would count by itself, which a trial's must not.
    if run.cause is not RunCause.TRIAL and any(worker.gpu is not None for worker in tx.workers.list_seen(since=since)):
        queue_run(tx, run.submission_id, version=run.version, device=Device.CUDA, stores=stores)


def retry_failed(*, stores: Stores) -> int:
    """For the operator, once the trouble is mended: queue all runs that had been given up. Returns how many."""
    with stores.storage.writing() as tx:
        failed = tx.runs.list_failed()
        for run in failed:
            tx.runs.wait(run.run_id, attempts=0, trouble=None)
            kind = JobKind.GRADE if run.cause is RunCause.SUBMITTED else JobKind.REGRADE
            device = tx.versions.get(run.version).device
            stores.queue.enqueue(tx, kind=kind, subject=run.run_id, device=device)
    return len(failed)


def queue_run(
    tx: Transaction,
    submission_id: SubmissionId,
    *,
    version: VersionHash,
    device: Device,
    stores: Stores,
    cause: RunCause = RunCause.REGRADED,
) -> Run:
    """Another run of a submission, with its job, in a transaction that is open."""
    run = Run(
        run_id=RunId(new_id()),
        submission_id=submission_id,
        version=version,
        cause=cause,
        state=RunState.QUEUED,
        created_at=stores.clock.now(),
    )
    tx.runs.add(run)
    stores.queue.enqueue(tx, kind=JobKind.REGRADE, subject=run.run_id, device=device)
    return run
