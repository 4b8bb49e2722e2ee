"""What holds for every page: errors as pages, headers, and what a reader chose."""

import re
from dataclasses import replace
from urllib.parse import urljoin

import pytest
from structlog.testing import capture_logs

from grader.web.security import PAGE_POLICY, own_path


@pytest.mark.parametrize(("language", "words"), [("ja", "見つかりません"), ("en", "Not found")])
def test_an_error_is_a_page_that_says_what_happened_and_what_to_do(open_browser, language, words):
    answer = open_browser(language).get("/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == language
    assert f"<h1>{words}</h1>" in answer.text
    assert "/nowhere" in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        pytest.param("/nowhere", "*/*", id="a program"),
        pytest.param("/nowhere", "application/json", id="one that reads JSON"),
        pytest.param("/api/v1/nowhere", "text/html", id="the API, whoever asks"),
    ],
)
def test_programs_read_a_problem_document(browser, path, accept):
    answer = browser.get(path, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_what_stands_in_an_address_is_text_on_the_page(browser):
    answer = browser.get("/<script>alert(1)</script>")

    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def test_a_bug_is_told_as_our_fault_without_its_details(services, open_browser):
    browser = open_browser(services=replace(services, stores=None))

    with capture_logs() as logs:
        answer = browser.get("/readyz")

    assert answer.status_code == 500
    assert "NoneType" not in answer.text
    assert [entry["event"] for entry in logs] == ["bug"]


def test_pages_may_load_and_run_only_what_this_origin_serves(browser):
    headers = browser.get("/nowhere").headers

    assert headers["content-security-policy"] == PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


def test_a_chosen_language_and_theme_are_kept_and_win_over_the_browser(browser):
    browser.post("/preferences", data={"language": "ja"})
    answer = browser.post("/preferences", data={"theme": "dark", "next": "/nowhere?page=2"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/nowhere?page=2")
    assert '<html lang="ja" data-theme="dark">' in browser.get("/nowhere").text


MEMBERS, DATES = "/courses/demo/members", "/courses/demo/assignments/tiny/dates"
ELSEWHERE = "http://evil.example"


@pytest.mark.parametrize(
    ("path", "came_from", "back"),
    [
        pytest.param(DATES, DATES, DATES, id="to the page that a form leads to"),
        pytest.param(DATES, MEMBERS, DATES, id="to it, wherever the form stood"),
        pytest.param("/join", "/join?code=x", "/join?code=x", id="to it, as it was opened"),
        pytest.param(f"{MEMBERS}/links", f"{MEMBERS}?q=a", f"{MEMBERS}?q=a", id="to the form, where nothing answers"),
        pytest.param("/regrades/x/apply", "/regrades/x", "/regrades/x", id="also where nothing is found"),
        pytest.param("/regrades/x/apply", "/regrades/x/apply", "/", id="not to what only a form is sent to"),
        pytest.param(f"{MEMBERS}/links", None, "/", id="to the first page, where no browser says"),
        pytest.param(f"{MEMBERS}/links", ELSEWHERE, "/", id="to no other site"),
    ],
)
def test_a_refused_form_leads_back_to_its_page(enter_as, path, came_from, back):
    headers = {} if came_from is None else {"Referer": urljoin("http://testserver", came_from)}
    answer = enter_as("ann").post(path, headers=headers, data={"due_at": "soon"})

    assert answer.status_code >= 400
    assert set(re.findall(r'name="next" value="(.*?)"', answer.text)) == {back}


def test_a_cookie_of_nonsense_is_passed_over(browser):
    browser.cookies.update({"language": "fr", "theme": "pink"})

    assert '<html lang="en" data-theme="system">' in browser.get("/nowhere").text


@pytest.mark.parametrize(
    ("public_url", "is_secure"),
    [
        pytest.param(None, False, id="plain http on a LAN works"),
        pytest.param("http://grader.example", False, id="said to be http"),
        pytest.param("https://grader.example", True, id="https"),
    ],
)
def test_cookies_travel_encrypted_where_that_is_possible(services, open_browser, public_url, is_secure):
    browser = open_browser(services=replace(services, public_url=public_url))

    cookie = browser.post("/preferences", data={"theme": "dark"}).headers["set-cookie"]

    assert ("Secure" in cookie) == is_secure
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    ("wanted", "gone_to"),
    [
        pytest.param("/courses/demo?x=1#a", "/courses/demo?x=1#a", id="a page of ours"),
        pytest.param("", "/", id="nothing"),
        pytest.param("https://evil.example/", "/", id="another site"),
        pytest.param("//evil.example/", "/", id="another site without a scheme"),
        pytest.param("/\\evil.example/", "/", id="a backslash is a slash to browsers"),
        pytest.param("/\t/evil.example/", "/", id="a tab is nothing to browsers"),
        pytest.param("javascript:alert(1)", "/", id="a script"),
    ],
)
def test_no_form_leads_to_another_site(wanted, gone_to):
    assert own_path(wanted) == gone_to


REFUSED, TAKEN = 403, 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, TAKEN, id="our own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, TAKEN, id="typed by a person"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, REFUSED, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, REFUSED, id="another host of the campus"),
        pytest.param({"Origin": "http://testserver"}, TAKEN, id="our own page over plain http"),
        pytest.param({"Origin": "https://grader.example"}, TAKEN, id="our public address behind a proxy"),
        pytest.param({"Origin": "http://evil.example"}, REFUSED, id="another site over plain http"),
        pytest.param({"Origin": "null"}, REFUSED, id="a sandboxed frame with a student's output"),
        pytest.param({}, TAKEN, id="a program"),
    ],
)
def test_only_our_own_pages_may_ask_for_changes(services, open_browser, headers, status):
    browser = open_browser(services=replace(services, public_url="https://grader.example"))

    answer = browser.post("/preferences", data={"theme": "dark"}, headers=headers)

    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == TAKEN)
