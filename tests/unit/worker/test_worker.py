"""A worker's life: it grades, keeps its lease, gives work back, and outlives whatever goes wrong."""

import threading
import time
from contextlib import contextmanager

import pytest
import structlog
from doubles import FakeCanary, FakeRunner
from school import notebook_bytes

from grader.domain.jobs import JobKind, SandboxState
from grader.domain.submission import RunState
from grader.errors import GpuUnavailable, SandboxFailed, SandboxUnavailable
from grader.worker import Pace, Worker

PACE = Pace(
    poll_s=0.005,
    idle_poll_s=0.005,
    keep_s=0.01,
    sandbox_retry_s=0.02,
    unsafe_retry_s=0.02,
    trouble_s=0.01,
    abort_s=0.01,
)
PATIENCE_S = 20
DURING_THE_SELF_TEST = 5
"""Of its runs of notebooks."""


def until(condition):
    """Wait for something that must happen, however slow the machine."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@contextmanager
def working(school, runner, *, name="w1", canary=None, **facts):
    stop = threading.Event()
    watch = school.watch(runner, canary=canary)
    worker = Worker(name, bench=school.bench(runner=runner), watch=watch, pace=PACE, **facts)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        if runner.gate is not None:
            runner.gate.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def run_of(school, receipt):
    with school.stores.storage.reading() as tx:
        return tx.runs.get(receipt.run.run_id)


def workers(school):
    with school.stores.storage.reading() as tx:
        return {seen.worker: seen for seen in tx.workers.list_seen(since=school.clock.now())}


def is_finished(school, receipt):
    return lambda: run_of(school, receipt).state is RunState.FINISHED


@pytest.fixture
def proved(school):
    school.work_off()
    return school


def test_what_is_handed_in_is_graded(school):
    with working(school, FakeRunner()):
        first = school.submit("ann")
        until(is_finished(school, first))
        second = school.submit("bob")
        until(is_finished(school, second))
    assert run_of(school, second).totals.score == 15


def test_a_worker_says_how_it_is_and_when_it_leaves(school):
    runner = FakeRunner()
    with working(school, runner):
        until(lambda: school_worker(school) is SandboxState.READY)
        assert workers(school)["w1"].environment == runner.environment
    assert workers(school) == {}


def school_worker(school):
    seen = workers(school).get("w1")
    return None if seen is None else seen.sandbox


def test_without_a_sandbox_nothing_is_claimed_until_there_is_one(school):
    runner = FakeRunner()
    runner.unavailable = SandboxUnavailable(what="bubblewrap is missing: apt-get install bubblewrap")
    receipt = school.submit("ann")
    with working(school, runner):
        until(lambda: school_worker(school) is SandboxState.UNAVAILABLE)
        told = workers(school)["w1"].reason
        assert (told.code, told.facts["what"]) == (
            "ready.sandbox_unavailable",
            "bubblewrap is missing: apt-get install bubblewrap",
        )
        waiting = run_of(school, receipt)
        assert (waiting.state, waiting.attempts) == (RunState.QUEUED, 0)
        runner.unavailable = None
        until(is_finished(school, receipt))
        assert school_worker(school) is SandboxState.READY
    assert run_of(school, receipt).attempts == 1


def test_while_the_cage_is_not_proved_uploads_wait_and_people_read_which_attempts_got_through(school):
    canary = FakeCanary(broken=["mounts", "sockets"])
    receipt = school.submit("ann")
    with working(school, FakeRunner(), canary=canary):
        until(lambda: school_worker(school) is SandboxState.UNSAFE)
        told = workers(school)["w1"].reason
        assert (told.code, told.facts["lines"]) == ("ready.sandbox_unsafe", ["mounts", "sockets"])
        assert "done" in told.facts["found"]
        other = school.submit("bob")
        assert {run_of(school, each).state for each in (receipt, other)} == {RunState.QUEUED}
        canary.broken = []
        until(is_finished(school, receipt))
        until(is_finished(school, other))
        assert (school_worker(school), workers(school)["w1"].reason) == (SandboxState.READY, None)
    assert run_of(school, receipt).attempts == 1


def test_a_cage_that_breaks_later_stops_grading_at_the_next_hourly_trial(proved):
    canary = FakeCanary()
    with working(proved, FakeRunner(), canary=canary):
        until(is_finished(proved, proved.submit("ann")))
        canary.broken = ["writing"]
        until(is_finished(proved, proved.submit("bob")))
        proved.clock.pass_s(3600)
        until(lambda: school_worker(proved) is SandboxState.UNSAFE)
        waiting = proved.submit("ann", notebook_bytes(x=9, y=4))
        tries = canary.tries
        until(lambda: canary.tries > tries + 1)
        assert run_of(proved, waiting).state is RunState.QUEUED
        canary.broken = []
        until(is_finished(proved, waiting))


def test_a_canary_that_is_due_does_not_wait_for_the_end_of_a_self_test(proved):
    canary = FakeCanary()
    tries = []

    class AnHourPasses(FakeRunner):
        def run(self, notebook, **facts):
            tries.append(canary.tries)
            if len(tries) == DURING_THE_SELF_TEST:
                proved.clock.pass_s(3600)
            return super().run(notebook, **facts)

    with proved.stores.storage.writing() as tx:
        (version,) = tx.versions.list_all()
        proved.stores.queue.enqueue(tx, kind=JobKind.SELF_TEST, subject=version.version)
    with working(proved, AnHourPasses(), canary=canary):
        until(lambda: find_self_test(proved, version.version) is not None)
    assert tries[: DURING_THE_SELF_TEST + 1] == [1] * DURING_THE_SELF_TEST + [2]
    assert len(tries) > DURING_THE_SELF_TEST + 1


def find_self_test(school, version):
    with school.stores.storage.reading() as tx:
        return tx.versions.find_self_test(version)


def test_a_new_environment_is_tried_in_a_new_cage_before_anything_else_is_graded(proved):
    canary = FakeCanary()
    with working(proved, FakeRunner(), canary=canary):
        until(is_finished(proved, proved.submit("ann")))
        tries, renewals = canary.tries, canary.renewals
        canary.trouble = [SandboxUnavailable(what="half of it is installed")]
        canary.environment = "another"
        until(lambda: canary.tries >= tries + 2)
        until(is_finished(proved, proved.submit("bob")))
        assert canary.renewals > renewals


def test_a_canary_that_cannot_even_be_sent_pauses_grading(school):
    canary = FakeCanary()
    canary.trouble = [RuntimeError("a bug of ours, with a secret in its text")]
    receipt = school.submit("ann")
    with structlog.testing.capture_logs() as entries, working(school, FakeRunner(), canary=canary):
        until(is_finished(school, receipt))
    assert [entry["reason"] for entry in entries if entry["event"] == "sandbox.unavailable"] == ["RuntimeError"]
    assert canary.tries == 2


def test_a_sandbox_that_goes_away_costs_no_attempt(proved):
    runner = FakeRunner(trouble=[SandboxUnavailable(what="gone")])
    receipt = proved.submit("ann")
    with working(proved, runner):
        until(is_finished(proved, receipt))
    assert run_of(proved, receipt).attempts == 1


@pytest.mark.parametrize(
    "error", [SandboxFailed(what="x"), ValueError("x"), MemoryError()], ids=lambda e: type(e).__name__
)
def test_a_worker_outlives_a_failure_and_the_run_is_tried_again(proved, error):
    runner = FakeRunner(trouble=[error])
    receipt, other = proved.submit("ann"), proved.submit("bob")
    with working(proved, runner):
        until(is_finished(proved, other))
        until(lambda: run_of(proved, receipt).trouble is not None)
        assert run_of(proved, receipt).state is RunState.QUEUED
        proved.clock.pass_s(2)
        until(is_finished(proved, receipt))
    assert run_of(proved, receipt).attempts == 2


def test_a_lease_is_kept_for_as_long_as_the_work_takes(proved):
    runner = FakeRunner(gate=threading.Event())
    receipt = proved.submit("ann")
    other = FakeRunner()
    with working(proved, runner):
        assert runner.started.wait(PATIENCE_S)
        with working(proved, other, name="w2"):
            for _ in range(4):
                renewed = due_at(proved)
                proved.clock.pass_s(10)
                until(lambda before=renewed: due_at(proved) > before)
            runner.gate.set()
            until(is_finished(proved, receipt))
    assert other.runs == 0
    assert run_of(proved, receipt).attempts == 1


def due_at(school):
    with school.stores.storage.reading() as tx:
        return tx.connection.exec_driver_sql("SELECT max(due_at) FROM jobs").scalar()


def test_at_a_stop_the_work_is_given_back_at_once_and_the_sandbox_told_to_end(proved):
    runner = FakeRunner(gate=threading.Event())
    receipt = proved.submit("ann")
    aborted = threading.Event()
    with working(proved, runner, abort=aborted.set) as stop:
        assert runner.started.wait(PATIENCE_S)
        stop.set()
        assert aborted.wait(PATIENCE_S)
        given_back = run_of(proved, receipt)
        assert (given_back.state, given_back.attempts) == (RunState.QUEUED, 0)
    assert run_of(proved, receipt).state is RunState.QUEUED  # what it computed after that was dropped
    with working(proved, FakeRunner(), name="w2"):
        until(is_finished(proved, receipt))
    assert run_of(proved, receipt).attempts == 1


def test_a_stop_reaches_the_notebook_that_a_job_begins_after_it(proved):
    runner = FakeRunner(gate=threading.Event())
    aborts = []

    def abort():
        aborts.append(len(aborts))
        if len(aborts) == 3:  # the first two come while nothing runs
            runner.gate.set()

    proved.submit("ann")
    with working(proved, runner, abort=abort) as stop:
        assert runner.started.wait(PATIENCE_S)
        stop.set()
        until(lambda: len(aborts) >= 3)


def test_a_stop_that_breaks_the_sandbox_is_no_failure_of_the_run(proved):
    runner = FakeRunner(gate=threading.Event(), trouble=[SandboxFailed(what="killed")])
    receipt = proved.submit("ann")
    with working(proved, runner, abort=runner.gate.set) as stop:
        assert runner.started.wait(PATIENCE_S)
        stop.set()
    run = run_of(proved, receipt)
    assert (run.state, run.attempts, run.trouble) == (RunState.QUEUED, 0, None)


def test_nothing_is_claimed_after_a_stop(proved):
    stop = threading.Event()

    class StoppedMeanwhile(FakeRunner):
        @property
        def environment(self):
            stop.set()
            return "e" * 64

    runner = StoppedMeanwhile()
    receipt = proved.submit("ann")
    Worker("w1", bench=proved.bench(runner=runner), watch=proved.watch(runner), pace=PACE).run(stop)
    assert runner.runs == 0
    assert run_of(proved, receipt).attempts == 0


def test_two_workers_grade_everything_once(proved):
    receipts = [proved.submit(login, notebook_bytes(x=n, y=4)) for n in range(5) for login in ("ann", "bob")]
    runners = [FakeRunner(), FakeRunner()]
    with working(proved, runners[0], name="w1"), working(proved, runners[1], name="w2"):
        until(lambda: all(run_of(proved, receipt).state is RunState.FINISHED for receipt in receipts))
    assert sum(runner.runs for runner in runners) == len(receipts)
    assert {run_of(proved, receipt).attempts for receipt in receipts} == {1}


def test_a_database_that_fails_is_tried_again(proved, monkeypatch):
    receipt = proved.submit("ann")
    real, failures = proved.stores.queue.has_work, [OSError("disk"), OSError("disk")]

    def has_work(tx, *, kinds, devices):
        if failures:
            raise failures.pop()
        return real(tx, kinds=kinds, devices=devices)

    monkeypatch.setattr(proved.stores.queue, "has_work", has_work)
    with working(proved, FakeRunner()):
        until(is_finished(proved, receipt))
    assert failures == []


def test_the_log_names_the_job(proved):
    receipt = proved.submit("ann")
    with structlog.testing.capture_logs() as entries, working(proved, FakeRunner()):
        until(is_finished(proved, receipt))
    done = [entry for entry in entries if entry["event"] == "job.done"]
    assert [(entry["subject"], entry["kind"], entry["attempt"]) for entry in done] == [(receipt.run.run_id, "grade", 1)]


def test_a_worker_says_which_gpu_it_has_and_why_it_does_not_use_it(proved):
    runner = FakeRunner()
    runner.unavailable = held = GpuUnavailable("memory_held", gpu="L4", mib=7)
    with working(proved, runner, gpu="L4"):
        until(lambda: [one.reason for one in workers(proved).values()] == [held.note])
        assert (workers(proved)["w1"].gpu, workers(proved)["w1"].sandbox) == ("L4", SandboxState.UNAVAILABLE)
        runner.unavailable = None
        until(lambda: workers(proved)["w1"].sandbox is SandboxState.READY)
