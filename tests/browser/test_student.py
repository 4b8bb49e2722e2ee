"""A student hands in where something is missing: scripts, a pointer, events."""

import pytest
from graded import RIGHT, Graded, Scribe, enter
from school import notebook_bytes

from grader.domain.text import Language
from grader.feedback.catalogue import load_messages

TINY = "/courses/demo/assignments/tiny"


def say(code, **facts):
    return load_messages(Language.EN)[code].format(**facts)


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
    page.get_by_label(say("student.file")).set_input_files(
        {"name": "hw.ipynb", "mimeType": "application/x-ipynb+json", "buffer": data}
    )
    page.get_by_role("button", name=say("student.hand_in")).click()
    page.get_by_role("heading", name=say("student.progress")).wait_for()


def wait_for_points(page):
    page.get_by_role("heading", name=say("student.progress")).wait_for(state="detached")
    page.get_by_text(say("student.score_pending", score=21, decided=21, pending=5)).first.wait_for()


def test_without_scripts_a_file_is_handed_in_and_its_result_found(school, open_as):
    reader = open_as("ann", java_script_enabled=False)
    page = reader.page

    hand_in(page, "Without scripts.")
    page.get_by_text(say("student.may_leave")).wait_for()
    grade(school)
    page.get_by_role("link", name=say("student.look_again")).click()

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
    page.get_by_text(say("student.look_all_found", found=3, count=3)).wait_for()
    page.get_by_role("button", name=say("student.hand_in")).click()
    page.get_by_role("heading", name=say("student.progress")).wait_for()
    reader.check_page()
    page.reload()
    assert page.get_by_text(say("student.place_next")).count() == 0
    school.clock.pass_s(3)
    page.get_by_text(say("student.place_next")).wait_for()
    grade(school)

    wait_for_points(page)
    assert reader.trouble == []


def test_where_no_events_come_through_the_page_asks(school, open_as):
    page = open_as("ann").page
    page.route("**/events", lambda route: route.abort())

    hand_in(page, "Asked.")
    grade(school)

    wait_for_points(page)
