"""Dates and what being late costs: set at any time, and what was handed in is judged by them anew."""

from datetime import timedelta

import pytest
from doubles import NOON
from school import notebook_bytes

from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Release, Rules
from grader.errors import Forbidden, InvalidRequest, NotFound
from grader.flow.progress import read_result
from grader.flow.publish import update_offering
from grader.flow.schedule import Part, read_schedule, release_now, set_schedule
from grader.flow.table import TableQuery, read_table

HOUR = timedelta(hours=1)
DUE = Dates(due_at=NOON + HOUR)


@pytest.fixture
def set_rules(school):
    def set_rules(*, dates=DUE, login="ida", **rules):
        return set_schedule(
            "demo", "tiny", dates=dates, rules=Rules(**rules), caller=school.caller(login), stores=school.stores
        )

    return set_rules


@pytest.fixture
def hand_in(school):
    """Graded at once; x is worth 10 points and y 5."""

    def hand_in(hours, *, x=3, y=4):
        submission = school.submit(data=notebook_bytes(x=x, y=y), seconds=hours * 3600).submission
        school.work_off()
        return submission.submission_id

    return hand_in


def counting(school):
    with school.stores.storage.reading() as tx:
        person = tx.people.find_by_login("ann")
        course = tx.courses.find_by_slug("demo")
        offering = tx.offerings.find(course.course_id, slug="tiny")
        return tx.submissions.find_counting(offering.offering_id, person_id=person.person_id)


def score(school, submission_id, login="ann"):
    return read_result(submission_id, caller=school.caller(login), stores=school.stores).result


def test_what_is_late_loses_its_share_wherever_points_are_shown(school, set_rules, hand_in):
    set_rules(late=LatePolicy(percent=10, unit=LateUnit.HOUR))

    late = hand_in(2.5)

    result = score(school, late)
    assert (result.score, result.decided, result.questions[0].score) == (12, 15, 10)
    assert result.notes[-1].code == "late.deducted"
    assert result.notes[-1].facts == {"percent": 20, "points": 3, "earned": 15}
    table = read_table("demo", query=TableQuery(), caller=school.caller("tom"), stores=school.stores)
    assert table.rows[0].cells[0].sums.score == table.rows[0].total.score == 12


@pytest.mark.parametrize(
    ("percent", "late_counts"),
    [
        pytest.param(10, True, id="raises the total"),
        pytest.param(24, True, id="may just raise it"),
        pytest.param(26, False, id="would lower it whatever its words get"),
        pytest.param(40, False, id="would lower it"),
    ],
)
@pytest.mark.parametrize("policy", list(CountingPolicy))
def test_a_late_one_counts_only_if_it_raises_the_total(school, set_rules, hand_in, policy, percent, late_counts):
    set_rules(late=LatePolicy(percent=percent, unit=LateUnit.HOUR), counting=policy)

    in_time, late = hand_in(0, x=0), hand_in(2.5)

    assert counting(school) == (late if late_counts else in_time)


@pytest.mark.parametrize(("policy", "chosen"), [(CountingPolicy.BEST, 0), (CountingPolicy.LAST, 1), (None, 0)])
def test_an_assignment_may_count_otherwise_than_its_course(school, set_rules, hand_in, policy, chosen):
    handed_in = [hand_in(0), hand_in(0.5, x=0)]

    set_rules(counting=policy)

    assert counting(school) == handed_in[chosen]


def test_other_dates_judge_what_was_handed_in_anew(school, set_rules, hand_in):
    first, second = hand_in(0, x=0), hand_in(2.5)
    assert counting(school) == second

    set_rules(dates=Dates(due_at=NOON + HOUR, closes_at=NOON + 2 * HOUR))
    assert counting(school) == first
    set_rules(dates=Dates(due_at=NOON + 3 * HOUR), late=LatePolicy(percent=50))
    assert (counting(school), score(school, second).score) == (second, 15)
    set_rules(dates=Dates(closes_at=NOON - HOUR))
    assert counting(school) is None


def test_the_operators_dates_judge_anew_too(school, hand_in):
    late = hand_in(2)
    update_offering("tiny", course="demo", stores=school.stores, dates=DUE)
    with school.stores.storage.reading() as tx:
        assert tx.submissions.get(late).is_late


def test_points_stay_hidden_until_somebody_releases_them(school, set_rules, hand_in):
    mine = hand_in(0)
    set_rules(dates=Dates(feedback_at=NOON + 5 * HOUR), release=Release.BY_HAND)
    school.clock.pass_s(6 * 3600)
    assert score(school, mine) is None
    assert score(school, mine, "tom") is not None

    released = release_now("demo", "tiny", part=Part.DETAILS, caller=school.caller("ida"), stores=school.stores)

    assert score(school, mine).score == 15
    assert released.offering.dates.feedback_at == school.clock.now()  # kept: since when
    school.clock.pass_s(60)
    assert release_now("demo", "tiny", part=Part.DETAILS, caller=school.caller("ida"), stores=school.stores) == released


@pytest.mark.parametrize(
    ("details", "part", "shown"),
    [
        pytest.param(Release.BY_HAND, Part.POINTS, (True, False), id="points alone"),
        pytest.param(Release.BY_HAND, Part.DETAILS, (True, True), id="details take the points with them"),
        pytest.param(Release.BY_DATE, Part.POINTS, (True, True), id="details that come with the points"),
    ],
)
def test_points_and_details_are_released_apart_and_held_back_again(school, set_rules, hand_in, details, part, shown):
    mine = hand_in(0)
    set_rules(release=Release.BY_HAND, details=details)

    after = release_now("demo", "tiny", part=part, caller=school.caller("ida"), stores=school.stores).offering

    assert (after.is_released(at=school.clock.now()), after.shows_details(at=school.clock.now())) == shown
    assert [bool(question.checks) for question in score(school, mine).questions] == [shown[1]] * 2
    set_rules(release=Release.BY_HAND, details=details)
    assert score(school, mine) is None


def test_what_being_late_cost_is_told_with_the_points(school, set_rules, hand_in):
    set_rules(late=LatePolicy(percent=10, unit=LateUnit.HOUR), details=Release.BY_HAND)

    result = score(school, hand_in(2.5))

    assert (result.score, [note.code for note in result.notes]) == (12, ["late.deducted"])


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param({"dates": Dates(due_at=NOON, closes_at=NOON - HOUR)}, id="closes before it is due"),
        pytest.param({"late": LatePolicy(percent=101)}, id="more than all"),
        pytest.param({"late": LatePolicy(percent=-1)}, id="a reward"),
        pytest.param({"late": LatePolicy(percent=1, grace_minutes=10**6)}, id="a grace of years"),
    ],
)
def test_what_makes_no_sense_is_refused(set_rules, schedule):
    with pytest.raises(InvalidRequest):
        set_rules(**schedule)


@pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("tom", Forbidden), ("zoe", NotFound)])
def test_only_instructors_set_dates(school, set_rules, login, error):
    if login == "zoe":
        from grader.flow import people

        people.create_person("zoe", name="Zoe", stores=school.stores)
    with pytest.raises(error):
        set_rules(login=login)
    with pytest.raises(error):
        read_schedule("demo", "tiny", caller=school.caller(login), stores=school.stores)
