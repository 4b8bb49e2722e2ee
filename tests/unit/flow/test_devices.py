"""Work finds the device it needs: what waits for a GPU, who takes it, and what students read meanwhile."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from doubles import FakeRunner
from school import NameLogic, School, TinyLoaded, notebook_bytes

from grader.domain.device import WITH_GPU, Device
from grader.domain.jobs import JobKind, SandboxState, WorkerHealth
from grader.domain.result import Verdict
from grader.domain.submission import RunCause, RunState
from grader.domain.text import Language
from grader.flow import progress
from grader.flow.publish import publish
from grader.flow.regrade import regrade, retry_failed
from grader.web.api.submissions import get_submission
from grader.web.services import Services

CPU, GPU = "e" * 64, "f" * 64


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    """Folder of a school that offers nothing yet."""
    folder = tmp_path_factory.mktemp("enrolled")
    School.open(folder).stores.storage.close()
    return folder


@pytest.fixture
def school_for(tmp_path, enrolled):
    """Opens a school whose one assignment is meant for a device."""
    opened = []

    def open_school(device):
        school = School.open(tmp_path, template=enrolled)
        school.loaded = TinyLoaded(device=device)
        school.offer()
        opened.append(school)
        return school

    yield open_school
    for school in opened:
        school.stores.storage.close()


@contextmanager
def needing_a_gpu(school):
    """The answer to question 1 stops for want of a GPU; the reference did not."""
    usual = school.loaded
    school.loaded = replace(usual, first=NameLogic(name="x", verdict=Verdict.NEEDS_GPU))
    yield
    school.loaded = usual


def on_cpu(school):
    return school.work_off(school.bench(runner=FakeRunner(environment=CPU)))


def on_gpu(school):
    return school.work_off(replace(school.bench(runner=FakeRunner(environment=GPU)), devices=WITH_GPU))


def report(school, worker, *, gpu=None, sandbox=SandboxState.READY):
    health = WorkerHealth(worker=worker, seen_at=school.clock.now(), sandbox=sandbox, gpu=gpu)
    with school.stores.storage.writing() as tx:
        tx.workers.report(health)


def runs_of(school, receipt):
    with school.stores.storage.reading() as tx:
        return tx.runs.list_of(receipt.submission.submission_id)


def told(school, receipt, language=Language.EN):
    services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )
    return get_submission(receipt.submission.submission_id, services, school.caller("ann"), language).message


def test_work_for_a_gpu_is_proved_and_graded_only_where_one_is(school_for):
    school = school_for(Device.CUDA)
    receipt = school.submit()
    assert on_cpu(school) == 0
    assert on_gpu(school) == 2  # the proof and the run
    (run,) = runs_of(school, receipt)
    assert (run.state, run.environment) == (RunState.FINISHED, GPU)


def test_a_regrade_waits_for_a_gpu_too(school_for):
    school = school_for(Device.CUDA)
    receipt = school.submit()
    on_gpu(school)
    regrade(receipt.submission.submission_id, stores=school.stores)
    assert on_cpu(school) == 0
    assert on_gpu(school) == 1


def test_a_run_that_was_given_up_comes_back_for_a_gpu(school_for):
    school = school_for(Device.CUDA)
    receipt = school.submit()
    on_gpu(school)
    again = regrade(receipt.submission.submission_id, stores=school.stores)
    with school.stores.storage.writing() as tx:
        claim = school.stores.queue.claim(tx, worker="w", kinds=[JobKind.REGRADE], devices=WITH_GPU)
        school.stores.queue.finish(tx, claim)
        tx.runs.fail(again.run_id, trouble=progress.Note(code="run.unexpected"), at=school.clock.now())
    assert retry_failed(stores=school.stores) == 1
    assert (on_cpu(school), on_gpu(school)) == (0, 1)


def test_what_runs_anywhere_is_taken_by_whoever_comes_first(school_for):
    school = school_for(Device.ANY)
    first = school.submit("ann")
    on_cpu(school)
    second = school.submit("bob")
    on_gpu(school)
    assert [runs_of(school, receipt)[0].environment for receipt in (first, second)] == [CPU, GPU]


def test_what_is_meant_for_the_cpu_never_takes_a_gpu(school_for):
    school = school_for(Device.CPU)
    school.submit()
    assert on_gpu(school) == 0
    assert on_cpu(school) == 2


def test_the_device_of_a_version_of_an_earlier_release_is_written_down(school_for):
    school = school_for(Device.CPU)
    school.loaded = replace(school.loaded, device=Device.CUDA)
    publish(school.loaded, files={"assignment.yaml": b"tiny"}, stores=school.stores)
    with school.stores.storage.reading() as tx:
        assert tx.versions.get(school.loaded.version).device is Device.CUDA


def test_answers_that_need_a_gpu_get_a_second_run_where_there_is_one(school_for):
    school = school_for(Device.ANY)
    on_cpu(school)
    report(school, "with gpu", gpu="L4")
    receipt = school.submit()
    with needing_a_gpu(school):
        on_cpu(school)
    first, second = runs_of(school, receipt)
    assert (first.state, first.totals.pending) == (RunState.FINISHED, 15)
    assert (second.state, second.cause) == (RunState.QUEUED, RunCause.REGRADED)
    assert (on_cpu(school), on_gpu(school)) == (0, 1)
    assert [run.environment for run in runs_of(school, receipt)] == [CPU, GPU]


@pytest.mark.parametrize(
    ("device", "gpu"),
    [
        pytest.param(Device.ANY, None, id="no worker has one"),
        pytest.param(Device.CPU, "L4", id="the assignment is meant for the CPU"),
    ],
)
def test_there_is_no_second_run_without_a_reason(school_for, device, gpu):
    school = school_for(device)
    on_cpu(school)
    report(school, "w", gpu=gpu)
    receipt = school.submit()
    with needing_a_gpu(school):
        on_cpu(school)
    assert runs_of(school, receipt)[0].totals.pending == 15
    assert len(runs_of(school, receipt)) == 1


def test_a_run_on_a_gpu_is_not_repeated_on_one(school_for):
    school = school_for(Device.ANY)
    on_gpu(school)
    report(school, "w", gpu="L4")
    receipt = school.submit()
    with needing_a_gpu(school):
        on_gpu(school)
    assert runs_of(school, receipt)[0].totals.pending == 15
    assert len(runs_of(school, receipt)) == 1


@pytest.mark.parametrize(
    ("language", "words"),
    [pytest.param(Language.EN, "needs a GPU", id="en"), pytest.param(Language.JA, "GPU", id="ja")],
)
def test_a_student_reads_that_the_work_waits_for_a_gpu(school_for, language, words):
    school = school_for(Device.CUDA)
    receipt = school.submit("ann", notebook_bytes(x=3, y=4))
    report(school, "cpu")
    report(school, "gpu", gpu="L4", sandbox=SandboxState.UNAVAILABLE)
    assert words in told(school, receipt, language)
    report(school, "gpu", gpu="L4")
    assert words not in told(school, receipt, language)


def test_where_nothing_is_graded_at_all_a_student_reads_that(school_for):
    school = school_for(Device.CUDA)
    assert "paused" in told(school, school.submit())


def test_who_runs_the_service_reads_that_work_waits_for_a_gpu(school_for):
    school = school_for(Device.CUDA)
    report(school, "cpu")
    readiness = progress.read_readiness(stores=school.stores)
    assert readiness.can_grade
    assert [(note.code, note.facts) for note in readiness.reasons] == [("ready.waits_for_gpu", {"count": 1})]
    report(school, "gpu", gpu="L4")
    assert progress.read_readiness(stores=school.stores).reasons == ()
