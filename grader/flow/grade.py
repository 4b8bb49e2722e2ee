"""Take one claimed job to its end: run, compare, score, store; or put it back without a score."""

import hashlib
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from grader.domain.assignment import Assignment
from grader.domain.choice import CellChoice
from grader.domain.device import WITHOUT_GPU, Device
from grader.domain.ids import BlobKey, EnvironmentHash, RunId, VersionHash
from grader.domain.jobs import Claim, JobKind
from grader.domain.location import LocatedAnswer
from grader.domain.notebook import Notebook
from grader.domain.publishing import VersionState
from grader.domain.result import Result, Verdict
from grader.domain.selftest import SelfTestReport
from grader.domain.submission import Graded, LocatedCells, Run, RunCause, RunState, WrittenAnswer
from grader.domain.text import Note
from grader.errors import AuthorCanFix, GraderError, SandboxUnavailable
from grader.flow.assess import Assessment, assess
from grader.flow.assignments import StoredAssignments
from grader.flow.carry import carry_points
from grader.flow.point import locate_as_chosen
from grader.flow.ports import ReplyCodec, Runner, Stores, Transaction
from grader.flow.proofs import Proofs
from grader.flow.regrade import repeat_on_gpu
from grader.flow.rescore import find_rescored
from grader.flow.selftest import Interrupted, SelfTest, SelfTests
from grader.flow.standing import is_held_up_by_us, recount
from grader.flow.trial import keep_trial
from grader.flow.writing_desk import Desk, draft_manuscript, give_up_manuscript, try_manuscript

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 300.0
_OF_RUNS = frozenset({JobKind.GRADE, JobKind.REGRADE})
_OF_MANUSCRIPTS = frozenset({JobKind.DRAFT, JobKind.TRY})
_BEFORE_TRIALS = frozenset(JobKind) - {JobKind.TRY, JobKind.SELF_TEST}
_BEFORE_SELF_TESTS = frozenset(JobKind) - {JobKind.SELF_TEST}
_PHASE_PAUSE_S = 0.5
"""Phases are for people who wait: a run that is over sooner needs no write for each of them."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What grading needs of the world."""

    stores: Stores
    assignments: StoredAssignments
    proofs: Proofs
    runner: Runner
    codec: ReplyCodec
    read_notebook: Callable[[bytes], Notebook]
    """notebook.read with the service's limits."""
    secret: bytes
    """Draws the hidden inputs."""
    self_tests: SelfTests = field(default_factory=SelfTests)
    devices: frozenset[Device] = WITHOUT_GPU
    """What is taken up here."""
    max_attempts: int = 5
    """A run that failed through us so often waits for an operator."""
    replies_cap_bytes: int = 4 * 1024 * 1024
    """What one run's values may take; beyond it only hash, dtype and shape are kept."""


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What a run needs to be graded."""

    run: Run
    notebook: BlobKey
    assignment: Assignment
    twin: Graded | None
    """The result of the same student's same bytes, ready to be repeated; or of this submission, weighed otherwise."""
    choice: CellChoice | None
    """The cells that somebody pointed at."""


def claim_next(*, worker: str, kinds: Collection[JobKind], bench: Bench, is_likely: bool = False) -> Claim | None:
    """Take the next job under a lease and mark its run as running; None when nothing is due.

    A job that was taken up too often, its workers having died each time, is given up here.

    Args:
        worker: its name.
        kinds: what it takes up.
        bench: what grading needs.
        is_likely: there was work a moment ago. Otherwise it first looks without taking the writers' lock.
    """
    stores = bench.stores
    if not is_likely:
        with stores.storage.reading() as tx:
            if not stores.queue.has_work(tx, kinds=kinds, devices=bench.devices):
                return None
    with stores.storage.writing() as tx:
        claim = stores.queue.claim(tx, worker=worker, kinds=kinds, devices=bench.devices)
        if claim is None:
            return None
        if claim.attempt > bench.max_attempts:
            _give_up(
                tx, claim, bench=bench, trouble=Note(code="run.worker_lost", facts={"attempts": claim.attempt - 1})
            )
            return None
        if claim.kind in _OF_RUNS:
            if tx.runs.get(RunId(claim.subject)).state is RunState.FINISHED:
                stores.queue.finish(tx, claim)
                return None
            tx.runs.start(RunId(claim.subject), attempts=claim.attempt, at=stores.clock.now())
    return claim


