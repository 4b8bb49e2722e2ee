"""A student reads of each assignment how far it is, and what is new; what is held back stays so."""

from datetime import timedelta

import pytest
from doubles import NOON
from school import notebook_bytes

from grader.domain.ids import QuestionId
from grader.domain.publishing import Dates
from grader.flow.own_work import News, WorkState, note_visit, read_own_work
from grader.flow.progress import list_assignments, read_assignment
from grader.flow.review import Judgement, decide_points

HOUR = timedelta(hours=1)


@pytest.fixture
def work_of(school):
    def work_of(login="ann"):
        caller = school.caller(login)
        views = list_assignments("demo", caller=caller, stores=school.stores)
        return next(iter(read_own_work(views, caller=caller, stores=school.stores).values()), None)

    return work_of


@pytest.fixture
def look_at(school):
    def look_at(login="ann"):
        caller = school.caller(login)
        view = read_assignment("demo", "tiny", caller=caller, stores=school.stores)
        note_visit(view.offering, caller=caller, stores=school.stores)

    return look_at


def set_dates(school, **dates):
    with school.stores.storage.writing() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        tx.offerings.set_dates(offering.offering_id, Dates(**dates))


def test_nothing_handed_in_is_not_a_zero(work_of):
    work = work_of()

    assert (work.state, work.sums) == (WorkState.NOT_HANDED_IN, None)


def test_a_result_is_told_with_what_waits(school, work_of):
    school.submit(data=notebook_bytes(x=3, y=5))
    assert work_of().state is WorkState.WAITING
    school.work_off()

    work = work_of()

    assert work.state is WorkState.GRADED
    assert (work.sums.score, work.sums.decided, work.sums.pending, work.sums.points) == (10, 15, 5, 20)


def test_others_work_is_not_shown(school, work_of):
    school.submit("ann")
    school.work_off()

    assert work_of("bob").state is WorkState.NOT_HANDED_IN
    assert work_of("tom") is None


def test_what_is_held_back_shows_no_points(school, work_of):
    set_dates(school, feedback_at=NOON + HOUR)
    school.submit()
    school.work_off()

    work = work_of()

    assert (work.state, work.sums, work.news) == (WorkState.HELD_BACK, None, None)
    school.clock.pass_s(3600)
    assert (work_of().state, work_of().news) == (WorkState.GRADED, News.RESULT)


@pytest.mark.parametrize("part", ["feedback_at", "details_at"])
def test_what_is_released_is_news_to_who_has_looked_before(school, work_of, look_at, part):
    set_dates(school, **{part: NOON + HOUR})
    school.submit()
    school.work_off()
    school.clock.pass_s(1)
    look_at()
    assert work_of().news is None

    school.clock.pass_s(3600)
    assert work_of().news is News.RESULT
    look_at()
    assert work_of().news is None


def test_an_assignment_is_new_until_it_was_looked_at(school, work_of, look_at):
    assert work_of().news is News.ASSIGNMENT
    look_at()

    assert work_of().news is None
    assert work_of("bob").news is News.ASSIGNMENT


def test_a_closed_assignment_is_no_news(school, work_of):
    set_dates(school, closes_at=NOON - HOUR)

    assert work_of().news is None


def test_a_result_is_new_until_it_was_looked_at(school, work_of, look_at):
    look_at()
    school.submit()
    school.clock.pass_s(1)
    school.work_off()

    assert work_of().news is News.RESULT
    look_at()
    assert work_of().news is None


def test_points_from_a_person_are_news_too(school, work_of, look_at):
    submission_id = school.submit().submission.submission_id
    school.work_off()
    look_at()
    school.clock.pass_s(60)
    given = Judgement(submission_id=submission_id, question_id=QuestionId("q2"), points=5, comment="", reason="")
    decide_points(given, caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)

    work = work_of()

    assert (work.sums.score, work.sums.pending, work.news) == (20, 0, News.RESULT)


def test_staff_leave_no_trace_by_looking(school, look_at):
    look_at("tom")

    with school.stores.storage.reading() as tx:
        course_id = tx.courses.find_by_slug("demo").course_id
        assert tx.visits.list_of(course_id, person_id=school.caller("tom").person.person_id) == {}
