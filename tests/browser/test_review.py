"""A TA reviews: the queue, answers beside their rubric, keys, drafts and pictures, in both languages and sizes."""

import base64
import socket
import threading

import numpy as np
import pytest
import uvicorn
from browsing import DESK, HOST, PHONE, Site
from png_file import write_png
from reviewing import desk_of, give, hand_in, open_review_school

from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import accounts
from grader.flow.review_notes import keep_comment
from grader.web.app import create_app
from grader.web.services import Services

PLACE = "/courses/demo/review/tiny/q2?need=written&check=words"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    school = open_review_school(tmp_path_factory.mktemp("school"), students=("cam", "dan", "eli", "fay"))
    services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )
    app = create_app(services)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Site(school, f"http://{HOST}:{listener.getsockname()[1]}", app)
        server.should_exit = True
        thread.join()
    school.stores.storage.close()


@pytest.fixture(scope="module")
def answers(site):
    """Submissions by login: two with the same words, one with a picture, one with changed words, all with x wrong."""
    school = site.school
    photo = base64.b64encode(write_png(np.full((40, 90, 3), 128, dtype=np.uint8))).decode()
    words = "Because $2 \\times 2 = 4$, so `y` is **four**."
    handed_in = {
        "ann": hand_in(school, "ann", words, x=1),
        "bob": hand_in(school, "bob", words, x=1),
        "cam": hand_in(school, "cam", f"![my notes](data:image/png;base64,{photo})", x=1),
    }
    give(school, hand_in(school, "dan", "It is four.", x=1), items=("reason",), comment="Four of what?")
    handed_in["dan"] = hand_in(school, "dan", "It is four metres.", x=3)
    handed_in["eli"] = hand_in(school, "eli", "Four, I think.", x=1)
    handed_in["fay"] = hand_in(school, "fay", "Four, or so.", x=1)
    keep_comment(
        "Name the unit.",
        submission_id=handed_in["ann"],
        question_id="q2",
        caller=school.caller("ida"),
        stores=school.stores,
    )
    return handed_in


@pytest.fixture
def open_ta(site, open_reader):
    """A browser in which a TA is signed in."""

    def open_ta(language, *, login="tom", **options):
        reader = open_reader(language, **options)
        link = accounts.invite(login, stores=site.school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=site.school.stores)
        reader.page.context.add_cookies([{"name": "session", "value": issued.secret, "url": site.url}])
        return reader

    return open_ta


def words_of(language):
    messages = load_messages(Language(language))
    return lambda code, **facts: messages[f"review_page.{code}"].format(**facts)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_can_be_read_on_phone_and_desk(answers, open_ta, language):
    say, reader = words_of(language), open_ta(language)
    page = reader.page

    def check():
        for width, height in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": height})
            reader.check_page()

    page.goto("/courses/demo/review")
    page.get_by_role("heading", name=say("queue")).wait_for()
    check()
    page.goto(f"{PLACE}&submission={answers['dan']}")
    page.get_by_role("heading", name=say("earlier", number=1)).wait_for()
    check()
    page.get_by_label(say("points_instead")).fill("99")
    page.get_by_role("button", name=say("save_next")).click()
    page.get_by_role("alert").wait_for()
    reader.forget(422)
    check()
    page.goto("/courses/demo/review/tiny")
    page.get_by_role("heading", name=say("people", count=5)).wait_for()
    check()


def test_digits_tick_items_unless_somebody_types_or_converts(answers, open_ta):
    say, page = words_of("en"), open_ta("en").page
    page.goto(f"{PLACE}&submission={answers['eli']}")
    items = page.get_by_role("group", name=say("rubric")).get_by_role("checkbox")
    total = page.locator(".rv-sum output")

    assert total.inner_text() == "–"
    page.keyboard.press("1")
    assert (items.nth(0).is_checked(), total.inner_text()) == (True, "3")
    press(page, key="２")
    assert (items.nth(1).is_checked(), total.inner_text()) == (True, "5")
    press(page, key="2", isComposing=True)
    press(page, key="Process", code="Digit2", keyCode=229)
    page.get_by_label(say("comment")).first.press("2")
    assert (items.nth(1).is_checked(), total.inner_text()) == (True, "5")
    press(page, key="０")
    assert ([item.is_checked() for item in items.all()], total.inner_text()) == ([False, False, True], "0")
    press(page, key="1")
    assert [item.is_checked() for item in items.all()] == [True, False, False]

    page.get_by_role("button", name=say("keys_off")).click()
    page.get_by_role("button", name=say("keys_on"), exact=True).wait_for()
    before = [item.is_checked() for item in items.all()]
    page.keyboard.press("1")
    assert [item.is_checked() for item in items.all()] == before


