"""A regrade is looked at first: nothing changes until somebody applies it, and everything comes back on undo."""

from dataclasses import replace

import pytest
from doubles import FakeRunner
from school import VERSION, NameLogic, TinyLoaded, notebook_bytes

from grader.domain.ids import QuestionId, VersionHash
from grader.domain.jobs import JobKind
from grader.domain.people import CountingPolicy, Role
from grader.domain.regrading import RegradeState
from grader.domain.submission import RunCause
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound, SandboxFailed
from grader.flow import before_after, people
from grader.flow.grade import claim_next, put_back
from grader.flow.progress import read_result, read_submission
from grader.flow.publish import offer, publish, update_offering
from grader.flow.regrade import regrade as regrade_at_once
from grader.flow.review import Judgement, override
from grader.flow.table import SortBy, TableQuery, read_table
from grader.flow.trial import (
    RegradeWish,
    apply_regrade,
    ask_regrade,
    read_desk,
    read_regrade,
    undo_regrade,
)

RIGHT, WRONG = notebook_bytes(x=3, y=4), notebook_bytes(x=9, y=4)
NEWER = VersionHash("b" * 64)


class Staff:
    """Tom's desk: ann answered 3, bob 9; the course moves on to a version that asks for 9."""

    def __init__(self, school):
        self.school = school
        self.ann = school.submit("ann", RIGHT).submission.submission_id
        self.bob = school.submit("bob", WRONG).submission.submission_id
        school.work_off()

    def move_on(self):
        self.school.clock.pass_s(60)
        newer = replace(self.school.loaded, version=NEWER, reference_x=9)
        self.school.editions[b"newer"] = newer
        publish(newer, files={"assignment.yaml": b"newer"}, stores=self.school.stores)
        self.school.work_off()
        update_offering("tiny", course="demo", stores=self.school.stores)

    def ask(self, by="tom", **wish):
        found = ask_regrade(
            "demo", "tiny", wish=RegradeWish(**wish), caller=self.school.caller(by), stores=self.school.stores
        )
        return found.regrade_id

    def view(self, regrade_id, by="tom"):
        return read_regrade(regrade_id, caller=self.school.caller(by), stores=self.school.stores)

    def apply(self, regrade_id, *, only_gains=False):
        return apply_regrade(
            regrade_id, only_gains=only_gains, caller=self.school.caller("tom"), stores=self.school.stores
        )

    def undo(self, regrade_id):
        return undo_regrade(regrade_id, caller=self.school.caller("tom"), stores=self.school.stores)

    def scores(self):
        """What the table and each submission's own page say, which is the same."""
        caller = self.school.caller("tom")
        results = [read_result(each, caller=caller, stores=self.school.stores).result for each in (self.ann, self.bob)]
        shown = self.shown()
        assert shown == tuple(result and result.score for result in results)
        return shown

    def shown(self):
        """Of ann and bob, whichever of their submissions counts."""
        query = TableQuery(sort=SortBy.LOGIN)
        table = read_table("demo", query=query, caller=self.school.caller("tom"), stores=self.school.stores)
        return tuple(row.cells[0].sums and row.cells[0].sums.score for row in table.rows)


@pytest.fixture
def staff(school):
    return Staff(school)


def test_before_and_after_are_seen_while_nothing_changes(staff):
    staff.move_on()
    regrade_id = staff.ask()
    assert staff.view(regrade_id).state is RegradeState.RUNNING
    staff.school.work_off()

    view = staff.view(regrade_id)

    assert (view.state, view.done) == (RegradeState.READY, 2)
    assert [(line.login, line.before.score, line.after.score) for line in view.changing] == [
        ("ann", 15, 5),
        ("bob", 5, 15),
    ]
    assert [len(lines) for lines in (view.gaining, view.losing)] == [1, 1]
    assert [(change.question_id, change.before, change.after) for change in view.changes[staff.ann]] == [("q1", 10, 0)]
    assert staff.scores() == (15, 5)