def work(claim: Claim, *, bench: Bench, should_make_way: Callable[[], bool] = lambda: False) -> None:
    """Do a claimed job.

    Args:
        should_make_way: asked now and then by long work that can be left and taken up again.

    Raises:
        LeaseLost: another worker has it; nothing was stored.
        OperatorCanFix: our failure; the caller puts the job back.
    """
    if claim.kind is JobKind.PUBLISH:
        prove_version(claim, bench=bench)
    elif claim.kind is JobKind.SELF_TEST:
        self_test_version(claim, bench=bench, should_make_way=should_make_way)
    elif claim.kind in _OF_MANUSCRIPTS:
        work_on_manuscript(claim, bench=bench, should_make_way=should_make_way)
    else:
        grade(claim, bench=bench)


def grade(claim: Claim, *, bench: Bench) -> None:
    """Take one claimed grading run to its stored result. Raises as `work` does."""
    stores = bench.stores
    environment = bench.runner.environment
    case = _load_case(RunId(claim.subject), environment=environment, bench=bench)
    graded = case.twin
    if graded is None:
        phases = _Phases(case.run.run_id, stores=stores)
        try:
            expected = bench.proofs.load(case.run.version, before_proving=lambda: phases.write("proving"))
        except AuthorCanFix:
            _park(claim, case.run.version, bench=bench)
            return
        notebook = bench.read_notebook(stores.blobs.get(case.notebook))
        assessment = assess(
            notebook,
            assignment=case.assignment,
            expected=expected,
            runner=bench.runner,
            key=bench.secret,
            location=locate_as_chosen(notebook, case.choice, wanted=expected.wanted),
            on_phase=phases,
        )
        graded = _keep(assessment, bench=bench)
    with stores.storage.writing() as tx:
        # First of all the lease: whoever lost it stores nothing of what follows.
        stores.queue.finish(tx, claim)
        _store(tx, case.run, graded, at=stores.clock.now())
        if case.assignment.device is Device.ANY and Device.CUDA not in bench.devices and _needs_gpu(graded.result):
            repeat_on_gpu(tx, case.run, stores=stores)


def _needs_gpu(result: Result) -> bool:
    return any(check.verdict is Verdict.NEEDS_GPU for question in result.questions for check in question.checks)


def prove_version(claim: Claim, *, bench: Bench) -> None:
    """Run a version's reference, so that it can be graded; a spec that does not hold marks it as failed."""
    with suppress(AuthorCanFix):  # `load` has written down why, which is all there is to do
        bench.proofs.load(VersionHash(claim.subject))
    with bench.stores.storage.writing() as tx:
        bench.stores.queue.finish(tx, claim)
        # Published anew since it failed, while this claim still held the job: that wish would end with it.
        version = tx.versions.get(VersionHash(claim.subject))
        if version.state is VersionState.UNPROVED:
            bench.stores.queue.enqueue(tx, kind=JobKind.PUBLISH, subject=claim.subject, device=version.device)


def self_test_version(claim: Claim, *, bench: Bench, should_make_way: Callable[[], bool]) -> None:
    """Look for mistakes that a version's checks would not notice; what is found warns its author and stops nobody.

    Whatever else waits comes first: then the job is given back, and taken up later where it was left.
    """
    version, stores = VersionHash(claim.subject), bench.stores

    def should_stop() -> bool:
        return should_make_way() or _has_work(bench, kinds=_BEFORE_SELF_TESTS)

    try:
        expected = bench.proofs.load(version)
        report: SelfTestReport | None = bench.self_tests.run(
            SelfTest(
                loaded=bench.assignments.load(version),
                files=bench.assignments.load_files(version),
                expected=expected,
                runner=bench.runner,
                secret=bench.secret,
                should_stop=should_stop,
            )
        )
    except Interrupted:
        give_back(claim, stores=stores)
        return
    except AuthorCanFix:
        report = None  # the version failed, which says more than any mutant could
    with stores.storage.writing() as tx:
        stores.queue.finish(tx, claim)
        if report is not None:
            tx.versions.put_self_test(report, at=stores.clock.now())


