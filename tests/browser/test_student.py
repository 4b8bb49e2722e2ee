"""The whole day of a student: the way in, a look, handing in, waiting, and the score, with real kernels."""

import json

import pytest
from browsing import DESK, PHONE
from golden import load_golden
from graded import RIGHT, Graded, Scribe, enter
from school import notebook_bytes

from grader.domain.text import Language
from grader.feedback.catalogue import load_messages

PASSWORD = "correct horse battery"
ROOT = "/courses/demo/assignments/torch-tensor"
FULL = next(golden for golden in load_golden("torch-tensor") if golden.name == "colab_roll_call")


def notebook_file(**changes):
    """The full-marks notebook as nobody else hands it in, for a file field."""
    notebook = json.loads(FULL.path.read_bytes())
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": json.dumps(changes)})
    return {"name": "kadai8.ipynb", "mimeType": "application/x-ipynb+json", "buffer": json.dumps(notebook).encode()}


def words_of(language):
    messages = load_messages(Language(language))
    return lambda code, **facts: messages[code].format(**facts)


def sign_in(reader, link, say):
    page = reader.page
    page.goto(link)
    page.get_by_label(say("page.new_password")).fill(PASSWORD)
    page.get_by_label(say("page.password_again")).fill(PASSWORD)
    page.get_by_role("button", name=say("page.keep_password")).click()
    page.get_by_role("heading", name=say("page.home"), exact=True).wait_for()


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", PHONE, id="japanese, a phone"), pytest.param("en", DESK, id="english, a desk")],
)
def test_the_day_of_a_student(campus, open_browser, language, size):
    say = words_of(language)
    reader = open_browser(campus.url, language, size=size)
    page = reader.page
    sign_in(reader, campus.enrol(f"day-{language}"), say)
    reader.check_page()

    page.get_by_role("link", name="デモ / Demo").first.click()
    page.get_by_text(say("student.news_assignment")).wait_for()
    reader.check_page()
    page.get_by_role("link", name={"ja": "課題8", "en": "Homework 8"}[language]).click()
    page.get_by_role("heading", name=say("student.own")).wait_for()
    page.get_by_text(say("student.own_none")).wait_for()
    page.locator(".math[data-shown]").first.wait_for()
    reader.check_page()
    reader.check_size()

    field = page.get_by_label(say("student.file"))
    field.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n"})
    page.get_by_text(say("student.refused_costs_nothing")).wait_for()
    field.set_input_files(notebook_file(language=language))
    page.get_by_text(say("student.look_all_found", found=6, count=6)).wait_for()
    reader.check_page()

    page.get_by_role("button", name=say("student.hand_in")).click()
    page.wait_for_url("**/submissions/*")
    page.get_by_text("75").first.wait_for()
    assert reader.trouble == []

    page.goto(ROOT)
    page.get_by_text(say("student.score_pending", score=75, decided=75, pending=25)).wait_for()
    page.get_by_text(say("student.counts"), exact=True).wait_for()
    reader.check_page()


TINY = "/courses/demo/assignments/tiny"
EN = words_of("en")


@pytest.fixture
def school(site):
    """With an assignment whose verdicts have their sentences."""
    site.school.loaded = Graded()
    return site.school


@pytest.fixture
def open_as(school, site, open_reader):
    def open_as(login, **options):
        reader = open_reader("en", **options)
        cookie = {"name": "session", "value": enter(school, login), "url": site.url}
        reader.page.context.add_cookies([cookie])
        reader.page.goto(TINY)
        return reader

    return open_as


def grade(school):
    assert school.work_off(school.bench(runner=Scribe()))


def hand_in(page, words):
    data = notebook_bytes(words=words, **RIGHT)
    page.get_by_label(EN("student.file")).set_input_files(
        {"name": "hw.ipynb", "mimeType": "application/x-ipynb+json", "buffer": data}
    )
    page.get_by_role("button", name=EN("student.hand_in")).click()
    page.get_by_role("heading", name=EN("student.progress")).wait_for()


def wait_for_points(page):
    page.get_by_role("heading", name=EN("student.progress")).wait_for(state="detached")
    page.get_by_text(EN("student.score_pending", score=21, decided=21, pending=5)).first.wait_for()


def test_without_scripts_a_file_is_handed_in_and_its_result_found(school, open_as):
    reader = open_as("ann", java_script_enabled=False)
    page = reader.page

    hand_in(page, "Without scripts.")
    page.get_by_text(EN("student.may_leave")).wait_for()
    grade(school)
    page.get_by_role("link", name=EN("student.look_again")).click()

    wait_for_points(page)
    assert reader.trouble == []


def test_a_file_can_be_dropped_and_its_progress_survives_a_reload(school, open_as):
    reader = open_as("bob")
    page = reader.page

    dropped = page.evaluate_handle(
        "source => { const all = new DataTransfer(); all.items.add(new File([source], 'hw.ipynb')); return all }",
        notebook_bytes(words="Dropped.", **RIGHT).decode(),
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    page.get_by_text(EN("student.look_all_found", found=3, count=3)).wait_for()
    page.get_by_role("button", name=EN("student.hand_in")).click()
    page.get_by_role("heading", name=EN("student.progress")).wait_for()
    reader.check_page()
    page.reload()
    assert page.get_by_text(EN("student.place_next")).count() == 0
    school.clock.pass_s(3)
    page.get_by_text(EN("student.place_next")).wait_for()
    grade(school)

    wait_for_points(page)
    assert reader.trouble == []


def test_where_no_events_come_through_the_page_asks(school, open_as):
    page = open_as("ann").page
    page.route("**/events", lambda route: route.abort())

    hand_in(page, "Asked.")
    grade(school)

    wait_for_points(page)