@pytest.mark.parametrize(
    ("second", "line", "left"),
    [
        pytest.param({"x": 9, "y": 4}, (1, 2, 15, 15), 15, id="another one wins by the new rules"),
        pytest.param({"x": 3, "y": 0}, (1, 1, 15, 5), 5, id="the old rules' points of another one do not win"),
    ],
)
def test_all_that_may_count_is_graded_by_the_same_rules(staff, second, line, left):
    staff.school.clock.pass_s(60)
    staff.school.submit("ann", notebook_bytes(**second))
    staff.school.work_off()
    staff.move_on()
    assert staff.shown() == (15, 5)
    regrade_id = staff.ask()
    staff.school.work_off()

    ann, bob = staff.view(regrade_id).people

    assert (ann.number_before, ann.number, ann.before.score, ann.after.score) == line
    assert (bob.before.score, bob.after.score) == (5, 15)
    assert [(each.number, each.after.score) for each in staff.apply(regrade_id).people] == [(line[1], left), (1, 15)]
    assert staff.shown() == (left, 15)
    staff.undo(regrade_id)
    assert staff.shown() == (15, 5)


def test_what_counts_by_being_the_last_is_all_that_has_to_be_graded_again(staff):
    staff.school.clock.pass_s(60)
    last = staff.school.submit("ann", WRONG).submission.submission_id
    staff.school.work_off()
    with staff.school.stores.storage.writing() as tx:
        course = tx.courses.find_by_slug("demo")
        tx.courses.change(replace(course, counting=CountingPolicy.LAST))

    assert {line.submission_id for line in staff.view(staff.ask()).lines} == {last, staff.bob}


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({}, id="the assignment"),
        pytest.param({"question_id": QuestionId("q1")}, id="one question of everybody"),
    ],
)
def test_what_another_version_graded_meanwhile_is_graded_once_it_is_applied(staff, wish):
    """It was handed in before the course moved on, and its grading took longer."""
    staff.move_on()
    regrade_id = staff.ask(**wish)
    staff.school.work_off()
    late = handed_in_before(staff, "ann", x=3, y=0)
    assert list(staff.view(regrade_id).left_out) == [late]

    assert staff.apply(regrade_id).left_out == ()
    staff.school.work_off()

    assert staff.shown() == (5, 15)
    with staff.school.stores.storage.reading() as tx:
        assert tx.runs.find_counting(late).version == NEWER


def test_copies_of_a_notebook_cost_one_look_and_each_has_its_result(staff):
    for data in (WRONG, RIGHT, WRONG, RIGHT):
        staff.school.clock.pass_s(60)
        staff.school.submit("ann", data)
    staff.school.work_off()
    regrade_id = staff.ask()
    staff.school.clock.pass_s(1)
    runner = FakeRunner()

    staff.school.work_off(staff.school.bench(runner=runner))

    assert [(each.login, each.number, each.after.score) for each in staff.view(regrade_id).lines] == [
        *(("ann", number, score) for number, score in enumerate((15, 5, 15, 5, 15), start=1)),
        ("bob", 1, 5),
    ]
    assert runner.runs == 3  # each of ann's two once, and bob's


@pytest.fixture
def many_of_ann(staff, monkeypatch):
    """More of hers than a regrade takes, which is two different ones and their copies."""
    monkeypatch.setattr(before_after, "_MOST_OF_A_PERSON", 2)
    for answers in ({"x": 1, "y": 4}, {"x": 3, "y": 1}, {"x": 3, "y": 0}, {"x": 3, "y": 4}):
        staff.school.clock.pass_s(60)
        staff.school.submit("ann", notebook_bytes(**answers))
    staff.school.work_off()
    return staff


def test_a_regrade_takes_of_each_person_what_has_most_points_and_tells_of_the_rest(many_of_ann):
    regrade_id = many_of_ann.ask()
    many_of_ann.school.work_off()

    view = many_of_ann.view(regrade_id)

    assert [(each.login, each.number) for each in view.lines] == [("ann", 1), ("ann", 4), ("ann", 5), ("bob", 1)]
    assert (view.passed_over, view.left_out) == ((2, 1, 2), [])


def test_what_was_passed_over_does_not_win_by_its_old_points(many_of_ann):
    many_of_ann.move_on()
    regrade_id = many_of_ann.ask()
    many_of_ann.school.work_off()
    view = many_of_ann.view(regrade_id)
    assert (len(view.left_out), view.passed_over) == (1, (2, 1, 2))  # 3 and 1 had ten points, the best has five now

    many_of_ann.apply(regrade_id)
    many_of_ann.school.work_off()

    assert many_of_ann.shown() == (5, 15)


