"""Grading a claimed run: a stored result, or no result and the work back in the queue; never anything between."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from doubles import FakeRunner
from school import NameLogic, TinyLoaded, notebook_bytes

from grader.domain.ids import VersionHash
from grader.domain.jobs import JobKind
from grader.domain.publishing import VersionState
from grader.domain.result import Verdict
from grader.domain.submission import RunCause, RunState
from grader.errors import LeaseLost, NotFound, SandboxFailed, SandboxUnavailable
from grader.flow.grade import claim_next, give_back, put_back, renew, work
from grader.flow.publish import publish
from grader.flow.regrade import regrade, retry_failed
from grader.sandbox import wire

A, B, C = (notebook_bytes(x=number, y=4) for number in (3, 2, 1))
EVERY_KIND = tuple(JobKind)


def claim(bench, worker="w"):
    return claim_next(worker=worker, kinds=EVERY_KIND, bench=bench)


def claim_run(bench, worker="w"):
    """The next grading job, with publishing out of the way."""
    while found := claim_next(worker=worker, kinds=[JobKind.PUBLISH], bench=bench):
        work(found, bench=bench)
    return claim(bench, worker)


def run_of(school, receipt):
    with school.stores.storage.reading() as tx:
        return tx.runs.get(receipt.run.run_id)


def read(school, method, *args):
    with school.stores.storage.reading() as tx:
        repository, _, name = method.partition(".")
        return getattr(getattr(tx, repository), name)(*args)


def depth(school):
    with school.stores.storage.reading() as tx:
        return school.stores.queue.depth(tx)


def test_a_submission_is_graded_to_a_stored_result(school):
    receipt = school.submit("ann", A)
    assert school.work_off() == 2  # its version is proved first
    run = run_of(school, receipt)
    assert (run.state, run.attempts, run.phase, run.trouble) == (RunState.FINISHED, 1, None, None)
    assert (run.totals.score, run.totals.decided, run.totals.pending, run.totals.points) == (15, 15, 5, 20)
    result = read(school, "runs.load_result", run.run_id)
    verdicts = [[check.verdict for check in question.checks] for question in result.questions]
    assert verdicts == [[Verdict.PASSED], [Verdict.PASSED, Verdict.NEEDS_REVIEW]]
    assert [question.cells for question in result.questions] == [(2,), (4,)]
    assert depth(school).waiting == 0


def test_a_run_keeps_what_is_needed_to_compare_it_again(school):
    receipt = school.submit("ann", A)
    school.work_off()
    graded = read(school, "runs.load_graded", receipt.run.run_id)
    assert graded.environment == "e" * 64
    assert graded.draws == {"q1/value": 0, "q2/value": 0, "q2/words": 0}
    assert graded.located["q1"].code_cells == (1,)
    assert graded.seed
    assert b"secret".hex() not in graded.seed
    assert school.stores.blobs.get(graded.executed) == b'{"cells": []}'
    replies = wire.decode(school.stores.blobs.get(graded.replies))
    assert replies["q1/value/0/names"].values["x"].value == 3


def test_written_answers_are_kept_with_the_submission(school):
    receipt = school.submit("ann", notebook_bytes(x=3, y=4, words="なぜなら\ud800四だから"))
    school.work_off()
    (answer,) = read(school, "submissions.list_written", receipt.submission.submission_id)
    assert (answer.question_id, answer.text) == ("q2", "なぜなら\ufffd四だから")


def test_facts_of_a_verdict_are_stored_with_it(school):
    receipt = school.submit("ann", B)
    school.work_off()
    result = read(school, "runs.load_result", receipt.run.run_id)
    check = result.questions[0].checks[0]
    assert (check.code, dict(check.facts)) == ("value.differs", {"actual": 2, "gap": "inf"})


def test_the_slow_one_of_two_workers_stores_nothing(school):
    receipt = school.submit("ann", A)
    bench = school.bench()
    slow = claim_run(bench, "slow")
    school.clock.pass_s(16)
    quick = claim_run(bench, "quick")
    assert quick.subject == slow.subject
    work(quick, bench=bench)
    stored = run_of(school, receipt)
    with pytest.raises(LeaseLost):
        work(slow, bench=bench)
    with pytest.raises(LeaseLost):
        put_back(slow, error=SandboxFailed(), bench=bench)
    with pytest.raises(LeaseLost):
        give_back(slow, stores=school.stores)
    with pytest.raises(LeaseLost):
        renew(slow, stores=school.stores)
    assert run_of(school, receipt) == stored
    assert stored.attempts == 2


def test_a_worker_that_lost_its_lease_before_the_other_is_done_stores_nothing(school):
    receipt = school.submit("ann", A)
    bench = school.bench()
    slow = claim_run(bench, "slow")
    school.clock.pass_s(16)
    claim_run(bench, "quick")
    with pytest.raises(LeaseLost):
        work(slow, bench=bench)
    assert run_of(school, receipt).state is RunState.RUNNING
    with pytest.raises(NotFound):
        read(school, "runs.load_result", receipt.run.run_id)
    assert read(school, "submissions.list_written", receipt.submission.submission_id) == ()


def test_a_renewed_lease_holds(school):
    school.submit("ann", A)
    bench = school.bench()
    held = claim_run(bench)
    for _ in range(3):
        school.clock.pass_s(10)
        renew(held, stores=school.stores)
    assert claim_run(bench, "other") is None
    work(held, bench=bench)


def test_our_failure_is_tried_again_later_and_later_and_then_waits_for_an_operator(school):
    receipt = school.submit("ann", A)
    runner = FakeRunner()
    bench = school.bench(runner=runner, max_attempts=3)
    held = claim_run(bench)
    runner.trouble = [SandboxFailed(what="no kernel")] * 3
    for attempt, pause_s in ((1, 2), (2, 4)):
        with pytest.raises(SandboxFailed) as caught:
            work(held, bench=bench)
        put_back(held, error=caught.value, bench=bench)
        run = run_of(school, receipt)
        assert (run.state, run.attempts, run.trouble.code) == (RunState.QUEUED, attempt, "error.sandbox_failed")
        school.clock.pass_s(pause_s - 0.5)
        assert claim_run(bench) is None
        school.clock.pass_s(0.5)
        held = claim_run(bench)
    put_back(held, error=SandboxFailed(), bench=bench)
    run = run_of(school, receipt)
    assert (run.state, run.totals) == (RunState.FAILED, None)
    school.clock.pass_s(10_000)
    assert claim_run(bench) is None


def test_an_operator_has_what_failed_tried_again(school):
    receipt = school.submit("ann", A)
    bench = school.bench(max_attempts=1)
    put_back(claim_run(bench), error=SandboxFailed(), bench=bench)
    assert run_of(school, receipt).state is RunState.FAILED
    assert retry_failed(stores=school.stores) == 1
    school.work_off()
    run = run_of(school, receipt)
    assert (run.state, run.attempts) == (RunState.FINISHED, 1)
    assert retry_failed(stores=school.stores) == 0


def test_an_unexpected_error_is_told_by_its_kind_alone(school):
    receipt = school.submit("ann", A)
    bench = school.bench()
    put_back(claim_run(bench), error=ValueError("the student's own words"), bench=bench)
    trouble = run_of(school, receipt).trouble
    assert (trouble.code, dict(trouble.facts)) == ("run.unexpected", {"error": "ValueError"})


def test_a_missing_sandbox_is_nobodys_attempt(school):
    receipt = school.submit("ann", A)
    bench = school.bench(max_attempts=2)
    for _ in range(5):
        put_back(claim_run(bench), error=SandboxUnavailable(what="bubblewrap is missing"), bench=bench)
    run = run_of(school, receipt)
    assert (run.state, run.attempts, run.trouble.code) == (RunState.QUEUED, 0, "error.sandbox_unavailable")


def test_work_given_back_is_waiting_again(school):
    receipt = school.submit("ann", A)
    bench = school.bench()
    give_back(claim_run(bench), stores=school.stores)
    assert run_of(school, receipt).state is RunState.QUEUED
    school.work_off(bench)
    assert run_of(school, receipt).attempts == 1


def test_a_run_whose_workers_die_is_given_up(school):
    receipt = school.submit("ann", A)
    bench = school.bench(max_attempts=3)
    for _ in range(3):
        assert claim_run(bench) is not None
        school.clock.pass_s(16)  # killed: the lease runs out
    assert claim_run(bench) is None
    run = run_of(school, receipt)
    assert (run.state, run.trouble.code) == (RunState.FAILED, "run.worker_lost")
    assert depth(school).waiting == 0


def test_a_version_whose_workers_die_is_marked(school):
    bench = school.bench(max_attempts=1)
    assert claim(bench).kind is JobKind.PUBLISH
    school.clock.pass_s(16)
    assert claim(bench) is None
    assert read(school, "versions.get", school.loaded.version).state is VersionState.FAILED


def test_a_reference_is_run_once_for_all_submissions(school):
    runner = FakeRunner()
    bench = school.bench(runner=runner)
    school.work_off(bench)
    proving = runner.runs
    for login in ("ann", "bob", "tom"):
        school.submit(login, A)
    school.work_off(bench)
    assert runner.runs == proving + 3


def test_a_worker_in_another_environment_runs_the_reference_itself(school):
    school.work_off()
    school.submit("ann", A)
    runner = FakeRunner(environment="f" * 64)
    school.work_off(school.bench(runner=runner))
    assert runner.runs > 1
    assert set(read(school, "versions.list_expected", school.loaded.version)) == {"e" * 64, "f" * 64}


def test_expected_values_outlive_the_process(school):
    school.work_off()
    school.submit("ann", A)
    runner = FakeRunner()
    school.work_off(school.bench(runner=runner))  # nothing in memory yet
    assert runner.runs == 1


@pytest.fixture
def broken(school):
    """A version whose spec does not hold: an empty notebook earns points."""
    loaded = TinyLoaded(version=VersionHash("b" * 64), first=NameLogic(name="x", verdict=Verdict.PASSED))
    school.loaded = loaded
    publish(loaded, files={"assignment.yaml": b"broken"}, stores=school.stores)
    with school.stores.storage.writing() as tx:
        course = tx.courses.find_by_slug("demo")
        offering = tx.offerings.find(course.course_id, slug="tiny")
        tx.offerings.set_version(offering.offering_id, loaded.version, revision=1)
    return school


def test_uploads_to_a_version_that_does_not_hold_wait_without_a_score(broken):
    receipt = broken.submit("ann", A)
    broken.work_off()
    version = read(broken, "versions.get", broken.loaded.version)
    assert version.state is VersionState.FAILED
    assert {finding.code for finding in version.findings} == {"publish.empty_earns"}
    run = run_of(broken, receipt)
    assert (run.state, run.totals, run.trouble.code) == (RunState.QUEUED, None, "run.version_failed")
    assert depth(broken).waiting == 0


def test_a_version_that_failed_is_not_tried_with_every_upload(broken):
    broken.work_off()
    runner = FakeRunner()
    broken.submit("ann", A)
    broken.work_off(broken.bench(runner=runner))
    assert runner.runs == 0


def test_what_waited_for_a_version_is_graded_once_it_is_proved(broken):
    receipt = broken.submit("ann", A)
    broken.work_off()
    broken.loaded = replace(broken.loaded, first=NameLogic(name="x"))
    publish(broken.loaded, files={"assignment.yaml": b"broken"}, stores=broken.stores)
    broken.work_off()
    assert read(broken, "versions.get", broken.loaded.version).state is VersionState.PROVED
    assert run_of(broken, receipt).state is RunState.FINISHED


def test_older_bytes_repeat_the_stored_result_without_a_kernel(school):
    runner = FakeRunner()
    bench = school.bench(runner=runner)
    first, _ = school.submit("ann", A), school.submit("ann", B)
    school.work_off(bench)
    runs = runner.runs
    again = school.submit("ann", A)
    assert again.submission.number == 3
    school.work_off(bench)
    assert runner.runs == runs
    run = run_of(school, again)
    assert (run.state, run.reused_from) == (RunState.FINISHED, first.run.run_id)
    assert read(school, "runs.load_result", run.run_id) == read(school, "runs.load_result", first.run.run_id)
    assert read(school, "submissions.list_written", again.submission.submission_id)
    school.submit("ann", B)
    third = school.submit("ann", A)
    school.work_off(bench)
    assert run_of(school, third).reused_from == first.run.run_id


@pytest.mark.parametrize("case", ["another student", "another environment", "a regrade"])
def test_a_result_is_repeated_for_nothing_else(school, case):
    bench = school.bench()
    first, _ = school.submit("ann", A), school.submit("ann", B)
    school.work_off(bench)
    if case == "another environment":
        bench.runner.environment = "f" * 64
    runs = bench.runner.runs
    if case == "a regrade":
        regrade(first.submission.submission_id, stores=school.stores)
    else:
        school.submit("bob" if case == "another student" else "ann", A)
    school.work_off(bench)
    assert bench.runner.runs > runs


@pytest.mark.parametrize("verdict", [Verdict.NEEDS_GPU, Verdict.NEEDS_PACKAGE])
def test_a_result_that_waits_through_our_failure_is_not_repeated(school, verdict):
    bench = school.bench()
    first = school.submit("ann", A)
    school.work_off(bench)
    with school.stores.storage.writing() as tx:
        tx.connection.execute(
            sa.text("UPDATE check_results SET verdict = :verdict WHERE run_id = :run AND place = 0"),
            {"verdict": verdict.value, "run": first.run.run_id},
        )
    again = school.submit("ann", A)
    assert again.submission.number == 2
    school.work_off(bench)
    assert run_of(school, again).reused_from is None


def test_a_regrade_overwrites_nothing_and_counts_once_it_is_there(school):
    bench = school.bench()
    receipt = school.submit("ann", A)
    school.work_off(bench)
    first = run_of(school, receipt)
    second = regrade(receipt.submission.submission_id, stores=school.stores)
    assert (second.cause, second.state) == (RunCause.REGRADED, RunState.QUEUED)
    counting = read(school, "runs.find_counting", receipt.submission.submission_id)
    assert counting.run_id == first.run_id
    school.work_off(bench)
    assert run_of(school, receipt) == first
    counting = read(school, "runs.find_counting", receipt.submission.submission_id)
    assert (counting.run_id, counting.state) == (second.run_id, RunState.FINISHED)
    runs = read(school, "runs.list_of", receipt.submission.submission_id)
    assert [run.run_id for run in runs] == [first.run_id, second.run_id]


def test_an_older_run_that_is_done_late_does_not_count(school):
    receipt = school.submit("ann", A)
    bench = school.bench(max_attempts=1)
    put_back(claim_run(bench), error=SandboxFailed(), bench=bench)
    newer = regrade(receipt.submission.submission_id, stores=school.stores)
    school.work_off()
    retry_failed(stores=school.stores)
    school.work_off()
    assert run_of(school, receipt).state is RunState.FINISHED
    assert read(school, "runs.find_counting", receipt.submission.submission_id).run_id == newer.run_id


def test_the_best_submission_counts(school):
    bench = school.bench()

    def counting(receipt):
        with school.stores.storage.reading() as tx:
            submission = receipt.submission
            found = tx.submissions.find_counting(submission.offering_id, person_id=submission.person_id)
            return tx.submissions.get(found).number

    for data, number in ((B, 1), (A, 2), (C, 2), (notebook_bytes(y=4, x=3), 2)):
        receipt = school.submit("ann", data)
        school.work_off(bench)
        assert counting(receipt) == number


def test_of_equal_submissions_the_newer_one_counts(school):
    bench = school.bench()
    receipt = school.submit("ann", B)
    school.submit("ann", C)
    school.work_off(bench)
    submission = receipt.submission
    with school.stores.storage.reading() as tx:
        found = tx.submissions.find_counting(submission.offering_id, person_id=submission.person_id)
        assert tx.submissions.get(found).number == 2


def test_phases_are_written_only_for_runs_that_take_a_while(school):
    phases = []
    receipt = school.submit("ann", A)
    bench = school.bench()
    held = claim_run(bench)

    def watch(**facts):
        on_phase = facts["on_phase"]
        for seconds in (0.1, 0.6, 0.1):
            school.clock.pass_s(seconds)
            on_phase(f"after {seconds}")
            phases.append(run_of(school, receipt).phase)

    real = bench.runner.run

    def run(notebook, **facts):
        watch(**facts)
        return real(notebook, **facts)

    bench.runner.run = run
    work(held, bench=bench)
    assert phases == ["executing", "after 0.6", "after 0.6"]


def test_nothing_is_claimed_where_nothing_is_due(school):
    bench = school.bench()
    school.work_off(bench)
    assert claim(bench) is None


def test_a_job_for_a_finished_run_is_dropped(school):
    receipt = school.submit("ann", A)
    bench = school.bench()
    school.work_off(bench)
    with school.stores.storage.writing() as tx:
        school.stores.queue.enqueue(tx, kind=JobKind.REGRADE, subject=receipt.run.run_id)
    assert claim(bench) is None
    assert depth(school).waiting == 0
