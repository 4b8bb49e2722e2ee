"""Uploads: refused without a trace, or kept whole with a run and a job."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from doubles import NOON
from school import TinyLoaded, notebook_bytes, read_tiny

from grader.domain.ids import VersionHash
from grader.domain.jobs import JobKind
from grader.domain.notebook import IdentityHint
from grader.domain.people import CountingPolicy, Role
from grader.domain.publishing import Dates, Rules
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.errors import NotebookRefused, NotFound, NotOpen, StorageFull
from grader.flow import people
from grader.flow.pauses import UploadLimit
from grader.flow.schedule import set_schedule
from grader.flow.submit import Intake, Upload, submit

A, B, C = (notebook_bytes(x=number) for number in (1, 2, 3))


def rows(school, table):
    with school.stores.storage.reading() as tx:
        return tx.connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608 - our own word


def files(school):
    return sorted(path for path in school.stores.blobs._folder.rglob("*") if path.is_file())


def queued(school):
    with school.stores.storage.writing() as tx:
        subjects = []
        while claim := school.stores.queue.claim(tx, worker="w", kinds=[JobKind.GRADE]):
            subjects.append(claim.subject)
    return subjects


def test_an_upload_is_kept_with_its_run_and_its_job(school):
    receipt = school.submit("ann", A)
    submission, run = receipt.submission, receipt.run
    assert receipt.created
    assert (submission.number, submission.size_bytes, submission.file_name) == (1, len(A), "hw.ipynb")
    assert school.stores.blobs.get(submission.notebook) == A
    assert (run.state, run.version, run.submission_id) == (
        RunState.QUEUED,
        school.loaded.version,
        submission.submission_id,
    )
    with school.stores.storage.reading() as tx:
        assert tx.submissions.get(submission.submission_id) == submission
        assert tx.runs.get(run.run_id) == run
        assert (
            tx.submissions.find_counting(submission.offering_id, person_id=submission.person_id)
            == submission.submission_id
        )
    assert queued(school) == [run.run_id]


def test_what_is_refused_leaves_no_trace(school):
    before = files(school)
    with pytest.raises(NotebookRefused):
        school.submit("ann", b"not a notebook")
    assert files(school) == before
    assert rows(school, "submissions") == rows(school, "runs") == 0
    assert queued(school) == []


def test_a_full_disk_refuses_before_anything_is_written(school):
    before = files(school)
    school.free_share = 0.049
    with pytest.raises(StorageFull) as caught:
        school.submit()
    assert caught.value.facts == {"minimum_percent": 5}
    assert files(school) == before
    assert rows(school, "submissions") == 0
    school.free_share = 0.05
    assert school.submit().created


def test_a_failure_in_the_transaction_leaves_no_half_state(school, monkeypatch):
    def fail(*args, **facts):
        raise ZeroDivisionError

    monkeypatch.setattr(school.stores.queue, "enqueue", fail)
    with pytest.raises(ZeroDivisionError):
        school.submit()
    assert rows(school, "submissions") == rows(school, "runs") == rows(school, "counting_submissions") == 0


def test_the_same_bytes_as_the_newest_submission_are_that_submission(school):
    first = school.submit("ann", A)
    again = school.submit("ann", A, seconds=60, file_name="other.ipynb")
    assert not again.created
    assert (again.submission, again.run) == (first.submission, first.run)
    assert len(queued(school)) == 1


def test_older_bytes_are_a_new_submission(school):
    numbers = [school.submit("ann", data).submission.number for data in (A, B, A)]
    assert numbers == [1, 2, 3]
    assert rows(school, "submissions") == 3


def test_another_students_bytes_are_a_submission_of_their_own(school):
    first, second = school.submit("ann", A), school.submit("bob", A)
    assert second.created
    assert second.submission.number == 1
    assert second.submission.notebook == first.submission.notebook
    assert second.run.run_id != first.run.run_id


def test_the_same_bytes_for_another_version_are_a_new_submission(school):
    school.submit("ann", A)
    offering = school.submit("bob", A).submission.offering_id
    newer = TinyLoaded(version=VersionHash("b" * 64))
    school.loaded = newer
    from grader.flow.publish import publish

    publish(newer, files={"assignment.yaml": b"newer"}, stores=school.stores)
    with school.stores.storage.writing() as tx:
        tx.offerings.set_version(offering, newer.version, revision=1)
    again = school.submit("ann", A)
    assert (again.created, again.run.version) == (True, newer.version)


def test_the_same_bytes_are_taken_anew_where_grading_failed_through_us(school):
    first = school.submit("ann", A)
    with school.stores.storage.writing() as tx:
        tx.runs.fail(first.run.run_id, trouble=Note(code="run.worker_lost"), at=NOON)
    assert school.submit("ann", A).submission.number == 2


@pytest.mark.parametrize(
    ("dates", "seconds", "is_late"),
    [
        pytest.param({}, 0, False, id="no dates"),
        pytest.param({"due_at": NOON + timedelta(seconds=10)}, 10, False, id="at the last moment"),
        pytest.param({"due_at": NOON + timedelta(seconds=10)}, 10.000001, True, id="just after"),
    ],
)
def test_late_is_told_by_the_moment_the_request_arrived(school_with_dates, dates, seconds, is_late):
    school = school_with_dates(**dates)
    school.clock.pass_s(3600)  # the upload took an hour; it arrived before
    assert school.submit("ann", A, seconds=seconds - 3600).submission.is_late is is_late


def test_a_student_hands_in_once_it_has_opened(school_with_dates):
    school = school_with_dates(opens_at=NOON + timedelta(seconds=10))
    with pytest.raises(NotOpen):
        school.submit("ann", A, seconds=9)
    assert school.submit("tom", A, seconds=9).created
    assert school.submit("ann", A, seconds=10).created


def test_what_arrives_after_closing_is_kept_and_graded_but_never_counts(school_with_dates):
    school = school_with_dates(closes_at=NOON + timedelta(seconds=10))
    in_time, too_late = (school.submit("ann", data, seconds=seconds).submission for data, seconds in ((A, 9), (C, 10)))
    alone = school.submit("bob", C, seconds=10).submission

    assert [each.is_too_late for each in (in_time, too_late, alone)] == [False, True, True]
    assert school.work_off() == 4  # the reference, and three submissions
    with school.stores.storage.reading() as tx:
        counting = [tx.submissions.find_counting(e.offering_id, person_id=e.person_id) for e in (in_time, alone)]
        assert tx.runs.get_newest(too_late.submission_id).totals.score == 10
    assert counting == [in_time.submission_id, None]


def test_after_many_uploads_in_a_short_time_grading_waits_and_nothing_is_refused(school):
    school.work_off()  # proving a version makes all that wait for it due
    intake = replace(school.intake, limit=UploadLimit(uploads=2, window_s=60))

    def hand_in(number, *, login="ann"):
        upload = Upload(
            data=notebook_bytes(x=number),
            file_name="x.ipynb",
            course="demo",
            assignment="tiny",
            received_at=school.clock.now(),
        )
        return submit(upload, caller=school.caller(login), intake=intake)

    def states():
        with school.stores.storage.reading() as tx:
            return [tx.runs.get(receipt.run.run_id).state for receipt in receipts]

    receipts = []
    for number in range(3):
        receipts.append(hand_in(number))
        school.clock.pass_s(10)
    for number in range(4):
        hand_in(number, login="tom")

    assert receipts[2].view.state.code == "state.held_back"
    school.work_off()
    assert states() == [RunState.FINISHED, RunState.FINISHED, RunState.QUEUED]
    school.clock.pass_s(30)  # a minute after the first
    assert school.work_off() == 1
    assert states()[2] is RunState.FINISHED


@pytest.mark.parametrize(
    ("own", "waits"),
    [
        pytest.param(1, [False, True, True], id="fewer than the service"),
        pytest.param(3, [False, False, False], id="more than the service"),
        pytest.param(None, [False, False, True], id="none of its own"),
    ],
)
def test_an_assignment_may_have_a_limit_of_its_own(school, own, waits):
    intake = replace(school.intake, limit=UploadLimit(uploads=2, window_s=60))
    ida, stores = school.caller("ida"), school.stores
    set_schedule("demo", "tiny", dates=Dates(), rules=Rules(uploads=own), caller=ida, stores=stores)

    for number, is_held_back in enumerate(waits):
        data = notebook_bytes(x=number)
        at = school.clock.now()
        upload = Upload(data=data, file_name="x.ipynb", course="demo", assignment="tiny", received_at=at)
        receipt = submit(upload, caller=school.caller("ann"), intake=intake)
        assert (receipt.view.state.code == "state.held_back") == is_held_back
        school.clock.pass_s(1)


def hand_in(school, data, *, most_bytes, login="ann"):
    upload = Upload(data=data, file_name="x.ipynb", course="demo", assignment="tiny", received_at=school.clock.now())
    return submit(upload, caller=school.caller(login), intake=replace(school.intake, most_bytes=most_bytes))


def test_what_finds_no_room_is_refused_without_a_trace_and_the_same_bytes_take_none(school):
    most_bytes = len(A) + len(B)
    numbers = [hand_in(school, data, most_bytes=most_bytes).submission.number for data in (A, B, A, B)]
    before = files(school)

    with pytest.raises(NotebookRefused) as refused:
        hand_in(school, C, most_bytes=most_bytes)

    assert (refused.value.reason, dict(refused.value.facts)) == ("too_much_kept", {"size_mb": 1, "limit_mb": 0})
    assert (numbers, files(school), rows(school, "submissions")) == ([1, 2, 3, 4], before, 4)
    assert hand_in(school, C, most_bytes=most_bytes, login="bob").created


def test_what_a_run_leaves_takes_room_too(school):
    most_bytes = len(A) + len(B)
    hand_in(school, A, most_bytes=most_bytes)
    school.work_off()
    with pytest.raises(NotebookRefused, match="too_much_kept"):
        hand_in(school, B, most_bytes=most_bytes)


@pytest.mark.parametrize(
    ("course", "assignment", "login"),
    [
        pytest.param("demo", "other", "ann", id="no such assignment"),
        pytest.param("other", "tiny", "ann", id="no such course"),
        pytest.param("demo", "tiny", "zoe", id="not a member"),
    ],
)
def test_nothing_is_taken_for_what_one_cannot_see(school, course, assignment, login):
    if login == "zoe":
        people.create_person("zoe", name="Zoe", stores=school.stores)
    upload = Upload(data=A, file_name="x.ipynb", course=course, assignment=assignment, received_at=school.clock.now())
    with pytest.raises(NotFound):
        submit(upload, caller=school.caller(login), intake=school.intake)


def test_the_last_one_counts_at_once_where_the_last_counts(school):
    people.add_course("last", title="Last", stores=school.stores, counting=CountingPolicy.LAST)
    people.add_member(people.NewMember(login="ann", name="", role=Role.STUDENT), course="last", stores=school.stores)
    from grader.flow.publish import offer

    offer("tiny", course="last", stores=school.stores)

    def hand_in(data, course):
        upload = Upload(
            data=data, file_name="x.ipynb", course=course, assignment="tiny", received_at=school.clock.now()
        )
        return submit(upload, caller=school.caller("ann"), intake=school.intake).submission

    for course, expected in (("last", 1), ("demo", 0)):
        handed_in = [hand_in(data, course) for data in (A, B)]
        with school.stores.storage.reading() as tx:
            counting = tx.submissions.find_counting(handed_in[0].offering_id, person_id=handed_in[0].person_id)
        assert counting == handed_in[expected].submission_id


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        pytest.param("x" * 300, "x" * 200, id="long"),
        pytest.param("課題8 (2).ipynb", "課題8 (2).ipynb", id="Japanese"),
        pytest.param("a\ud800\0b", "ab", id="unstorable"),
        pytest.param("../../etc/passwd", "passwd", id="a way out"),
        pytest.param("C:\\Users\\山田\\hw8.ipynb", "hw8.ipynb", id="a path of Windows"),
        pytest.param("\x1b]0;x\x07\u202ehw8\r\n.ipynb", "]0;xhw8.ipynb", id="what steers a terminal or a line"),
        pytest.param("", "", id="empty"),
    ],
)
def test_any_file_name_can_be_kept(school, name, kept):
    submission = school.submit("ann", A, file_name=name).submission
    with school.stores.storage.reading() as tx:
        assert tx.submissions.get(submission.submission_id).file_name == kept


def test_the_roll_call_cell_is_kept_as_a_hint(school):
    hint = IdentityHint(name="山田\ud800", student_number="s123")
    intake = Intake(
        stores=school.stores,
        read_notebook=lambda data: replace(read_tiny(data), identity=hint),
        free_share=lambda: 1.0,
    )
    upload = Upload(data=A, file_name="x", course="demo", assignment="tiny", received_at=school.clock.now())
    submission = submit(upload, caller=school.caller("ann"), intake=intake).submission
    with school.stores.storage.reading() as tx:
        assert tx.submissions.get(submission.submission_id).identity == IdentityHint(
            name="山田\ufffd", student_number="s123"
        )
