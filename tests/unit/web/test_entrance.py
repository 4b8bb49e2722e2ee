"""In and out: passwords, sessions in cookies, and the links with which people choose a password."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from grader.errors import NotSignedIn
from grader.flow import accounts

PASSWORD = "correct horse battery"
WRONG = "a wrong password"


@pytest.fixture
def invite(school):
    """Gives the address of a person's link."""
    return lambda login="ann": f"/invitation/{accounts.invite(login, stores=school.stores).secret}"


@pytest.fixture
def ann(invite, open_browser):
    """A browser in which ann is signed in."""
    browser = open_browser()
    assert choose(browser, invite()).status_code == 303
    return browser


def choose(browser, link, *, password=PASSWORD, again=None):
    return browser.post(link, data={"password": password, "again": password if again is None else again})


def sign_in(browser, *, login="ann", password=PASSWORD, to="/"):
    return browser.post("/sign-in", data={"login": login, "password": password, "next": to})


def test_who_is_not_signed_in_is_asked_to_and_comes_back_to_the_page(browser, ann):
    first = browser.get("/?x=1")

    assert (first.status_code, first.headers["location"]) == (303, "/sign-in?next=%2F%3Fx%3D1")
    assert 'name="next" value="/?x=1"' in browser.get(first.headers["location"]).text
    assert sign_in(browser, to="/?x=1").headers["location"] == "/?x=1"
    assert browser.get("/?x=1").status_code == 200


def test_a_link_is_looked_at_freely_and_used_once(invite, browser):
    link = invite()

    assert [browser.get(link).status_code for _ in range(2)] == [200, 200]
    assert choose(browser, link).headers["location"] == "/"
    assert "ann" in browser.get("/").text
    assert browser.get(link).status_code == 410
    assert "This link no longer works" in choose(browser, link).text


def test_who_typed_a_password_wrong_can_choose_another_language_there(invite, browser):
    link = invite()

    page = choose(browser, link, again=WRONG).text

    assert page.count(f'name="next" value="{link}"') == 2


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        pytest.param(PASSWORD, WRONG, "The two passwords differ", id="a slip of the finger"),
        pytest.param("short", "short", "at least 10 characters", id="too short"),
        pytest.param("", "", "at least 10 characters", id="nothing"),
    ],
)
def test_a_password_that_cannot_be_kept_is_asked_for_again(invite, browser, password, again, words):
    link = invite()
    answer = choose(browser, link, password=password, again=again)

    assert answer.status_code == 422
    assert words in answer.text
    assert choose(browser, link).status_code == 303


@pytest.mark.parametrize("login", ["ann", "nobody"])
def test_a_refused_sign_in_keeps_the_login_and_tells_the_same_of_every_login(ann, browser, login):
    answer = sign_in(browser, login=login, password=WRONG)

    assert answer.status_code == 401
    assert "The login or the password is wrong." in answer.text
    assert f'value="{login}"' in answer.text
    assert WRONG not in answer.text
    assert "set-cookie" not in answer.headers


def test_after_many_tries_one_is_told_how_long_to_wait(ann, browser):
    answers = [sign_in(browser, password=WRONG) for _ in range(6)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert f"{answers[-1].headers['retry-after']} seconds" in answers[-1].text


@pytest.mark.parametrize(
    ("public_url", "cookie"),
    [
        pytest.param(None, "session=", id="plain http"),
        pytest.param("https://grader.example", "__Host-session=", id="https"),
    ],
)
def test_the_cookie_is_out_of_the_reach_of_scripts_and_other_sites(services, open_browser, invite, public_url, cookie):
    browser = open_browser(services=replace(services, public_url=public_url))

    kept = choose(browser, invite()).headers["set-cookie"]

    assert kept.startswith(cookie)
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(kept.split("; "))
    assert ("Secure" in kept) == (public_url is not None)


def test_signing_out_ends_the_session_on_the_server_too(ann, school):
    secret = ann.cookies["session"]

    answer = ann.post("/sign-out")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "session" not in ann.cookies
    with pytest.raises(NotSignedIn):
        accounts.find_caller(secret, stores=school.stores)


def test_signing_out_twice_is_no_error(browser):
    assert browser.post("/sign-out").headers["location"] == "/sign-in"


def test_signing_out_everywhere_ends_other_browsers(ann, browser):
    sign_in(browser)

    assert ann.post("/sign-out/everywhere").status_code == 303
    assert browser.get("/").status_code == 303


def test_another_site_can_sign_nobody_out(ann):
    answer = ann.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "sent from another site" in answer.text
    assert ann.get("/").status_code == 200


def test_a_session_opens_pages_and_not_the_api(ann):
    assert ann.get("/api/v1/courses").status_code == 401


def test_a_form_sent_after_the_session_ended_is_told_so_and_leads_to_no_loop(browser):
    answer = browser.post("/sign-out/everywhere")

    assert answer.status_code == 401
    assert "<h1>Sign in</h1>" in answer.text
    assert 'action="/sign-in"' in answer.text


def test_no_log_holds_the_secret_of_a_link(services, open_browser):
    browser = open_browser(services=replace(services, stores=None))

    with capture_logs() as logs:
        assert browser.get("/invitation/a-secret").status_code == 500

    assert [entry["path"] for entry in logs] == ["/invitation/..."]
