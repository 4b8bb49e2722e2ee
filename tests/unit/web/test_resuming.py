"""A form that was sent when its session had ended: what was typed is offered again after signing in."""

import html
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from grader.flow import accounts
from grader.web.resuming import KeptForm, read_kept

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"
NAME = 'Bob\nthe <b>2nd</b> & "last"'


@pytest.fixture
def ida(school, enter_as):
    """A browser whose session has just ended."""
    accounts.accept_invitation(accounts.invite("ida", stores=school.stores).secret, PASSWORD, stores=school.stores)
    browser = enter_as("ida")
    school.clock.pass_s(40 * 24 * 3600)
    return browser


def value_of(page, name):
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])


def sign_in(browser, page, *, password=PASSWORD):
    typed = {"login": "ida", "password": password, "next": "/", "kept": value_of(page, "kept")}
    return browser.post("/sign-in", data=typed)


def test_what_was_typed_is_offered_again_and_nothing_is_sent_before_that(school, ida):
    sent = {"login": "new", "name": NAME, "role": "ta"}
    refused = ida.post(
        "/courses/demo/members", data=sent, headers={"Referer": "http://testserver/courses/demo/members"}
    )
    assert refused.status_code == 401
    assert "What you typed is kept." in refused.text
    wrong = sign_in(ida, refused.text, password="wrong")
    assert wrong.status_code == 401

    page = sign_in(ida, wrong.text).text
    assert {name: value_of(page, name) for name in sent} == sent
    assert '<form method="post" action="/courses/demo/members">' in page
    assert '<a href="/courses/demo/members">' in page
    assert "<b>" not in page
    assert "new" not in ida.get("/courses/demo/members").text.partition("<table>")[2].partition("</table>")[0]
    assert ida.post("/courses/demo/members", data=sent).status_code == 303


def test_it_goes_where_it_was_sent_with_all_that_the_address_asks_for(ida):
    desk = "/courses/demo/review/tiny/q2?need=written&check=words"
    refused = ida.post(
        desk, data={"comment": "Good words."}, headers={"Referer": f"http://testserver{desk}&walk=student"}
    )
    page = html.unescape(sign_in(ida, refused.text).text)
    assert f'<form method="post" action="{desk}">' in page
    assert f'<a href="{desk}&walk=student">' in page


@pytest.mark.parametrize("referer", ["http://[", "javascript:x", "http://testserver//evil.example"])
def test_a_page_that_is_none_of_ours_is_the_first_page(ida, referer):
    refused = ida.post("/courses/demo/members", data={"login": "new"}, headers={"Referer": referer})
    assert '<a href="/">' in sign_in(ida, refused.text).text.partition("<main")[2]


def test_who_signs_in_in_another_tab_goes_on_from_the_page_that_kept_it(ida, school, services, enter_as):
    provider = SimpleNamespace(name="Campus")
    tab = enter_as("ida", services=replace(services, identity_provider=provider))
    refused = ida.post("/courses/demo/members", data={"login": "new", "name": NAME})
    kept = {"kept": value_of(refused.text, "kept")}
    still_out = ida.post("/sign-in", data=kept)
    assert (still_out.status_code, value_of(still_out.text, "kept")) == (401, kept["kept"])

    page = tab.post("/sign-in", data=kept).text
    assert '<form method="post" action="/courses/demo/members">' in page
    assert value_of(page, "name") == NAME


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["新しいタブで開きます", "サインインできたので続ける"], id="japanese"),
        pytest.param("en", ["It opens in a new tab.", "I am signed in: go on"], id="english"),
    ],
)
def test_who_signs_in_elsewhere_is_told_how_to_go_on(services, open_browser, language, words):
    provider = SimpleNamespace(name="Campus")
    browser = open_browser(language, services=replace(services, identity_provider=provider))
    page = browser.post("/courses/demo/members", data={"login": "new"}).text
    assert [word for word in words if word not in page] == []
    assert 'target="_blank"' in page


def test_passwords_are_never_kept(ida):
    page = ida.post("/account/password", data={"current_password": PASSWORD, "password": PASSWORD, "again": PASSWORD})
    assert page.status_code == 401
    assert PASSWORD not in html.unescape(page.text)


def test_a_file_must_be_chosen_again(ida):
    page = ida.post("/courses/demo/members/import", files={"roster": ("a.csv", b"login\nx\n")}).text
    assert "then choose your file once more" in page
    resumed = sign_in(ida, page).text
    assert "choose it again" in resumed
    assert 'action="/courses/demo/members/import"' not in resumed


def test_a_body_that_is_no_form_is_no_fault_of_ours(browser):
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = browser.post("/sign-out/everywhere", content=b"--x\r\nnonsense", headers=broken)
    assert answer.status_code == 401


def test_programs_are_told_in_their_own_way(browser):
    answer = browser.post("/courses/demo/members", data={"login": "x"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="no JSON"),
        pytest.param("[1, 2]", id="too little"),
        pytest.param('["/x", "/", [["a"]], false]', id="a field without a value"),
        pytest.param("[" * 200_000, id="lists in lists without end"),
        pytest.param('["/x", "/", [["a", "' + "1" * 4_200_000 + '"]], false]', id="too much"),
    ],
)
def test_what_we_did_not_write_is_no_form(text):
    assert read_kept(text) is None


def test_a_form_never_leads_to_another_site():
    kept = read_kept(json.dumps(["https://evil.example/", "//evil.example", [], False]))
    assert (kept.action, kept.page) == ("/", "/")


def test_only_what_a_person_typed_is_shown_to_them():
    fields = (("seen", "3f2a"), ("role", "ta"), ("comment", "良いです"), ("reason", "two words"))
    form = KeptForm(action="/x", page="/", fields=fields, has_files=False)
    assert form.words == ("良いです", "two words")
    assert read_kept(form.dump()) == form