def work_on_manuscript(claim: Claim, *, bench: Bench, should_make_way: Callable[[], bool]) -> None:
    """Draft or try what somebody writes; whatever students wait for comes before a trial."""
    desk = Desk(
        stores=bench.stores,
        assignments=bench.assignments,
        runner=bench.runner,
        read_notebook=bench.read_notebook,
        secret=bench.secret,
        self_tests=bench.self_tests,
    )

    def should_stop() -> bool:
        return should_make_way() or _has_work(bench, kinds=_BEFORE_TRIALS)

    if claim.kind is JobKind.DRAFT:
        draft_manuscript(claim, desk=desk)
        return
    try:
        try_manuscript(claim, desk=desk, should_stop=should_stop)
    except Interrupted:
        give_back(claim, stores=bench.stores)


def _has_work(bench: Bench, *, kinds: Collection[JobKind]) -> bool:
    with bench.stores.storage.reading() as tx:
        return bench.stores.queue.has_work(tx, kinds=kinds, devices=bench.devices)


def renew(claim: Claim, *, stores: Stores) -> None:
    """Hold the lease for longer. Raises LeaseLost."""
    with stores.storage.writing() as tx:
        stores.queue.renew(tx, claim)


def give_back(claim: Claim, *, stores: Stores, trouble: Note | None = None) -> None:
    """Put a job back untouched, for any worker to take at once. Raises LeaseLost."""
    with stores.storage.writing() as tx:
        stores.queue.release(tx, claim)
        if claim.kind in _OF_RUNS:
            tx.runs.wait(RunId(claim.subject), attempts=claim.attempt - 1, trouble=trouble)


def put_back(claim: Claim, *, error: Exception, bench: Bench) -> None:
    """After a failure of ours: try again later, longer each time; after the last attempt it waits for an operator.

    Raises:
        LeaseLost: another worker has it; nothing was changed.
    """
    trouble = error.note if isinstance(error, GraderError) else Note(code="run.unexpected", facts=_name(error))
    if isinstance(error, SandboxUnavailable):
        give_back(claim, stores=bench.stores, trouble=trouble)
        return
    with bench.stores.storage.writing() as tx:
        if claim.attempt >= bench.max_attempts:
            _give_up(tx, claim, bench=bench, trouble=trouble)
            return
        pause_s = min(_FIRST_PAUSE_S * 2 ** (claim.attempt - 1), _LONGEST_PAUSE_S)
        bench.stores.queue.retry(tx, claim, after_s=pause_s)
        if claim.kind in _OF_RUNS:
            tx.runs.wait(RunId(claim.subject), attempts=claim.attempt, trouble=trouble)


def _name(error: Exception) -> dict[str, str]:
    """The kind of an unexpected error; its text may hold anything and stays in the log."""
    return {"error": type(error).__name__}


def _give_up(tx: Transaction, claim: Claim, *, bench: Bench, trouble: Note) -> None:
    bench.stores.queue.finish(tx, claim)
    if claim.kind is JobKind.PUBLISH:
        tx.versions.set_state(VersionHash(claim.subject), VersionState.FAILED, findings=[trouble])
    elif claim.kind in _OF_RUNS:
        tx.runs.fail(RunId(claim.subject), trouble=trouble, at=bench.stores.clock.now())
    elif claim.kind in _OF_MANUSCRIPTS:
        give_up_manuscript(tx, claim, trouble=trouble)


def _load_case(run_id: RunId, *, environment: EnvironmentHash, bench: Bench) -> _Case:
    with bench.stores.storage.reading() as tx:
        run = tx.runs.get(run_id)
        submission = tx.submissions.get(run.submission_id)
        choice = tx.cell_choices.find_newest(submission.submission_id)
        twin = None
        if run.cause is not RunCause.SUBMITTED:
            twin = find_rescored(tx, run, environment=environment, assignments=bench.assignments)
        if twin is None and choice is None:
            twin = _find_twin(tx, run, environment=environment)
        assignment = bench.assignments.load(run.version, tx=tx).assignment
    return _Case(run=run, notebook=submission.notebook, assignment=assignment, twin=twin, choice=choice)


