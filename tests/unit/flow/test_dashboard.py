"""What staff see of an assignment and of a course: the same points that each student reads on the result's page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from doubles import NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reviewing import ToldLogic
from school import TinyLoaded, notebook_bytes

from grader.domain.assignment import RubricItem
from grader.domain.ids import CheckId, QuestionId, VersionHash
from grader.domain.people import Role
from grader.domain.publishing import Dates
from grader.domain.result import Verdict
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.domain.text import Note, Text
from grader.errors import Forbidden, NotFound
from grader.flow import people
from grader.flow.dashboard import read_dashboard
from grader.flow.progress import read_result
from grader.flow.publish import offer, publish, update_offering
from grader.flow.standing import recount
from grader.flow.table import CellState, SortBy, TableQuery, read_table

RIGHT, HALF, WRONG = notebook_bytes(x=3, y=4), notebook_bytes(x=3, y=5), notebook_bytes(x=1, y=1)
UNSORTED = TableQuery(sort=SortBy.LOGIN)


def dashboard(school, login="tom"):
    return read_dashboard("demo", "tiny", caller=school.caller(login), stores=school.stores)


def table(school, query=UNSORTED, login="tom"):
    return read_table("demo", query=query, caller=school.caller(login), stores=school.stores)


def enrol(school, login, *, name=None, number=None, role=Role.STUDENT):
    new = people.NewMember(login=login, name=name or login, role=role, student_number=number)
    return people.add_member(new, course="demo", stores=school.stores)[0]


def decide(school, submission, *decisions):
    """As if review had been asked: `(question, check, kind, points)` of each."""
    tutor = school.caller("tom").person.person_id
    with school.stores.storage.writing() as tx:
        for question, check, kind, points in decisions:
            tx.decisions.add(
                Decision(
                    decision_id=DecisionId(f"d{len(tx.decisions.list_of(submission.submission_id))}{check}"),
                    submission_id=submission.submission_id,
                    question_id=QuestionId(question),
                    check_id=None if check is None else CheckId(check),
                    kind=DecisionKind(kind),
                    points=None if kind == "withdrawn" else points,
                    comment="",
                    reason="",
                    decided_by=tutor,
                    decided_at=NOON,
                )
            )
        recount(tx, submission)


def cell_of(school, login="ann"):
    (row,) = [row for row in table(school).rows if row.student.login == login]
    return row.cells[0]


def result_of(school, submission):
    return read_result(submission.submission_id, caller=school.caller("tom"), stores=school.stores).result


@pytest.mark.parametrize("read", [dashboard, table], ids=["dashboard", "table"])
@pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("sam", NotFound)], ids=["student", "stranger"])
def test_it_is_for_the_courses_staff(school, read, login, error):
    people.add_course("other", title="Other", stores=school.stores)
    people.add_member(
        people.NewMember(login="sam", name="", role=Role.INSTRUCTOR), course="other", stores=school.stores
    )
    with pytest.raises(error):
        read(school, login=login)
    for staff in ("tom", "ida", "eve"):
        assert read(school, login=staff).students == 2


def test_an_assignment_that_is_not_offered_has_no_dashboard(school):
    with pytest.raises(NotFound):
        read_dashboard("demo", "other", caller=school.caller("tom"), stores=school.stores)


def test_an_empty_course_has_empty_figures(school):
    seen = dashboard(school)
    assert (seen.mean, seen.median, seen.questions, seen.checks, seen.failures, seen.arrivals) == (
        *(None, None),
        *((), (), (), ()),
    )
    assert [student.login for student in seen.not_handed_in] == ["ann", "bob"]
    assert sum(bar.count for bar in seen.distribution) == 0


def test_not_handed_in_is_not_nothing_earned(school):
    school.submit("ann", WRONG)
    school.work_off()
    assert [row.cells[0].state for row in table(school).rows] == [CellState.PENDING, CellState.NOT_HANDED_IN]
    assert (cell_of(school).sums.score, cell_of(school, "bob").sums) == (0, None)
    seen = dashboard(school)
    assert [student.login for student in seen.not_handed_in] == ["bob"]
    assert seen.states == {
        CellState.NOT_HANDED_IN: 1,
        CellState.WAITING: 0,
        CellState.FAILED: 0,
        CellState.PENDING: 1,
        CellState.DECIDED: 0,
    }


def test_what_waits_has_no_score(school):
    school.submit("ann", RIGHT)
    assert (cell_of(school).state, cell_of(school).sums) == (CellState.WAITING, None)
    assert dashboard(school).states[CellState.WAITING] == 1
    assert dashboard(school).mean is None


def test_what_we_could_not_grade_is_no_zero(school):
    submission = school.submit("ann", RIGHT).submission
    with school.stores.storage.writing() as tx:
        (run,) = tx.runs.list_of(submission.submission_id)
        tx.runs.fail(run.run_id, trouble=Note(code="run.gave_up"), at=NOON)
    assert (cell_of(school).state, cell_of(school).sums) == (CellState.FAILED, None)


def test_only_what_counts_counts(school):
    for seconds, data in enumerate((WRONG, RIGHT, HALF)):
        school.submit("ann", data, seconds=seconds)
    school.work_off()
    seen = dashboard(school)
    assert (seen.mean, sum(bar.count for bar in seen.distribution), cell_of(school).number) == (15, 1, 2)
    assert seen.failures == ()
    assert [(bucket.in_time, bucket.late) for bucket in seen.arrivals] == [(3, 0)]


def test_what_staff_hand_in_is_no_result_of_the_course(school):
    school.submit("tom", WRONG)
    school.work_off()
    seen = dashboard(school)
    assert (seen.mean, seen.checks, seen.arrivals) == (None, (), ())
    assert [row.student.login for row in table(school).rows] == ["ann", "bob"]


def test_the_hardest_comes_first(school):
    school.submit("ann", HALF)
    school.submit("bob", RIGHT)
    school.work_off()
    seen = dashboard(school)
    assert [(each.question_id, each.share, each.full, each.waiting) for each in seen.questions] == [
        ("q2", 0.5, 0, 2),
        ("q1", 1, 2, 0),
    ]
    assert [(each.question_id, each.check_id, each.share) for each in seen.checks] == [
        ("q2", "value", 0.5),
        ("q1", "value", 1),
        ("q2", "words", None),
    ]


def test_the_same_mistakes_are_grouped_with_a_sample(school):
    enrol(school, "cat")
    submissions = {login: school.submit(login, data).submission for login, data in (("ann", WRONG), ("bob", HALF))}
    school.submit("cat", RIGHT)
    school.work_off()
    first, second = dashboard(school).failures
    assert (first.question_id, first.check_id, first.code, first.verdict, first.count) == (
        *("q2", "value", "value.differs"),
        *(Verdict.FAILED, 2),
    )
    assert first.sample in {each.submission_id for each in submissions.values()}
    assert (second.question_id, second.count, second.sample) == ("q1", 1, submissions["ann"].submission_id)


@pytest.mark.parametrize("verdict", [Verdict.NOT_FOUND, Verdict.NEEDS_GPU, Verdict.FAILED])
def test_what_waits_is_nobodys_mistake(school, verdict):
    school.loaded = TinyLoaded(first=ToldLogic(name="x", wrong=verdict))
    school.submit("ann", notebook_bytes(x=1, y=4))
    school.work_off()

    assert [each.question_id for each in dashboard(school).failures] == (["q1"] if verdict is Verdict.FAILED else [])


def test_what_an_earlier_release_found_is_counted_with_the_rest(school):
    school.submit("ann", WRONG)
    school.submit("bob", WRONG)
    school.work_off()
    seen = dashboard(school)
    with school.stores.storage.writing() as tx:
        tx.connection.execute(
            sa.text("UPDATE question_results SET fingerprint = CASE question_id WHEN 'q1' THEN NULL ELSE run_id END")
        )
    assert dashboard(school) == seen
    assert {each.count for each in seen.failures} == {2}


def test_a_score_of_all_points_lies_in_the_last_bar(school):
    submission = school.submit("ann", RIGHT).submission
    school.submit("bob", WRONG)
    school.work_off()
    decide(school, submission, ("q2", "words", "points", 5))
    bars = dashboard(school).distribution
    assert [bar.count for bar in bars] == [1, *[0] * 8, 1]
    assert (bars[0].least, bars[-1].below) == (0, 20)


def test_points_from_people_count(school):
    submission = school.submit("ann", HALF).submission
    school.work_off()
    decide(school, submission, ("q2", "words", "points", 2), ("q1", None, "override", 4))
    seen = dashboard(school)
    assert tuple(cell_of(school).sums) == (6, 20, 0, 20)
    assert cell_of(school).state is CellState.DECIDED
    assert seen.mean == 6
    assert {each.question_id: (each.score, each.decided) for each in seen.questions} == {"q1": (4, 10), "q2": (2, 10)}
    (words,) = [each for each in seen.checks if each.check_id == "words"]
    assert (words.verdicts, words.share) == ({Verdict.PARTIAL: 1}, 0)


one_decision = st.tuples(
    st.sampled_from(["q1", "q2", "q9"]),
    st.sampled_from([None, "words", "value", "other"]),
    st.sampled_from(["points", "recomputed", "override", "withdrawn"]),
    st.sampled_from([0, 0.25, 1.1, 2.5, 5, 6, 10, 20]),
).filter(lambda each: (each[2] != "override" or each[1] is None) and (each[2] != "points" or each[1] is not None))


@pytest.mark.parametrize("is_reweighed", [False, True], ids=["as graded", "with other weights since"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(decisions=st.lists(one_decision, max_size=6), data=st.sampled_from([RIGHT, HALF, WRONG]))
def test_staff_read_the_points_that_the_student_reads(tmp_path_factory, built, is_reweighed, decisions, data):
    from school import School

    school = School.open(tmp_path_factory.mktemp("school"), template=built)
    if is_reweighed:
        school.loaded = TinyLoaded(rubric=(_item("clear", 2), _item("right", 3)))
        publish(school.loaded, files={"assignment.yaml": b"rubric"}, stores=school.stores)
        update_offering("tiny", course="demo", stores=school.stores)
    submission = school.submit("ann", data).submission
    school.work_off()
    decide(school, submission, *decisions)
    if is_reweighed:
        school.loaded = replace(school.loaded, rubric=(_item("clear", 1.5), _item("right", 0.75)))
        publish(school.loaded, files={"assignment.yaml": b"other rubric"}, stores=school.stores)
        update_offering("tiny", course="demo", stores=school.stores)

    result, seen, cell = result_of(school, submission), dashboard(school), cell_of(school)
    school.stores.storage.close()

    assert tuple(cell.sums) == (result.score, result.decided, result.pending, result.points)
    assert seen.mean == result.score
    assert {each.question_id: (each.score, each.decided) for each in seen.questions} == {
        each.question_id: (each.score, each.decided) for each in result.questions
    }
    assert {each.question_id: (each.full, bool(each.waiting)) for each in seen.questions} == {
        each.question_id: (each.score >= each.points, bool(each.pending)) for each in result.questions
    }
    assert {(each.question_id, each.check_id): each.verdicts for each in seen.checks} == {
        (question.question_id, check.check_id): {check.verdict: 1}
        for question in result.questions
        for check in question.checks
    }


def _item(key, points):
    return RubricItem(key=key, text=Text(ja=key, en=key), points=points)


@pytest.mark.parametrize(
    ("minutes", "count", "step"),
    [
        pytest.param([0, 30, 61], 2, timedelta(hours=1), id="a lecture: by hours"),
        pytest.param([0, 60 * 24 * 4], 5, timedelta(days=1), id="a week: by days"),
        pytest.param([0, 60 * 24 * 150], 22, timedelta(days=7), id="a term: by weeks"),
    ],
)
def test_arrivals_are_counted_on_the_courses_clock(school, minutes, count, step):
    for number, each in enumerate(minutes):
        school.submit("ann", notebook_bytes(x=number), seconds=60 * each)
    arrivals = dashboard(school).arrivals
    assert len(arrivals) == count
    assert sum(each.in_time for each in arrivals) == len(minutes)
    assert arrivals[1].start - arrivals[0].start == step
    assert arrivals[0].start.utcoffset() == timedelta(hours=9)
    if step > timedelta(hours=1):
        assert arrivals[0].start.astimezone(UTC) == datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_late_ones_are_told_apart(school_with_dates):
    school = school_with_dates(due_at=NOON + timedelta(seconds=5))
    for seconds in (0, 9):
        school.submit("ann", notebook_bytes(x=seconds), seconds=seconds)
    assert [(each.in_time, each.late) for each in dashboard(school).arrivals] == [(1, 1)]


@pytest.mark.parametrize(
    ("due", "count", "step"),
    [
        pytest.param(timedelta(hours=5), 6, timedelta(hours=1), id="the same day: by hours"),
        pytest.param(timedelta(days=6), 7, timedelta(days=1), id="next week: by days"),
        pytest.param(timedelta(days=100), 15, timedelta(days=7), id="next term: by weeks, not a hundred empty days"),
        pytest.param(timedelta(days=1000), 1, timedelta(hours=1), id="too far away to be drawn"),
        pytest.param(-timedelta(hours=5), 6, timedelta(hours=1), id="all came late"),
    ],
)
def test_arrivals_reach_as_far_as_the_due_date(school_with_dates, due, count, step):
    school = school_with_dates(due_at=NOON + due)
    school.submit("ann")
    arrivals = dashboard(school).arrivals
    assert len(arrivals) == count
    assert {each.end - each.start for each in arrivals} == {step}
    assert sum(each.in_time + each.late for each in arrivals) == 1
    assert any(each.start <= NOON + due < each.end for each in arrivals) == (count > 1)


@pytest.fixture
def watchful(school_with_dates):
    """A course that wants to know who may fail; its assignment is due by now."""
    school = school_with_dates(due_at=NOON - timedelta(hours=1))
    with school.stores.storage.writing() as tx:
        tx.courses.change(replace(tx.courses.find_by_slug("demo"), shows_at_risk=True))
    return school


def test_who_may_fail_is_told_where_the_course_wants_it(watchful):
    watchful.submit("ann", WRONG)
    watchful.submit("bob", RIGHT)
    watchful.work_off()
    assert [(each.student.login, each.missed, each.share) for each in dashboard(watchful).at_risk] == [("ann", 0, 0)]


def test_who_missed_more_than_one_assignment_may_fail(watchful):
    for slug, version in (("second", "b"), ("third", "c")):
        other = TinyLoaded(slug=slug, version=VersionHash(version * 64))
        publish(other, files={"assignment.yaml": slug.encode()}, stores=watchful.stores)
        offer(slug, course="demo", stores=watchful.stores, dates=Dates(due_at=NOON - timedelta(days=1)))
    watchful.submit("bob", RIGHT)
    watchful.work_off()
    # Bob has missed two of the three, though his points are all there.
    assert [(each.student.login, each.missed, each.share) for each in dashboard(watchful).at_risk] == [
        ("ann", 3, None),
        ("bob", 2, 1),
    ]


def test_nobody_is_listed_where_the_course_does_not_want_it(school):
    assert dashboard(school).at_risk is None
