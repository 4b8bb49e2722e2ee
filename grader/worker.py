"""A worker: claims jobs, does them, keeps their leases; on a stop it gives the work back at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import structlog

from grader.domain.ids import EnvironmentHash
from grader.domain.jobs import Claim, JobKind, SandboxState, WorkerHealth
from grader.domain.text import Note
from grader.errors import GpuUnavailable, GraderError, LeaseLost, OperatorCanFix, SandboxUnavailable, SandboxUnsafe
from grader.flow.grade import Bench, claim_next, give_back, put_back, renew, work
from grader.flow.watch import CageWatch

log = structlog.get_logger()

_EVERY_KIND = tuple(JobKind)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a worker looks around. Defaults suit one machine; tests hurry."""

    poll_s: float = 0.02
    idle_poll_s: float = 0.1
    idle_after: int = 250
    """Polls in vain before it looks less often."""
    keep_s: float = 4.0
    """Between two renewals of a lease (and reports of health): well under a third of the lease."""
    sandbox_retry_s: float = 10.0
    unsafe_retry_s: float = 60.0
    """Each try of a cage that leaks makes a new one, which takes seconds of the processor."""
    trouble_s: float = 1.0
    """After a failure of the database."""
    abort_s: float = 0.5
    """Between two aborts at a stop: a job that is ended between two of its notebooks would begin the next."""