def test_points_given_meanwhile_stand_before_and_after(staff):
    staff.move_on()
    regrade_id = staff.ask()
    staff.school.work_off()
    assert [each.login for each in staff.view(regrade_id).losing] == ["ann"]

    judgement = Judgement(submission_id=staff.ann, question_id=QuestionId("q1"), points=7, reason="They asked.")
    override(
        judgement, caller=staff.school.caller("tom"), stores=staff.school.stores, assignments=staff.school.assignments
    )

    ann, _ = staff.view(regrade_id).people
    assert (ann.before.score, ann.after.score) == (12, 12)
    assert [each.login for each in staff.view(regrade_id).changing] == ["bob"]


def handed_in_before(staff, login, **answers):
    """A submission that the version before has just graded."""
    school = staff.school
    with school.stores.storage.writing() as tx:
        offering = tx.offerings.find(tx.courses.find_by_slug("demo").course_id, slug="tiny")
        tx.offerings.set_version(offering.offering_id, VERSION, revision=1)
    submission = school.submit(login, notebook_bytes(**answers)).submission
    with school.stores.storage.writing() as tx:
        tx.offerings.set_version(offering.offering_id, offering.version, revision=offering.revision)
    school.work_off()
    return submission.submission_id


@pytest.mark.parametrize(
    ("only_gains", "after"),
    [pytest.param(False, (5, 15), id="to all"), pytest.param(True, (15, 15), id="where points rise")],
)
def test_it_is_applied_and_undone(staff, only_gains, after):
    staff.move_on()
    regrade_id = staff.ask()
    staff.school.work_off()

    applied = staff.apply(regrade_id, only_gains=only_gains)
    assert applied.state is RegradeState.APPLIED
    assert applied.applied_by.login == "tom"
    assert staff.scores() == after
    assert {line.login: line.before.score for line in applied.lines} == {"ann": 15, "bob": 5}

    assert staff.undo(regrade_id).state is RegradeState.UNDONE
    assert staff.scores() == (15, 5)


def test_it_can_be_applied_and_undone_once(staff):
    regrade_id = staff.ask()
    with pytest.raises(Conflict):
        staff.apply(regrade_id)
    staff.school.work_off()
    with pytest.raises(Conflict):
        staff.undo(regrade_id)
    staff.apply(regrade_id)
    with pytest.raises(Conflict):
        staff.apply(regrade_id)
    staff.undo(regrade_id)
    with pytest.raises(Conflict):
        staff.undo(regrade_id)


def test_what_is_of_another_version_by_now_cannot_be_applied(staff):
    regrade_id = staff.ask()
    staff.school.work_off()
    staff.move_on()
    with pytest.raises(Conflict):
        staff.apply(regrade_id)


def test_what_people_decided_stands_before_and_after(staff):
    judgement = Judgement(submission_id=staff.ann, question_id=QuestionId("q1"), points=7, reason="They asked.")
    override(
        judgement, caller=staff.school.caller("tom"), stores=staff.school.stores, assignments=staff.school.assignments
    )
    staff.move_on()
    regrade_id = staff.ask(submission_id=staff.ann)
    staff.school.work_off()

    (line,) = staff.view(regrade_id).lines

    assert (line.before.score, line.after.score) == (12, 12)


@pytest.mark.parametrize(
    ("only_lacking", "changes"),
    [
        pytest.param(False, [("ann", 15, 5), ("bob", 5, 15)], id="everybody: also who loses full points"),
        pytest.param(True, [("bob", 5, 15)], id="those without all points in it"),
    ],
)
def test_one_question_means_everybody_unless_those_with_all_points_are_left_out(staff, only_lacking, changes):
    staff.move_on()
    regrade_id = staff.ask(question_id=QuestionId("q1"), only_lacking=only_lacking)
    staff.school.work_off()

    view = staff.view(regrade_id)

    assert [(line.login, line.before.score, line.after.score) for line in view.changing] == changes
    assert (view.regrade.question_id, view.regrade.only_lacking) == ("q1", only_lacking)
    assert len(view.losing) == (not only_lacking)


def test_a_wish_that_nothing_fits_is_refused(staff):
    with pytest.raises(InvalidRequest):
        staff.ask(question_id=QuestionId("q9"), only_lacking=True)


