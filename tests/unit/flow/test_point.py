"""Pointing at cells starts a whole run: it is slowed down as uploads are, and stays with the version that graded."""

from dataclasses import replace

import pytest
from school import notebook_bytes

from grader.domain.ids import QuestionId, VersionHash
from grader.domain.publishing import Dates, Rules
from grader.domain.submission import RunState
from grader.errors import NotebookRefused
from grader.flow.pauses import UploadLimit
from grader.flow.point import Desk, point_at_cells, read_cells
from grader.flow.publish import publish, update_offering
from grader.flow.schedule import set_schedule
from grader.flow.submit import Upload, submit

LIMIT = UploadLimit(uploads=3, window_s=60)
NEWER = VersionHash("b" * 64)


@pytest.fixture
def desk(school):
    return Desk(
        stores=school.stores,
        assignments=school.assignments,
        read_notebook=school.intake.read_notebook,
        limit=LIMIT,
    )


@pytest.fixture
def point(school, desk):
    """Points at a cell of a submission for question 1, ten seconds later."""

    def point(submission, cell, *, login="ann", desk=desk):
        school.clock.pass_s(10)
        chosen = {QuestionId("q1"): (cell,)}
        return point_at_cells(chosen, submission_id=submission.submission_id, caller=school.caller(login), desk=desk)

    return point


def state_of(school, run):
    with school.stores.storage.reading() as tx:
        return tx.runs.get(run.run_id).state


def test_who_points_again_and_again_waits_as_who_uploads_does(school, point):
    submission = school.submit().submission
    school.work_off()
    for cell in (0, 2):
        assert school.work_off() == 0
        point(submission, cell)
        assert school.work_off() == 1

    run = point(submission, 3)

    assert school.work_off() == 0
    assert state_of(school, run) is RunState.QUEUED
    with school.stores.storage.reading() as tx:
        assert tx.runs.get(run.run_id).trouble.code == "run.held_back"
    school.clock.pass_s(30)  # a minute after the upload
    assert school.work_off() == 1
    assert state_of(school, run) is RunState.FINISHED


def test_an_assignments_own_limit_holds_for_pointing_too(school, point):
    ida, stores = school.caller("ida"), school.stores
    set_schedule("demo", "tiny", dates=Dates(), rules=Rules(uploads=1), caller=ida, stores=stores)
    submission = school.submit().submission
    school.work_off()

    run = point(submission, 0)

    with stores.storage.reading() as tx:
        assert tx.runs.get(run.run_id).trouble.facts["count"] == 1


def test_older_submissions_are_no_way_around_the_pause(school, point):
    submissions = [school.submit(data=notebook_bytes(x=x, y=4)).submission for x in range(2)]
    school.work_off()
    school.clock.pass_s(3600)
    for cell in (0, 2, 3):
        point(submissions[0], cell)
        school.work_off()

    point(submissions[1], 0)

    assert school.work_off() == 0


def test_an_upload_after_much_pointing_waits_too(school, point):
    submission = school.submit().submission
    school.work_off()
    for cell in (0, 2):
        point(submission, cell)
        school.work_off()
    upload = Upload(
        data=notebook_bytes(x=7, y=4),
        file_name="x.ipynb",
        course="demo",
        assignment="tiny",
        received_at=school.clock.now(),
    )

    receipt = submit(upload, caller=school.caller("ann"), intake=replace(school.intake, limit=LIMIT))

    assert receipt.view.state.code == "state.held_back"


def test_staff_who_point_neither_wait_nor_make_the_student_wait(school, point):
    submission = school.submit().submission
    school.work_off()
    for cell in (0, 2, 3, 0, 2):
        point(submission, cell, login="tom")
        assert school.work_off() == 1

    point(submission, 3)

    assert school.work_off() == 1


def test_pointing_grades_by_the_version_that_counts_not_by_a_newer_one(school, desk, point):
    submission = school.submit().submission
    school.work_off()
    school.clock.pass_s(60)
    newer = replace(school.loaded, version=NEWER, reference_x=9)
    school.editions[b"newer"] = newer
    publish(newer, files={"assignment.yaml": b"newer"}, stores=school.stores)
    school.work_off()
    update_offering("tiny", course="demo", stores=school.stores)

    run = point(submission, 0)

    assert run.version == school.loaded.version
    school.work_off()
    view = read_cells(submission.submission_id, caller=school.caller("ann"), desk=desk)
    assert view.submission.run.version == school.loaded.version


def test_of_very_many_choices_the_newest_are_told(school, desk, point):
    submission = school.submit().submission
    for number in range(31):
        point(submission, number % 2 * 2)
    view = read_cells(submission.submission_id, caller=school.caller("ann"), desk=desk)

    moments = [choice.chosen_at for choice, _ in view.history]
    assert (len(moments), moments == sorted(moments), moments[-1]) == (30, True, school.clock.now())
    assert view.earlier == 1


def test_who_has_no_room_left_points_at_nothing_and_staff_do_it_for_them(school, point, desk):
    submission = school.submit().submission
    school.work_off()
    crowded = replace(desk, most_bytes=submission.size_bytes)

    with pytest.raises(NotebookRefused, match="too_much_kept"):
        point(submission, 0, desk=crowded)

    assert school.work_off() == 0
    assert point(submission, 0, login="tom", desk=crowded) is not None