class Worker:
    """One job at a time, with a second thread that keeps its lease.

    Args:
        name: unique among the workers that live, such as 'host:pid'.
        bench: what grading needs.
        watch: says whether the cage was tried; nothing is claimed before it was.
        abort: called from the second thread at a stop, once the job is given back, and until `run` returns: ends
            whatever the sandbox does.
        gpu: name of the GPU that its kernels may use.
    """

    def __init__(
        self,
        name: str,
        *,
        bench: Bench,
        watch: CageWatch,
        abort: Callable[[], None] = lambda: None,
        pace: Pace | None = None,
        gpu: str | None = None,
    ) -> None:
        self._name = name
        self._bench = bench
        self._watch = watch
        self._abort = abort
        self._pace = pace or Pace()
        self._is_over = threading.Event()
        self._claim_lock = threading.Lock()
        self._claim: Claim | None = None
        self._health_lock = threading.Lock()
        self._health = WorkerHealth(
            worker=name,
            seen_at=bench.stores.clock.now(),
            sandbox=SandboxState.STARTING,
            reason=Note(code="ready.sandbox_starting"),
            gpu=gpu,
        )

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Call it from the thread that may own the sandbox's processes."""
        self._attempt("worker.report", self._report_again)
        keeper = threading.Thread(target=self._keep, args=(stop,), name=f"keeper of {self._name}", daemon=True)
        keeper.start()
        try:
            self._loop(stop)
        finally:
            stop.set()
            self._is_over.set()
            keeper.join()
            self._attempt("worker.forget", self._forget)

    def _loop(self, stop: threading.Event) -> None:
        idle = 1
        while not stop.is_set():
            if not self._is_sandbox_ready():
                is_unsafe = self._health.sandbox is SandboxState.UNSAFE
                stop.wait(self._pace.unsafe_retry_s if is_unsafe else self._pace.sandbox_retry_s)
                continue
            if self._attempt("worker.claim", partial(self._claim_next, stop, is_likely=idle == 0)) is not None:
                stop.wait(self._pace.trouble_s)
            elif self._claim is not None:
                idle = 0
                self._do(self._claim, stop=stop)
            else:
                idle += 1
                stop.wait(self._pace.poll_s if idle < self._pace.idle_after else self._pace.idle_poll_s)

    def _claim_next(self, stop: threading.Event, *, is_likely: bool) -> None:
        with self._claim_lock:
            if not stop.is_set():
                self._claim = claim_next(worker=self._name, kinds=_EVERY_KIND, bench=self._bench, is_likely=is_likely)

    def _do(self, claim: Claim, *, stop: threading.Event) -> None:
        job = {"job": claim.job_id, "kind": claim.kind.value, "subject": claim.subject, "attempt": claim.attempt}
        error = self._attempt("job.work", lambda: self._work(claim, stop=stop))
        if error is None:
            log.info("job.done", **job)
        elif stop.is_set() or isinstance(error, LeaseLost):
            log.info("job.dropped", **job)
        else:
            self._attempt("job.put_back", lambda: put_back(claim, error=error, bench=self._bench))
            if isinstance(error, SandboxUnavailable):
                self._attempt("worker.report", lambda: self._report_unavailable(error))
        with self._claim_lock:
            self._claim = None

    def _work(self, claim: Claim, *, stop: threading.Event) -> None:
        # What can wait does when the cage must be tried again: that takes a second, and a self-test minutes.
        work(claim, bench=self._bench, should_make_way=lambda: stop.is_set() or self._watch.is_due())

    def _is_sandbox_ready(self) -> bool:
        """Nothing is claimed while no kernel can run or the cage is not proved: uploads wait, people read why."""
        if self._health.sandbox is SandboxState.READY and not self._watch.is_due():
            return True
        failure = self._attempt("sandbox.open", self._open_sandbox)
        if failure is not None:
            self._attempt("worker.report", partial(self._report_unavailable, failure))
        return failure is None and self._health.sandbox is SandboxState.READY

    def _open_sandbox(self) -> None:
        if self._watch.has_new_environment():
            log.info("sandbox.new_environment")
            self._report(SandboxState.STARTING, reason=Note(code="ready.environment_changed"))
        try:
            environment = self._watch.prove()
        except SandboxUnsafe as error:
            log.error("sandbox.unsafe", **error.facts)
            self._report(SandboxState.UNSAFE, reason=Note(code="ready.sandbox_unsafe", facts=error.facts))
        except OperatorCanFix as error:
            self._report_unavailable(error)
        else:
            log.info("sandbox.proved", environment=environment)
            self._report(SandboxState.READY, environment=environment)

    def _report_unavailable(self, error: Exception) -> None:
        """What an unexpected error says may be anything, and stays in the log."""
        what = str(error.facts.get("what", error)) if isinstance(error, GraderError) else type(error).__name__
        reason = Note(code="ready.sandbox_unavailable", facts={"what": what})
        if isinstance(error, GpuUnavailable):
            what, reason = str(error), error.note
        log.warning("sandbox.unavailable", reason=what)
        self._report(SandboxState.UNAVAILABLE, reason=reason)

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._pace.keep_s):
            self._attempt("worker.report", self._report_again)
            claim = self._claim
            if claim is not None:
                self._attempt("job.renew", partial(renew, claim, stores=self._bench.stores))
        with self._claim_lock:  # a claim that is being made right now is given back too
            claim = self._claim
        if claim is not None:
            self._attempt("job.give_back", lambda: give_back(claim, stores=self._bench.stores))
        self._attempt("sandbox.abort", self._abort)
        while not self._is_over.wait(self._pace.abort_s):
            self._attempt("sandbox.abort", self._abort)

    def _report(
        self, sandbox: SandboxState, *, reason: Note | None = None, environment: EnvironmentHash | None = None
    ) -> None:
        with self._health_lock:
            self._health = replace(self._health, sandbox=sandbox, reason=reason, environment=environment)
        self._report_again()

    def _report_again(self) -> None:
        with self._health_lock, self._bench.stores.storage.writing() as tx:
            tx.workers.report(replace(self._health, seen_at=self._bench.stores.clock.now()))

    def _forget(self) -> None:
        with self._bench.stores.storage.writing() as tx:
            tx.workers.forget(self._name)

    def _attempt(self, event: str, action: Callable[[], None]) -> Exception | None:
        """The worker's border: whatever fails is written to the log, and the worker goes on."""
        try:
            action()
        except LeaseLost as error:
            log.info(f"{event}.lease_lost", job=error.facts.get("job"))
            return error
        except Exception as error:  # a worker that died of one job would die of it again
            log.exception(f"{event}.failed", worker=self._name)
            return error
        return None
