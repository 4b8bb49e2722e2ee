"""Joining with a code in a browser, with an account and without one."""

import pytest

from grader.flow import joining

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"
DORA = {"login": "dora", "name": "Dora", "student_number": "7", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def code(school):
    return joining.renew_join_code("demo", stores=school.stores)


def waiting(school):
    return [
        (each.request.person.login, each.request.student_number)
        for each in joining.list_pending("demo", stores=school.stores)
    ]


def test_who_has_no_account_makes_one_and_waits_for_an_answer(school, browser, code):
    page = browser.get("/join", params={"code": code.lower()}).text
    assert "You are asking to join “Demo”." in page
    answer = browser.post("/join", data=DORA | {"code": code})
    assert answer.headers["location"] == "/join"
    assert "Your instructor or TA has to admit you." in browser.get("/join").text
    assert "Your instructor or TA has to admit you." in browser.get("/account").text
    assert waiting(school) == [("dora", "7")]
    assert browser.get("/courses/demo").status_code == 404


def test_who_has_an_account_says_only_the_number(school, enter_as, code):
    eve = enter_as("eve")
    assert 'name="password"' not in eve.get("/join", params={"code": code}).text
    assert eve.post("/join", data={"code": code, "student_number": "7"}).headers["location"] == "/join"
    assert waiting(school) == [("eve", "7")]


def test_a_code_that_no_course_has_is_asked_for_again(browser):
    answer = browser.get("/join", params={"code": "nonsense"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'name="code" value="nonsense"' in answer.text
    assert browser.post("/join", data=DORA | {"code": "nonsense"}).status_code == 422


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "10秒後にもう一度試してください。", id="japanese"),
        pytest.param("en", "Please try again in 10 seconds.", id="english"),
    ],
)
def test_who_guesses_codes_is_told_to_wait(open_browser, enter_as, code, language, words):
    browser = open_browser(language)
    for _ in range(5):
        assert browser.get("/join", params={"code": "nonsense"}).status_code == 422
    for answer in (browser.get("/join", params={"code": code}), browser.post("/join", data=DORA | {"code": code})):
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "10"
        assert words in answer.text
        assert "Demo" not in answer.text
    assert enter_as("eve").get("/join", params={"code": code}).status_code == 200


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param({"again": "another one"}, "The two passwords differ", id="a slip of the finger"),
        pytest.param({"password": "short", "again": "short"}, "at least 10 characters", id="too short a password"),
        pytest.param({"login": "ann"}, "If it is yours, sign in first", id="a login that is taken"),
        pytest.param({"student_number": " "}, "student number", id="no number"),
        pytest.param({"login": ""}, "login", id="no login"),
    ],
)
def test_what_cannot_be_taken_is_asked_for_again_with_what_was_typed(school, browser, code, typed, words):
    answer = browser.post("/join", data=DORA | {"code": code} | typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Dora"' in answer.text
    assert PASSWORD not in answer.text
    assert waiting(school) == []


def test_a_member_is_told_so(enter_as, code):
    answer = enter_as("ann").post("/join", data={"code": code, "student_number": "7"})
    assert answer.status_code == 422
    assert "member" in answer.text
