"""The first page shows a person's courses, and what to do where there is nothing yet."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import NOON

from grader.domain.people import Role
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Rules
from grader.flow import accounts, people
from grader.web.pages.home import stage_of

HOUR = timedelta(hours=1)


@pytest.fixture
def open_home(school, open_browser):
    """The first page as this person reads it."""

    def open_home(login, *, language="en"):
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser = open_browser(language)
        browser.cookies.set("session", issued.secret)
        return browser.get("/")

    return open_home


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["小さな課題", "20点満点", "受付中", "11月24日(火) 22:00", "学生"], id="japanese"),
        pytest.param("en", ["Tiny", "20 points", "Open", "Tue 24 Nov, 22:00", "Student"], id="english"),
    ],
)
def test_a_student_sees_courses_assignments_and_dates_in_the_courses_zone(school, open_home, language, words):
    give_dates(school, Dates(due_at=NOON + HOUR))

    page = open_home("ann", language=language).text

    assert [word for word in ["Demo", "Asia/Tokyo", *words] if word not in page] == []
    assert f'<time datetime="{(NOON + HOUR).isoformat()}">' in page


def give_dates(school, dates):
    with school.stores.storage.writing() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        tx.offerings.set_dates(offering.offering_id, dates)


def offering_of(school):
    with school.stores.storage.reading() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        return offering


def test_what_is_not_open_yet_is_for_staff_alone(school, open_home):
    give_dates(school, Dates(opens_at=NOON + HOUR))

    assert "Tiny" not in open_home("ann").text
    staff = open_home("tom").text
    assert "Tiny" in staff
    assert "Not open yet" in staff


@pytest.mark.parametrize(
    ("role", "words"),
    [
        pytest.param(Role.STUDENT, "They will be listed here once they open.", id="students wait"),
        pytest.param(Role.TA, "once an instructor publishes one", id="assistants wait"),
        pytest.param(Role.INSTRUCTOR, "/courses/empty/assignments/new", id="instructors act"),
    ],
)
def test_a_course_without_assignments_says_what_happens_next(school, open_home, role, words):
    people.add_course("empty", title="Empty", stores=school.stores)
    people.add_member(people.NewMember(login="new", name="New", role=role), course="empty", stores=school.stores)

    assert words in open_home("new").text


def test_who_is_in_no_course_is_told_whom_to_ask(school, open_home):
    people.create_person("lost", name="Lost", stores=school.stores)

    assert "ask your instructor" in open_home("lost").text


def test_an_admin_sees_every_course(open_home):
    page = open_home("eve").text

    assert "Demo" in page
    assert "Administrator" in page


def test_names_are_text(school, open_home):
    people.add_course("x", title="<img src=x onerror=alert(1)>", stores=school.stores)
    people.add_member(people.NewMember(login="m", name="<b>Mallory</b>"), course="x", stores=school.stores)

    page = open_home("m").text

    assert "<img" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("dates", "stage"),
    [
        pytest.param(Dates(), "open", id="no dates at all"),
        pytest.param(Dates(opens_at=NOON + HOUR), "soon", id="before it opens"),
        pytest.param(Dates(due_at=NOON), "open", id="at the very moment it is due"),
        pytest.param(Dates(due_at=NOON - HOUR), "late", id="late ones are taken"),
        pytest.param(Dates(due_at=NOON - HOUR, closes_at=NOON), "closed", id="at the moment it closes"),
    ],
)
def test_where_in_its_life_an_offering_is(school, dates, stage):
    give_dates(school, dates)
    assert stage_of(offering_of(school), NOON) == stage


@pytest.mark.parametrize(
    ("grace_minutes", "stage"),
    [pytest.param(60, "open", id="within the grace"), pytest.param(59, "late", id="after the grace")],
)
def test_what_costs_nothing_yet_is_not_late(school, grace_minutes, stage):
    rules = Rules(late=LatePolicy(percent=10, unit=LateUnit.DAY, grace_minutes=grace_minutes))
    give_dates(school, Dates(due_at=NOON - HOUR))
    assert stage_of(replace(offering_of(school), rules=rules), NOON) == stage