def _find_twin(tx: Transaction, run: Run, *, environment: EnvironmentHash) -> Graded | None:
    found = tx.runs.find_twin(run.run_id, environment=environment)
    if found is None or not _may_be_repeated(tx, found):
        return None
    origin = found.reused_from or found.run_id
    if run.cause is not RunCause.SUBMITTED:
        # Whoever asks for another run wants another look; one look since then is enough for all copies.
        looked_at = tx.runs.get(origin).started_at
        if looked_at is None or looked_at <= run.created_at:
            return None
    return replace(tx.runs.load_graded(found.run_id), reused_from=origin)


def _may_be_repeated(tx: Transaction, found: Run) -> bool:
    """Not what failed through us, and not what was graded in cells that somebody pointed at for that submission."""
    return not is_held_up_by_us(tx, found) and tx.cell_choices.find_newest(found.submission_id) is None


def _park(claim: Claim, version: VersionHash, *, bench: Bench) -> None:
    """Let a run of a failed version wait for its author: no job, no score. Proving the version queues it again."""
    with bench.stores.storage.writing() as tx:
        trouble = Note(code="run.version_failed", facts={"version": version[:12]})
        tx.runs.wait(RunId(claim.subject), attempts=claim.attempt, trouble=trouble)
        if tx.versions.get(version).state is VersionState.FAILED:
            bench.stores.queue.finish(tx, claim)
        else:
            bench.stores.queue.retry(tx, claim, after_s=0)


def _keep(assessment: Assessment, *, bench: Bench) -> Graded:
    """Write an assessment's files and gather what its run keeps."""
    execution = assessment.execution
    replies = bench.codec.encode(execution.replies, cap_bytes=bench.replies_cap_bytes)
    answers = assessment.location.answers.values()
    return Graded(
        result=assessment.result,
        environment=execution.environment,
        seed=hashlib.sha256(bench.secret).hexdigest()[:16],
        draws=assessment.draws,
        located={answer.question_id: _cells(answer) for answer in answers},
        written=tuple(_written(answer) for answer in answers if answer.written or answer.has_attachments),
        executed=bench.stores.blobs.put(execution.executed_notebook),
        replies=bench.stores.blobs.put(replies),
        seconds=execution.seconds,
    )


def _cells(answer: LocatedAnswer) -> LocatedCells:
    return LocatedCells(found_by=answer.found_by, code_cells=answer.code_cells, markdown_cells=answer.markdown_cells)


def _written(answer: LocatedAnswer) -> WrittenAnswer:
    text = "\n\n".join(answer.written)
    return WrittenAnswer(
        question_id=answer.question_id,
        text_hash=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        text=text,
        has_attachments=answer.has_attachments,
    )


def _store(tx: Transaction, run: Run, graded: Graded, *, at: datetime) -> None:
    tx.runs.finish(run.run_id, graded, at=at)
    if run.cause is RunCause.TRIAL:
        keep_trial(tx, run, graded.written)
        return
    counting = tx.runs.find_counting(run.submission_id)
    if counting is not None:
        order = [each.run_id for each in tx.runs.list_of(run.submission_id)]
        if order.index(counting.run_id) > order.index(run.run_id):
            return  # a newer run was faster; this one is history
    tx.submissions.set_written(run.submission_id, graded.written)
    tx.runs.set_counting(run.submission_id, run.run_id)
    submission = tx.submissions.get(run.submission_id)
    carry_points(tx, submission, graded.written, at=at)
    recount(tx, submission)


class _Phases:
    """Tells those who wait how far a run is, but not more often than they could read."""

    def __init__(self, run_id: RunId, *, stores: Stores) -> None:
        self._run_id = run_id
        self._stores = stores
        self._written_at = stores.clock.now()

    def __call__(self, phase: str) -> None:
        now = self._stores.clock.now()
        if (now - self._written_at).total_seconds() >= _PHASE_PAUSE_S:
            self.write(phase)

    def write(self, phase: str) -> None:
        with self._stores.storage.writing() as tx:
            tx.runs.set_phase(self._run_id, phase)
        self._written_at = self._stores.clock.now()
