"""Runs in the database: numbered, finished once, and found again without a walk through everybody's."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from doubles import NOON
from school import VERSION, notebook_bytes

from grader.domain.ids import EnvironmentHash, RunId, VersionHash
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.errors import Conflict, NotFound

TROUBLE = Note(code="error.sandbox_failed")


@pytest.fixture
def graded(school):
    """A finished run and a second one, of the same bytes handed in again, that waits."""
    first = school.submit(data=notebook_bytes(x=3, y=4))
    school.submit(data=notebook_bytes(x=1, y=1))
    school.work_off()
    second = school.submit(data=notebook_bytes(x=3, y=4))
    return first.run.run_id, second.run.run_id


def change(tx, run_id, *, how, by):
    if how == "start":
        tx.runs.start(run_id, attempts=2, at=NOON)
    elif how == "wait":
        tx.runs.wait(run_id, attempts=2, trouble=TROUBLE)
    elif how == "fail":
        tx.runs.fail(run_id, trouble=TROUBLE, at=NOON)
    else:
        tx.runs.finish(run_id, tx.runs.load_graded(by), at=NOON)


@pytest.mark.parametrize("how", ["start", "wait", "fail", "finish"])
def test_a_finished_run_is_changed_by_nothing(school, graded, how):
    finished, _ = graded
    with school.stores.storage.writing() as tx:
        before = tx.runs.get(finished), tx.runs.load_graded(finished)
        with pytest.raises(Conflict):
            change(tx, finished, how=how, by=finished)
        assert (tx.runs.get(finished), tx.runs.load_graded(finished)) == before


@pytest.mark.parametrize("how", ["start", "wait", "fail", "finish"])
def test_a_run_that_does_not_exist_cannot_be_changed(school, graded, how):
    with school.stores.storage.writing() as tx, pytest.raises(NotFound):
        change(tx, RunId("nobody's"), how=how, by=graded[0])


def test_a_phase_is_told_only_of_what_runs(school, graded):
    _, waiting = graded
    with school.stores.storage.writing() as tx:
        tx.runs.set_phase(waiting, "comparing")
        assert tx.runs.get(waiting).phase is None
        tx.runs.start(waiting, attempts=1, at=NOON)
        tx.runs.set_phase(waiting, "comparing")
        assert tx.runs.get(waiting).phase == "comparing"


def test_runs_of_one_moment_keep_the_order_they_were_added_in(school, graded):
    _, first = graded
    with school.stores.storage.writing() as tx:
        run = tx.runs.get(first)
        added = [RunId(name) for name in ("z", "a", "m")]
        for run_id in added:
            tx.runs.add(replace(run, run_id=run_id))
        assert [each.run_id for each in tx.runs.list_of(run.submission_id)] == [first, *added]
        assert tx.runs.get_newest(run.submission_id).run_id == added[-1]


def test_the_pointer_to_what_counts_is_moved(school, graded):
    finished, waiting = graded
    with school.stores.storage.writing() as tx:
        submission = tx.runs.get(waiting).submission_id
        assert tx.runs.find_counting(submission) is None
        for run_id in (waiting, finished, waiting):
            tx.runs.set_counting(submission, run_id)
            assert tx.runs.find_counting(submission).run_id == run_id


def test_what_is_read_of_many_runs_is_what_is_read_of_one(school, graded):
    _, waiting = graded
    with school.stores.storage.writing() as tx:
        submissions = [tx.runs.get(run_id).submission_id for run_id in graded]
        tx.runs.set_counting(submissions[1], waiting)
        assert tx.runs.list_counting(submissions) == {
            submission: tx.runs.get(run_id) for submission, run_id in zip(submissions, graded, strict=True)
        }
        assert tx.runs.list_counting([]) == {}


def find_twin(school, run_id, *, environment):
    with school.stores.storage.reading() as tx:
        twin = tx.runs.find_twin(run_id, environment=environment)
    return None if twin is None else twin.run_id


def environment_of(school, run_id):
    with school.stores.storage.reading() as tx:
        return tx.runs.get(run_id).environment


def test_a_twin_is_of_the_same_bytes_and_environment(school, graded):
    finished, waiting = graded
    environment = environment_of(school, finished)
    assert find_twin(school, waiting, environment=environment) == finished
    assert find_twin(school, waiting, environment=EnvironmentHash("another")) is None
    other = school.submit(data=notebook_bytes(x=2, y=2)).run.run_id
    assert find_twin(school, other, environment=environment) is None


def test_a_twin_is_never_another_persons(school, graded):
    environment = environment_of(school, graded[0])
    same_bytes = school.submit("bob", notebook_bytes(x=3, y=4)).run.run_id
    assert find_twin(school, same_bytes, environment=environment) is None


@pytest.mark.parametrize(
    ("version", "is_twin"),
    [
        pytest.param(VERSION, True, id="the same version, offered under another name"),
        pytest.param(VersionHash("b" * 64), False, id="the same bytes, handed in for something else"),
    ],
)
def test_a_twin_may_be_of_another_offering_of_the_version(school, graded, version, is_twin):
    finished, waiting = graded
    with school.stores.storage.writing() as tx:
        run = tx.runs.get(waiting)
        submission = tx.submissions.get(run.submission_id)
        there = tx.offerings.get(submission.offering_id)
        if version != VERSION:
            tx.versions.add(replace(tx.versions.get(VERSION), version=version))
            revision = tx.versions.get_revision(VERSION)
            tx.versions.add_revision(
                version,
                title=revision.title,
                points=revision.points,
                rubrics=revision.rubrics,
                files=revision.files,
                at=NOON,
            )
        tx.offerings.add(replace(there, offering_id="o2", slug="again", version=version))
        tx.submissions.add(replace(submission, submission_id="s2", offering_id="o2"))
        tx.runs.add(replace(run, run_id="r2", submission_id="s2", version=version))
    found = find_twin(school, RunId("r2"), environment=environment_of(school, finished))
    assert (found == finished) is is_twin


def plan_of(tx, action):
    """How SQLite carries out the statements that an action runs."""
    ran = []

    def keep(connection, cursor, statement, parameters, context, many):
        ran.append((statement, parameters))

    sa.event.listen(tx.connection, "before_cursor_execute", keep)
    action()
    sa.event.remove(tx.connection, "before_cursor_execute", keep)
    explained = (tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values) for text, values in ran)
    return [step.detail for steps in explained for step in steps]


@pytest.mark.parametrize("what", ["their submissions", "runs of the same bytes"])
def test_the_work_for_one_person_does_not_grow_with_everybodys(school, graded, what):
    with school.stores.storage.reading() as tx:
        run = tx.runs.get(graded[1])
        submission = tx.submissions.get(run.submission_id)
        steps = plan_of(
            tx,
            lambda: (
                tx.submissions.list_of(submission.offering_id, person_id=submission.person_id, limit=10)
                if what == "their submissions"
                else tx.runs.find_twin(run.run_id, environment=EnvironmentHash("e"))
            ),
        )
    assert any("(offering_id=? AND person_id=?)" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") or "version=?" in step or "(offering_id=?)" in step]


def test_states_are_kept_as_they_are_told(school, graded):
    _, run_id = graded
    with school.stores.storage.writing() as tx:
        tx.runs.start(run_id, attempts=1, at=NOON)
        assert tx.runs.get(run_id).state is RunState.RUNNING
        tx.runs.fail(run_id, trouble=TROUBLE, at=NOON)
        failed = tx.runs.get(run_id)
        assert (failed.state, failed.trouble, failed.finished_at) == (RunState.FAILED, TROUBLE, NOON)
        assert tx.runs.list_failed() == (failed,)
        tx.runs.wait(run_id, attempts=3, trouble=None)
        waiting = tx.runs.get(run_id)
        assert (waiting.state, waiting.trouble, waiting.finished_at) == (RunState.QUEUED, None, None)
        assert tx.runs.list_waiting(VERSION) == (waiting,)
