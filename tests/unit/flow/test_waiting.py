"""Who waits for a result learns how far it is, and nobody else does."""

from datetime import timedelta

import pytest
from doubles import FakeRunner
from school import notebook_bytes

from grader.domain.jobs import JobKind, SandboxState, WorkerHealth
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.errors import NotFound
from grader.flow.grade import claim_next
from grader.flow.waiting import HELD_BACK, list_waiting, read_waiting


@pytest.fixture
def hand_in(school):
    """Submissions of both students, after the version was proved and with a worker that is ready."""
    school.work_off()
    report(school)

    def hand_in(login="ann"):
        return school.submit(login, notebook_bytes(x=3, y=4)).submission.submission_id

    return hand_in


def report(school):
    health = WorkerHealth(worker="w", seen_at=school.clock.now(), sandbox=SandboxState.READY)
    with school.stores.storage.writing() as tx:
        tx.workers.report(health)


def waiting(school, submission_id, login="ann"):
    return read_waiting(submission_id, caller=school.caller(login), stores=school.stores)


def test_what_is_over_at_once_tells_no_place_and_no_phase(school, hand_in):
    submission_id = hand_in()
    seen = waiting(school, submission_id)

    assert (seen.state, seen.note.code, seen.place, seen.phase) == (RunState.QUEUED, "state.queued", None, None)
    assert not seen.is_over


def test_the_place_in_the_queue_is_told_after_three_seconds(school, hand_in):
    first, second = hand_in("ann"), hand_in("bob")
    school.clock.pass_s(3)

    assert waiting(school, first).place == 1
    assert waiting(school, second, "bob").place == 2


@pytest.mark.parametrize(("after_s", "phase"), [(2, None), (3, "executing")])
def test_the_phase_is_told_after_three_seconds(school, hand_in, after_s, phase):
    submission_id = hand_in()
    bench = school.bench(runner=FakeRunner())
    assert claim_next(worker="w", kinds=tuple(JobKind), bench=bench)
    with school.stores.storage.writing() as tx:
        tx.runs.set_phase(tx.runs.get_newest(submission_id).run_id, "executing")
    school.clock.pass_s(after_s)

    seen = waiting(school, submission_id)

    assert (seen.state, seen.phase, seen.place) == (RunState.RUNNING, phase, None)


def test_an_upload_that_is_held_back_tells_until_when_instead_of_a_place(school, hand_in):
    submission_id = hand_in()
    until = school.clock.now() + timedelta(minutes=10)
    with school.stores.storage.writing() as tx:
        trouble = Note(code=HELD_BACK, facts={"until": until.isoformat(), "count": 20})
        tx.runs.wait(tx.runs.get_newest(submission_id).run_id, attempts=0, trouble=trouble)
    school.clock.pass_s(60)

    seen = waiting(school, submission_id)

    assert (seen.held_until, seen.time_zone, seen.place) == (until, "Asia/Tokyo", None)


def test_it_is_over_once_there_is_a_result(school, hand_in):
    submission_id = hand_in()
    school.work_off()

    assert waiting(school, submission_id).is_over


def test_several_are_read_together(school, hand_in):
    ids = {hand_in("ann"), hand_in("bob")}

    assert set(list_waiting(ids, stores=school.stores)) == ids


def test_others_may_not_look(school, hand_in):
    submission_id = hand_in("ann")

    assert waiting(school, submission_id, "tom").submission_id == submission_id
    with pytest.raises(NotFound):
        waiting(school, submission_id, "bob")
