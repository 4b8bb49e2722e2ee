"""The page of dates: what was typed is kept or comes back with what is wrong, and only instructors come here."""

import re
from datetime import timedelta

import pytest
from doubles import NOON

from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Release, Rules
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import accounts
from grader.flow.schedule import read_schedule, set_schedule

HOUR = timedelta(hours=1)
DATES = "/courses/demo/assignments/tiny/dates"
RELEASE = "/courses/demo/assignments/tiny/release"
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
    "details": "at_a_moment",
    "details_from": "2026-12-01T09:00",
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
    assert found.dates.details_at.isoformat() == "2026-12-01T00:00:00+00:00"
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
        pytest.param({"uploads": "few"}, "Please give a whole number from 1 to 1000", id="no count"),
        pytest.param({"uploads": "1001"}, "Please give a whole number from 1 to 1000", id="too large a count"),
        pytest.param({"uploads": "9" * 5000}, "Please give a whole number from 1 to 1000", id="an endless count"),
        pytest.param({"release": "at_a_moment"}, "Please give the moment", id="released at no moment"),
        pytest.param({"details_from": ""}, "Please give the moment", id="details at no moment"),
        pytest.param({"details_from": "soon"}, "This is no date and time", id="details at what is no moment"),
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


def test_how_many_hand_ins_are_graded_at_once_is_the_assignments_own_or_the_services(school, open_as):
    ida = open_as("ida")
    assert "Empty means 20." in ida.get(DATES).text

    assert ida.post(DATES, data=TYPED | {"uploads": "3"}).status_code == 303

    assert offering(school).rules.uploads == 3
    assert 'name="uploads" type="text" value="3"' in ida.get(DATES).text
    assert ida.post(DATES, data=TYPED | {"uploads": ""}).status_code == 303
    assert offering(school).rules.uploads is None


@pytest.mark.parametrize(
    ("field", "value"), [("percent", "101"), ("grace", "99999"), ("most", "101"), ("uploads", "0")]
)
def test_the_number_that_is_out_of_range_is_the_one_that_is_marked(open_as, field, value):
    page = open_as("ida").post(DATES, data={**TYPED, field: value}).text

    marked = [tag for tag in re.findall(r"<input[^>]*>", page) if 'aria-invalid="true"' in tag]
    assert len(marked) == 1
    assert f'name="{field}"' in marked[0]


BUTTONS = {
    "en": {"points": "Release points now", "details": "Release details now", "both": "Release points and details now"},
    "ja": {"points": "点数だけ公開する", "details": "詳細を公開する", "both": "点数と詳細を公開する"},
}
LATER, LATEST = NOON + HOUR, NOON + 2 * HOUR
BY_HAND = Release.BY_HAND


@pytest.mark.parametrize(
    ("dates", "rules", "words", "offered"),
    [
        pytest.param(Dates(), Rules(), set(), set(), id="all at once"),
        pytest.param(Dates(feedback_at=LATER), Rules(), {"all_from"}, {"both"}, id="all from a date on"),
        pytest.param(Dates(), Rules(release=BY_HAND), {"nothing"}, {"both"}, id="all by hand"),
        pytest.param(
            Dates(feedback_at=LATER, details_at=LATEST),
            Rules(),
            {"points_from", "details_from"},
            {"points", "both"},
            id="one after the other",
        ),
        pytest.param(
            Dates(feedback_at=LATER),
            Rules(details=BY_HAND),
            {"points_from", "details_wait"},
            {"points", "both"},
            id="details by hand",
        ),
        pytest.param(
            Dates(), Rules(release=BY_HAND, details=BY_HAND), {"nothing", "details_wait"}, {"points", "both"}, id="both"
        ),
        pytest.param(
            Dates(details_at=LATER), Rules(), {"only_points", "details_from"}, {"details"}, id="points are there"
        ),
        pytest.param(
            Dates(), Rules(details=BY_HAND), {"only_points", "details_wait"}, {"details"}, id="details at some time"
        ),
    ],
)
@pytest.mark.parametrize("language", list(Language), ids=str)
def test_the_page_says_what_students_can_read_and_offers_the_rest(
    school, enter_as, language, dates, rules, words, offered
):
    set_schedule("demo", "tiny", dates=dates, rules=rules, caller=school.caller("ida"), stores=school.stores)

    page = enter_as("ida", language.value).get(DATES).text

    told = ("all_from", "nothing", "points_from", "details_from", "details_wait", "only_points")
    messages = load_messages(language)
    assert {code for code in told if f"<p>{messages[f'release.{code}']}" in page} == words
    assert {name for name, label in BUTTONS[language.value].items() if f">{label}</button>" in page} == offered


def test_what_is_held_back_is_released_in_two_steps_from_the_page_and_held_back_again(school, open_as):
    held = Rules(release=BY_HAND, details=BY_HAND)
    set_schedule("demo", "tiny", dates=Dates(), rules=held, caller=school.caller("ida"), stores=school.stores)
    ida = open_as("ida", language="ja")

    for part, shown in (("points", (True, False)), ("details", (True, True))):
        answer = ida.post(RELEASE, data={"part": part})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{DATES}?released=1")
        assert "公開しました。取り消すときは" in ida.get(answer.headers["location"]).text
        found = offering(school)
        assert (found.is_released(at=NOON), found.shows_details(at=NOON)) == shown

    ida.post(DATES, data={"release": "by_hand", "details": "by_hand"})
    assert offering(school).rules == held
    assert "学生には点数も詳細もまだ見えません" in ida.get(DATES).text
    assert ida.post(RELEASE, data={"part": "everything"}).status_code == 422


@pytest.mark.parametrize(("login", "status"), [("ann", 403), ("tom", 403), ("eve", 200)])
def test_only_instructors_and_admins_come_here(open_as, login, status):
    assert open_as(login).get(DATES).status_code == status
