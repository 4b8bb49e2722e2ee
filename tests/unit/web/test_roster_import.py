"""A roster file in a browser: brought, looked at with its columns, imported; nothing changes before that."""

import re

import pytest

from grader.flow.people import NewMember, add_member
from grader.flow.roster import import_roster, preview_roster

IMPORT = "/courses/demo/members/import"
ROSTER = "学籍番号,ログイン名,氏名\n1,ann,安\n9,carl,カール\n"


@pytest.fixture
def ida(enter_as):
    return enter_as("ida")


def bring(browser, data, name="roster.csv"):
    return browser.post(IMPORT, files={"roster": (name, data)})


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def apply(browser, page):
    typed = {name: hidden(page, name) for name in ("seen",)}
    asked = {name: re.search(rf'type="hidden" name="{name}" value="([^"]*)"', page)[1] for name in COLUMNS}
    return browser.post(f"{IMPORT}/apply", data=typed | asked)


COLUMNS = ("login", "name", "number")


def roster(school):
    with school.stores.storage.reading() as tx:
        course = tx.courses.find_by_slug("demo")
        return {
            each.person.login: (each.person.name, each.membership.student_number, each.membership.left_at is None)
            for each in tx.courses.list_roster(course.course_id)
        }


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_a_file_is_shown_with_what_it_would_change_and_then_imported(school, ida, encoding):
    before = roster(school)
    assert bring(ida, ROSTER.encode(encoding)).headers["location"] == IMPORT
    page = ida.get(IMPORT).text
    assert roster(school) == before
    for words in ("New students <strong>1</strong>", "another name or number <strong>1</strong>", "leave <strong>1"):
        assert words in page
    assert "ann · –" in page
    answer = apply(ida, page)
    assert "The roster is imported" in ida.get(answer.headers["location"]).text
    assert roster(school) == before | {
        "ann": ("安", "1", True),
        "bob": ("bob", None, False),
        "carl": ("カール", "9", True),
    }
    assert "Columns of" not in ida.get(IMPORT).text


def test_columns_with_unusual_headings_are_chosen_from_a_list(school, ida):
    bring(ida, b"who,called\nann,Ann\nbob,Bob\n")
    page = ida.get(IMPORT).text
    assert 'role="alert"' in page
    assert "/import/apply" not in page
    chosen = ida.get(IMPORT, params={"login": "who", "name": "called", "number": ""}).text
    assert '<option value="who" selected>' in chosen
    apply(ida, chosen)
    assert {login: name for login, (name, *_) in roster(school).items() if login in ("ann", "bob")} == {
        "ann": "Ann",
        "bob": "Bob",
    }


def test_lines_that_cannot_be_taken_are_listed_and_nothing_can_be_imported(school, ida):
    bring(ida, b"login,name\nann,Ann\nann,Anna\n")
    page = ida.get(IMPORT).text
    assert "Line 3:" in page
    assert "/import/apply" not in page
    assert ida.post(f"{IMPORT}/apply", data={"seen": "x"}).status_code == 422


def test_a_roster_that_changed_meanwhile_is_shown_anew(school, ida):
    bring(ida, ROSTER.encode())
    page = ida.get(IMPORT).text
    add_member(NewMember(login="carl", name="カール", student_number="9"), course="demo", stores=school.stores)
    answer = apply(ida, page)
    assert answer.status_code == 409
    assert "New students <strong>0</strong>" in answer.text
    assert apply(ida, answer.text).status_code == 303


def test_a_file_that_says_what_the_roster_says_changes_nothing(school, ida):
    text = b"login,name\nann,ann\nbob,bob\n"
    bring(ida, text)
    page = ida.get(IMPORT).text
    assert "There is nothing to change." in page
    assert "/import/apply" not in page
    assert preview_roster(text, course="demo", stores=school.stores).plan.changes_nothing


@pytest.mark.parametrize(
    "data", [pytest.param(b"", id="nothing"), pytest.param(b"PK\x03\x04broken", id="half a spreadsheet")]
)
def test_what_is_no_roster_is_refused_and_not_kept(ida, data):
    answer = bring(ida, data)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Columns of" not in ida.get(IMPORT).text


def test_an_import_can_be_left(ida):
    bring(ida, ROSTER.encode())
    ida.post(f"{IMPORT}/cancel")
    assert "Columns of" not in ida.get(IMPORT).text


def test_a_kept_file_is_its_owners_alone_and_gone_after_a_day(school, ida, enter_as):
    bring(ida, ROSTER.encode())
    eve = enter_as("eve")
    assert "Columns of" not in eve.get(IMPORT).text
    school.clock.pass_s(25 * 3600)
    bring(eve, ROSTER.encode())
    assert "Columns of" not in ida.get(IMPORT).text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_ta_imports_nothing(enter_as, method):
    tom = enter_as("tom")
    assert tom.request(method, IMPORT).status_code == 403
    assert tom.post(f"{IMPORT}/apply", data={"seen": "x"}).status_code == 403


def test_names_in_a_file_are_text(school, ida):
    text = b"login,name\nann,<script>alert(1)</script>\nbob,bob\n"
    bring(ida, text, name="<b>.csv")
    page = ida.get(IMPORT).text
    assert "<script>alert" not in page
    assert "<b>" not in page
    seen = preview_roster(text, course="demo", stores=school.stores).seen
    import_roster(text, course="demo", seen=seen, stores=school.stores)
    assert "<script>alert" not in ida.get("/courses/demo/members").text
