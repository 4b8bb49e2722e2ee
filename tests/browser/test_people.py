"""A course's beginning as people go through it: made, filled from a roster, joined with a code, kept in order."""

import pytest
from browsing import DESK, PHONE

from grader.domain.accounts import SessionLifetimes
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import joining
from grader.flow.accounts import start_session

PASSWORD = "correct horse battery"
ROSTER = "学籍番号,ログイン名,氏名\n26A01,ann,佐藤 花子\n26A02,carl@example.ac.jp,山田 太郎\n".encode("cp932")


@pytest.fixture(params=[pytest.param(("ja", PHONE), id="ja, a phone"), pytest.param(("en", DESK), id="en, a desk")])
def reader(request, open_reader):
    language, size = request.param
    return open_reader(language, size=size)


@pytest.fixture
def say(reader):
    """The sentence of a code in the reader's language."""
    messages = load_messages(Language(reader.language))
    return lambda code, **facts: messages[code].format(**facts)


@pytest.fixture
def become(site, reader):
    """Signs the reader in as somebody else."""

    def become(login):
        stores = site.school.stores
        with stores.storage.writing() as tx:
            person = tx.people.find_by_login(login)
            issued = start_session(tx, person, lifetimes=SessionLifetimes(), at=stores.clock.now())
        reader.page.context.add_cookies([{"name": "session", "value": issued.secret, "url": site.url}])

    return become


def check(reader):
    """As every page, and no wider than a screen of the other size."""
    reader.check_page()
    own = reader.page.viewport_size
    width, height = DESK if own["width"] == PHONE[0] else PHONE
    reader.page.set_viewport_size({"width": width, "height": height})
    assert reader.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    reader.page.set_viewport_size(own)


def test_an_admin_makes_a_course_and_fills_it_from_a_roster(reader, say, become):
    page, slug = reader.page, f"dl-{reader.language}"
    title = f"深層学習入門 {slug}"
    become("eve")
    page.goto("/")
    page.get_by_role("link", name=say("course.new")).click()
    check(reader)
    page.get_by_label(say("course.title"), exact=True).fill(title)
    page.get_by_label(say("course.slug")).fill(slug)
    page.get_by_role("button", name=say("course.make")).click()
    page.get_by_role("status").wait_for()
    check(reader)

    page.get_by_role("link", name=say("course.import"), exact=True).click()
    check(reader)
    page.get_by_label(say("course.import_file"), exact=True).set_input_files(
        files=[{"name": "名簿.csv", "mimeType": "text/csv", "buffer": ROSTER}]
    )
    page.get_by_role("button", name=say("course.import_look")).click()
    page.get_by_role("heading", name=say("course.import_plan")).wait_for()
    check(reader)
    page.get_by_role("button", name=say("course.import_apply")).click()
    page.get_by_role("status").wait_for()
    check(reader)

    with page.expect_download() as file:
        page.get_by_role("button", name=say("course.links")).click()
    assert file.value.suggested_filename == f"{slug}-links.csv"
    page.get_by_role("link", name="山田 太郎").click()
    page.get_by_role("button", name=say("course.link_make")).click()
    link = page.get_by_label(say("course.link_once", name="山田 太郎")).input_value()
    check(reader)

    page.get_by_role("link", name=say("course.settings"), exact=True).click()
    page.get_by_label(say("course.at_risk")).check()
    page.get_by_role("button", name=say("course.save")).click()
    page.get_by_role("status").wait_for()
    page.get_by_role("button", name=say("course.code_make")).click()
    page.get_by_label(say("course.join_address")).wait_for()
    assert page.get_by_label(say("course.at_risk")).is_checked()
    check(reader)

    page.context.clear_cookies()
    page.goto(link)
    page.get_by_label(say("page.new_password")).fill(PASSWORD)
    page.get_by_label(say("page.password_again")).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=title).wait_for()
    assert reader.trouble == []


def test_somebody_joins_with_the_code_and_is_let_in(site, reader, say, become):
    page, login = reader.page, f"dora-{reader.language}"
    code = joining.renew_join_code("demo", stores=site.school.stores)
    page.goto("/sign-in")
    page.get_by_role("link", name=say("course.have_code")).click()
    page.get_by_label(say("course.join_code")).fill(code.lower())
    check(reader)
    page.get_by_role("button", name=say("course.join_go_on")).click()
    for label, typed in (("course.number", f"7{login}"), ("course.name", "Dora"), ("course.join_login", login)):
        page.get_by_label(say(label), exact=True).fill(typed)
    page.get_by_label(say("page.new_password")).fill(PASSWORD)
    page.get_by_label(say("page.password_again")).fill(PASSWORD)
    check(reader)
    page.get_by_role("button", name=say("course.join_ask")).click()
    page.get_by_role("status").wait_for()
    page.goto("/account")
    check(reader)

    become("tom")
    page.goto("/courses/demo/members")
    check(reader)
    page.get_by_role("button", name=say("course.admit_whom", name="Dora")).click()
    page.get_by_text(say("course.done_admitted")).wait_for()
    page.get_by_label(say("course.search")).fill(login.upper())
    page.get_by_role("button", name=say("course.find")).click()
    page.wait_for_url("**q=**")
    page.get_by_role("rowheader", name="Dora").wait_for()
    assert page.get_by_role("row").count() == 2


def test_what_was_typed_survives_the_end_of_a_session(site, reader, say, become):
    page, stores = reader.page, site.school.stores
    page.goto(site.invite("ida"))
    page.get_by_label(say("page.new_password")).fill(PASSWORD)
    page.get_by_label(say("page.password_again")).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=say("page.home"), exact=True).wait_for()
    page.goto("/courses/demo/settings")
    page.get_by_label(say("course.title"), exact=True).fill("深層学習入門 その2")
    page.context.clear_cookies()
    page.get_by_role("button", name=say("course.save")).click()
    page.get_by_role("alert").wait_for()
    reader.forget(401)
    check(reader)

    page.get_by_label(say("page.login")).fill("ida")
    page.get_by_label(say("page.password"), exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("深層学習入門 その2").wait_for()
    check(reader)
    page.get_by_role("button", name=say("course.resume_send")).click()
    page.get_by_text(say("course.done_saved")).wait_for()
    with stores.storage.reading() as tx:
        assert tx.courses.find_by_slug("demo").title == "深層学習入門 その2"