def test_what_could_not_be_graded_gets_a_result_and_loses_it_on_undo(school):
    staff = Staff(school)
    submission = school.submit("ida", RIGHT).submission
    bench = school.bench(max_attempts=1)
    claim = claim_next(worker="w", kinds=(JobKind.GRADE,), bench=bench)
    put_back(claim, error=SandboxFailed(what="test"), bench=bench)
    regrade_id = staff.ask(submission_id=submission.submission_id)
    school.work_off()

    (line,) = staff.view(regrade_id).lines
    assert (line.before, line.after.score) == (None, 15)

    def totals():
        view = read_submission(submission.submission_id, caller=school.caller("tom"), stores=school.stores)
        return view.run.totals

    assert totals() is None
    staff.apply(regrade_id)
    assert totals().score == 15
    staff.undo(regrade_id)
    assert totals() is None


def test_a_submission_that_was_graded_anew_since_stays_as_it_is(staff):
    regrade_id = staff.ask()
    staff.school.work_off()
    staff.apply(regrade_id)
    staff.move_on()
    regrade_at_once(staff.bob, stores=staff.school.stores)
    staff.school.work_off()
    assert staff.scores() == (15, 15)

    staff.undo(regrade_id)

    assert staff.scores() == (15, 15)


def test_trials_leave_waiting_submissions_waiting(staff):
    """A student who hands in the same bytes again still meets the run of the first time."""
    staff.ask(submission_id=staff.ann)
    with staff.school.stores.storage.reading() as tx:
        assert tx.runs.get_newest(staff.ann).cause is RunCause.SUBMITTED
        assert [run.cause for run in tx.runs.list_of(staff.ann)] == [RunCause.SUBMITTED, RunCause.TRIAL]


def test_words_that_a_new_version_finds_wait_for_a_person(staff):
    with staff.school.stores.storage.writing() as tx:
        written = tx.submissions.list_written(staff.ann)
        tx.submissions.set_written(staff.ann, ())
    staff.ask(submission_id=staff.ann)
    staff.school.work_off()
    with staff.school.stores.storage.reading() as tx:
        assert tx.submissions.list_written(staff.ann) == written


@pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("sam", NotFound)], ids=["student", "stranger"])
def test_regrades_are_for_staff(staff, login, error):
    people.add_course("other", title="Other", stores=staff.school.stores)
    new = people.NewMember(login="sam", name="", role=Role.INSTRUCTOR)
    people.add_member(new, course="other", stores=staff.school.stores)
    regrade_id = staff.ask()

    with pytest.raises(error):
        staff.ask(by=login)
    with pytest.raises(error):
        read_desk("demo", "tiny", caller=staff.school.caller(login), stores=staff.school.stores)
    with pytest.raises(NotFound):
        staff.view(regrade_id, by=login)
    with pytest.raises(NotFound):
        apply_regrade(regrade_id, only_gains=False, caller=staff.school.caller(login), stores=staff.school.stores)


def test_a_submission_of_another_assignment_is_none_of_this_one(staff):
    other = TinyLoaded(slug="other", version=VersionHash("c" * 64), first=NameLogic(name="x"))
    staff.school.editions[b"other"] = other
    staff.school.loaded = other
    publish(other, files={"assignment.yaml": b"other"}, stores=staff.school.stores)
    offer("other", course="demo", stores=staff.school.stores)
    elsewhere = staff.school.submit("ann", RIGHT).submission.submission_id
    with pytest.raises(NotFound):
        staff.ask(submission_id=elsewhere)


def test_the_desk_lists_what_was_asked_for_newest_first(staff):
    first, second = staff.ask(), staff.ask(submission_id=staff.bob)
    desk = read_desk(
        "demo", "tiny", caller=staff.school.caller("tom"), stores=staff.school.stores, submission_id=staff.bob
    )
    assert {each.regrade_id for each in desk.earlier} == {first, second}
    assert (desk.one.submission_id, desk.one_by.login) == (staff.bob, "bob")


def test_a_trial_is_news_to_a_student_once_it_is_applied(staff):
    def last_change():
        caller = staff.school.caller("ann")
        with staff.school.stores.storage.reading() as tx:
            course = tx.courses.find_by_slug("demo")
            (moment,) = tx.visits.list_changes(course.course_id, person_id=caller.person.person_id).values()
        return moment

    before = last_change()
    staff.school.clock.pass_s(60)
    regrade_id = staff.ask()
    staff.school.work_off()
    assert last_change() == before

    staff.school.clock.pass_s(60)
    staff.apply(regrade_id)
    assert last_change() == staff.school.clock.now()
