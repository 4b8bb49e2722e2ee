"""One's own account: what everybody may change about themselves, and what the roster says."""

from dataclasses import replace

import pytest

from grader.flow import accounts

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD, ANOTHER = "correct horse 8", "battery staple 9"


@pytest.fixture
def with_password(school, enter_as):
    """A browser of somebody who has chosen this password."""

    def with_password(login):
        link = accounts.invite(login, stores=school.stores)
        accounts.accept_invitation(link.secret, PASSWORD, stores=school.stores)
        return enter_as(login)

    return with_password


def change(browser, *, current=PASSWORD, new=ANOTHER, again=ANOTHER):
    return browser.post("/account/password", data={"current_password": current, "password": new, "again": again})


def test_another_password_signs_all_other_devices_out(school, with_password, enter_as):
    tom = with_password("tom")
    elsewhere = enter_as("tom")
    assert "Your password is changed." in tom.get(change(tom).headers["location"]).text
    assert elsewhere.get("/account").status_code == 303
    assert accounts.sign_in("tom", ANOTHER, stores=school.stores)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param({"current": "wrong"}, "That is not your current password.", id="a wrong one"),
        pytest.param({"again": "other"}, "The two passwords differ", id="a slip of the finger"),
        pytest.param({"new": "short", "again": "short"}, "at least 10 characters", id="too short"),
    ],
)
def test_a_password_that_is_not_changed_says_why(school, with_password, typed, words):
    answer = change(with_password("tom"), **typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert accounts.sign_in("tom", PASSWORD, stores=school.stores)


def test_who_has_no_password_is_asked_for_none(enter_as):
    assert "/account/password" not in enter_as("tom").get("/account").text


def test_staff_choose_their_name_and_students_have_the_rosters(enter_as):
    tom, ann = enter_as("tom"), enter_as("ann")
    assert "Tom T." in tom.get(tom.post("/account/name", data={"name": " Tom  T. "}).headers["location"]).text
    assert tom.post("/account/name", data={"name": " "}).status_code == 422
    assert "the one on the roster" in ann.get("/account").text
    assert ann.post("/account/name", data={"name": "Bob"}).status_code == 403


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        pytest.param("http://grader.lan", True, id="a LAN"),
        pytest.param("http://127.0.0.1:8000", False, id="this very machine"),
        pytest.param("https://grader.example", False, id="https"),
    ],
)
def test_who_types_a_password_is_told_when_others_could_read_it(open_browser, url, is_told):
    browser = open_browser()
    browser.base_url = url
    assert ("not encrypted" in browser.get("/sign-in").text) == is_told


def test_nobody_is_frightened_behind_a_proxy_that_speaks_https_for_us(open_browser, services):
    browser = open_browser(services=replace(services, public_url="https://grader.example"))
    browser.base_url = "http://grader.example"
    assert "not encrypted" not in browser.get("/sign-in").text


@pytest.mark.parametrize(
    ("url", "is_bound"), [(None, False), ("http://grader.lan", False), ("https://grader.example", True)]
)
def test_a_browser_that_has_met_us_over_https_stays_there(open_browser, services, url, is_bound):
    answer = open_browser(services=replace(services, public_url=url)).get("/sign-in")
    assert ("strict-transport-security" in answer.headers) == is_bound


def test_only_an_admin_is_told_how_to_mend_it(enter_as):
    assert "GRADER_PUBLIC_URL" in enter_as("eve").get("/account").text
    assert "GRADER_PUBLIC_URL" not in enter_as("tom").get("/account").text