def press(page, **what):
    """A key as a keyboard or an input method sends it."""
    page.evaluate(
        "what => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...what}))",
        what,
    )


def test_what_is_typed_is_kept_and_going_on_reaches_the_next_answer(site, answers, open_ta):
    say, reader = words_of("en"), open_ta("en")
    page = reader.page
    page.goto(f"{PLACE}&submission={answers['ann']}")
    page.get_by_text(say("same", count=2)).wait_for()

    page.get_by_role("button", name=say("insert")).click()
    page.get_by_text(say("autosaved")).wait_for()
    page.reload()
    assert page.get_by_label(say("comment")).first.input_value() == "Name the unit."

    page.get_by_text(say("override"), exact=True).click()
    page.get_by_label(say("reason")).fill("The prompt was wrong.")
    page.get_by_text(say("autosaved")).wait_for()
    page.reload()
    assert page.get_by_label(say("reason")).is_visible()
    assert page.get_by_label(say("reason")).input_value() == "The prompt was wrong."

    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name=say("save_next")).click()
    page.get_by_role("button", name=say("turn_right")).wait_for()

    assert desk_of(site.school, submission_id=answers["bob"]).sheet.decision.points == 3
    assert reader.trouble == []


def test_a_press_in_one_form_keeps_what_was_just_typed_in_the_other(answers, open_ta):
    say, reader = words_of("en"), open_ta("en")
    page = reader.page
    page.goto(f"{PLACE}&submission={answers['dan']}")
    page.get_by_text(say("override"), exact=True).click()
    page.get_by_label(say("comment")).first.fill("About the words")
    page.get_by_label(say("reason")).fill("About all of it")

    page.get_by_role("button", name=say("save_draft")).first.click()
    page.get_by_text(say("draft_from")).first.wait_for()

    assert page.get_by_label(say("comment")).first.input_value() == "About the words"
    assert page.get_by_label(say("reason")).input_value() == "About all of it"
    assert reader.trouble == []


def test_a_picture_can_be_turned_and_enlarged(answers, open_ta):
    say, reader = words_of("en"), open_ta("en", size=PHONE)
    page = reader.page
    page.goto(f"{PLACE}&submission={answers['cam']}")
    picture = page.get_by_role("img", name="my notes")

    def size():
        box = picture.bounding_box()
        return round(box["width"]), round(box["height"])

    lying = size()
    page.get_by_role("button", name=say("turn_right")).click()
    assert size() == lying[::-1]
    page.get_by_role("button", name=say("turn_left")).click()
    assert size() == lying
    page.get_by_role("button", name=say("full_size")).click()
    assert page.get_by_role("button", name=say("full_size")).get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert reader.trouble == []


def test_without_scripts_an_answer_is_judged_too(site, answers, open_ta):
    say, page = words_of("ja"), open_ta("ja", java_script_enabled=False).page
    page.goto(f"{PLACE}&submission={answers['fay']}")

    page.get_by_role("button", name=say("save_next")).click()
    page.get_by_role("alert").wait_for()  # nothing was chosen, and that is no zero
    page.get_by_label(say("points_instead")).fill("２")
    page.get_by_label(say("comment")).first.fill("単位も書いてください。")
    page.get_by_role("button", name=say("save_next")).click()
    page.wait_for_url("**after=**")

    decision = desk_of(site.school, submission_id=answers["fay"]).sheet.decision
    assert (decision.points, decision.comment) == (2, "単位も書いてください。")
