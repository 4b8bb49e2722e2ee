"""The page of dates: what was typed is kept or comes back with what is wrong, and only instructors come here."""

import re
from datetime import timedelta

import pytest
from doubles import NOON

from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Release, Rules
from grader.flow import accounts
from grader.flow.schedule import read_schedule, set_schedule

HOUR = timedelta(hours=1)
DATES = "/courses/demo/assignments/tiny/dates"
TYPED = {
    "opens": "2026-11-20T09:00",
    "due": "2026-11-24T23:59",
    "closes": "2026-11-26 23:59",
    "unit": "hour",
    "percent": "2.5",
    "grace": "１０",
    "most": "50",
    "counting": "last",
    "release": "by_hand",
}


@pytest.fixture
def open_as(school, open_browser, cheap_hashes):
    def open_as(login, *, language="en"):
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser = open_browser(language)
        browser.cookies.set("session", issued.secret)
        return browser

    return open_as


def offering(school):
    return read_schedule("demo", "tiny", caller=school.caller("ida"), stores=school.stores).offering


def test_what_was_typed_is_kept_in_the_courses_zone(school, open_as):
    ida = open_as("ida")

    answer = ida.post(DATES, data=TYPED)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{DATES}?saved=1")
    found = offering(school)
    assert found.dates.due_at.isoformat() == "2026-11-24T14:59:00+00:00"
    assert found.dates.closes_at.isoformat() == "2026-11-26T14:59:00+00:00"
    assert found.rules == Rules(
        late=LatePolicy(percent=2.5, unit=LateUnit.HOUR, grace_minutes=10, most_percent=50),
        counting=CountingPolicy.LAST,
        release=Release.BY_HAND,
    )
    page = ida.get(answer.headers["location"]).text
    assert 'value="2026-11-24T23:59"' in page
    assert 'value="2.5"' in page
    assert "Saved." in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param({"due": "tomorrow"}, "This is no date and time", id="no date"),
        pytest.param({"closes": "2026-11-01T00:00"}, "It must open before it is due", id="in no order"),
        pytest.param({"percent": "ten"}, "Please give a number from 0", id="no number"),
        pytest.param({"most": "nan"}, "Please give a number from 0", id="a number that is none"),
        pytest.param({"grace": "inf"}, "Please give a number from 0", id="an endless grace"),
        pytest.param({"grace": "1e9"}, "Please give a number from 0", id="a grace of years"),
        pytest.param({"release": "at_a_moment"}, "Please give the moment", id="released at no moment"),
    ],
)
def test_what_cannot_be_comes_back_as_typed_and_nothing_is_kept(school, open_as, typed, words):
    before = offering(school)

    answer = open_as("ida").post(DATES, data={**TYPED, **typed})

    assert answer.status_code == 422
    assert words in answer.text
    assert "Not saved yet" in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text
    assert offering(school) == before


@pytest.mark.parametrize(("field", "value"), [("percent", "101"), ("grace", "99999"), ("most", "101")])
def test_the_number_that_is_out_of_range_is_the_one_that_is_marked(open_as, field, value):
    page = open_as("ida").post(DATES, data={**TYPED, field: value}).text

    marked = [tag for tag in re.findall(r"<input[^>]*>", page) if 'aria-invalid="true"' in tag]
    assert len(marked) == 1
    assert f'name="{field}"' in marked[0]


def test_what_is_held_back_can_be_released_from_the_page(school, open_as):
    rules = Rules(release=Release.BY_HAND)
    set_schedule("demo", "tiny", dates=Dates(), rules=rules, caller=school.caller("ida"), stores=school.stores)
    ida = open_as("ida", language="ja")
    assert "学生には点数も詳細もまだ見えません" in ida.get(DATES).text

    assert ida.post("/courses/demo/assignments/tiny/release").status_code == 303

    assert offering(school).is_released(at=NOON)
    assert "まだ見えません" not in ida.get(DATES).text


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        pytest.param(Dates(feedback_at=NOON + HOUR), "Students can read points and details from", id="later"),
        pytest.param(Dates(), None, id="at once"),
    ],
)
def test_the_page_says_when_points_can_be_read(school, open_as, dates, words):
    set_schedule("demo", "tiny", dates=dates, rules=Rules(), caller=school.caller("ida"), stores=school.stores)

    page = open_as("ida").get(DATES).text

    assert ("Release now" in page) == (words is not None)
    assert words is None or words in page


@pytest.mark.parametrize(("login", "status"), [("ann", 403), ("tom", 403), ("eve", 200)])
def test_only_instructors_and_admins_come_here(open_as, login, status):
    assert open_as(login).get(DATES).status_code == status
