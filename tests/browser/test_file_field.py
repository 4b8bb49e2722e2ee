"""Choosing a file: in the page's own words, with the keyboard, and refused at once where it is too large."""

import pytest
from browsing import DESK, PHONE
from graded import enter
from school import notebook_bytes

from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence

TINY = "/courses/demo/assignments/tiny"
NOTEBOOK = {"name": "my homework.ipynb", "mimeType": "application/x-ipynb+json", "buffer": notebook_bytes(x=3, y=4)}
TOO_LARGE = {**NOTEBOOK, "buffer": b" " * (3 << 19)}
WHAT_A_CLICK_MEETS = """
    (label) => {
      const { x, y, width, height } = label.getBoundingClientRect();
      return document.elementFromPoint(x + width / 2, y + height / 2).type;
    }
"""


def words_of(language):
    return lambda code, **facts: sentence(Note(code=code, facts=facts), Language(language))


@pytest.fixture
def open_as(site, open_reader):

    def open_as(login, path, language, **options):
        reader = open_reader(language, **options)
        cookie = {"name": "session", "value": enter(site.school, login), "url": site.url}
        reader.page.context.add_cookies([cookie])
        reader.page.goto(path)
        return reader

    return open_as


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", PHONE, id="japanese, a phone"), pytest.param("en", DESK, id="english, a desk")],
)
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(open_as, language, size):
    say = words_of(language)
    reader = open_as("ann", TINY, language, size=size)
    page = reader.page
    sent = []
    page.on("request", lambda asked: sent.append(asked.method))
    field = page.get_by_label(say("student.file"))
    page.get_by_text(say("page.no_file_chosen")).wait_for()

    field.set_input_files(TOO_LARGE)
    refusal = say("refused.too_large", size_mb="1.5", limit_mb=1)
    page.get_by_role("alert").filter(has_text=refusal).wait_for()
    page.get_by_text(say("page.no_file_chosen")).wait_for()
    assert field.evaluate("field => field.files.length") == 0
    assert "POST" not in sent
    reader.check_page()

    field.set_input_files(NOTEBOOK)
    page.get_by_text(say("student.look_all_found", found=2, count=2)).wait_for()
    page.get_by_text("my homework.ipynb", exact=True).wait_for()
    assert page.get_by_text(refusal).is_hidden()
    reader.check_page()

    field.set_input_files(TOO_LARGE)
    page.get_by_text(refusal).wait_for()
    assert page.locator("#look").inner_text() == ""


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", DESK, id="japanese, a desk"), pytest.param("en", PHONE, id="english, a phone")],
)
def test_every_field_has_a_button_in_the_pages_own_language(open_as, language, size):
    say = words_of(language)
    reader = open_as("ida", "/courses/demo/members/import", language, size=size)
    page = reader.page

    button = page.get_by_text(say("page.choose_file"), exact=True)
    button.scroll_into_view_if_needed()
    assert button.evaluate(WHAT_A_CLICK_MEETS) == "file"
    roster = {"name": "roster.csv", "mimeType": "text/csv", "buffer": b"login\nann\n"}
    page.get_by_label(say("course.import_file"), exact=True).set_input_files(roster)
    page.get_by_text("roster.csv", exact=True).wait_for()
    reader.check_page()

    page.goto("/courses/demo/assignments/new")
    field = page.get_by_label(say("authoring_page.files"), exact=True)
    field.set_input_files([NOTEBOOK, {**NOTEBOOK, "name": "another.ipynb"}])
    page.get_by_text(say("page.files_chosen", count=2), exact=True).wait_for()
    page.get_by_text(say("page.choose_folder"), exact=True).wait_for()
    reader.check_page()
    field.set_input_files([TOO_LARGE, NOTEBOOK])
    page.get_by_text(say("page.files_too_large", size_mb="1.5", limit_mb=1)).wait_for()
    assert field.evaluate("field => field.files.length") == 0


def test_who_comes_by_keyboard_sees_where_they_are(open_as):
    page = open_as("ann", TINY, "en").page
    page.get_by_text(words_of("en")("page.no_file_chosen")).wait_for()
    page.get_by_label(words_of("en")("student.file")).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")

    outline = page.locator("label.pick").evaluate("label => getComputedStyle(label).outlineStyle")
    assert outline == "solid"


def test_without_scripts_the_field_is_the_browsers_own(open_as):
    page = open_as("ann", TINY, "en", java_script_enabled=False).page
    field = page.get_by_label(words_of("en")("student.file"))

    assert page.get_by_text(words_of("en")("page.choose_file"), exact=True).is_hidden()
    assert field.bounding_box()["width"] > 100
