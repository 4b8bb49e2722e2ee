"""An instructor replaces, adds and removes the files of an assignment, and follows a mistake to its line."""

from importlib import resources

import pytest
from browsing import DESK, PHONE, serving
from school import School

from grader.catalog import Bundle, parse
from grader.domain.accounts import SessionLifetimes
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import manuscripts
from grader.flow.accounts import start_session
from grader.flow.assignments import StoredAssignments
from grader.web.app import create_app
from grader.web.services import Services

EXAMPLE = resources.files("grader.authoring") / "example"
SPEC = (EXAMPLE / "assignment.yaml").read_bytes()
FILES = {
    "assignment.yaml": SPEC + b"data: [data/lost.csv]\n",
    "reference.ipynb": (EXAMPLE / "reference.ipynb").read_bytes(),
    "notes.txt": b"mine",
}
CHOSEN = "text => text.value.slice(text.selectionStart, text.selectionEnd)"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A course without offerings, with the real reader of the format; its address."""
    school = School.open(tmp_path_factory.mktemp("desk"))

    def read_assignment(files, slug):
        return parse(Bundle(slug=slug, files=files))

    services = Services(
        stores=school.stores,
        intake=school.intake,
        assignments=StoredAssignments(stores=school.stores, reader=read_assignment),
        max_upload_bytes=1 << 20,
    )
    with serving(create_app(services)) as url:
        yield school, url
    school.stores.storage.close()


@pytest.mark.parametrize(
    ("language", "size", "javascript"),
    [
        pytest.param("ja", PHONE, True, id="japanese on a phone"),
        pytest.param("en", DESK, False, id="english on a desk, without scripts"),
    ],
)
def test_files_come_and_go(desk, open_browser, language, size, javascript):
    school, url = desk
    slug, messages = f"files-{language}", load_messages(Language(language))
    manuscripts.begin("demo", slug, FILES, caller=school.caller("ida"), stores=school.stores)
    reader = open_browser(url, language, size=size, java_script_enabled=javascript)
    page = reader.page
    with school.stores.storage.writing() as tx:
        ida = tx.people.find_by_login("ida")
        session = start_session(tx, ida, lifetimes=SessionLifetimes(), at=school.clock.now())
    page.context.add_cookies([{"name": "session", "value": session.secret, "url": url}])

    def say(code, **facts):
        return messages[f"authoring_page.{code}"].format(**facts)

    def check():
        if javascript:
            reader.check_page()

    page.goto(f"/courses/demo/assignments/{slug}/edit")
    steps = page.get_by_role("navigation", name=say("steps"))
    steps.get_by_role("link", name=say("to_files"), exact=True).click()
    page.get_by_role("heading", name=say("files_of", slug=slug)).wait_for()
    check()

    supply = say("file_supply_of", name="data/lost.csv")
    page.locator("summary").and_(page.get_by_label(supply)).click()
    page.get_by_role("button", name=supply).click()
    page.get_by_text(say("no_file_chosen")).wait_for()
    reader.forget(422)
    check()
    page.locator("summary").and_(page.get_by_label(supply)).click()
    lost = {"name": "any name.csv", "mimeType": "text/csv", "buffer": b"1,2"}
    page.get_by_label(say("file_for", name="data/lost.csv"), exact=True).set_input_files(lost)
    page.get_by_role("button", name=supply).click()
    page.get_by_text(say("no_mistakes")).wait_for()
    check()

    page.get_by_role("button", name=say("file_remove_of", name="notes.txt")).click()
    page.get_by_text(say("saved"), exact=True).wait_for()
    assert page.get_by_text("notes.txt").count() == 0

    spec = {"name": "assignment.yaml", "mimeType": "text/yaml", "buffer": SPEC + b"pionts: 1\n"}
    page.get_by_label(say("files_choose"), exact=True).set_input_files(spec)
    page.get_by_role("button", name=say("files_put"), exact=True).click()
    page.get_by_role("link", name="assignment.yaml").and_(page.locator("[data-line]")).first.click()
    editor = page.get_by_label(say("yaml"), exact=True)
    editor.wait_for()
    if javascript:
        page.locator(".lines span").first.wait_for()  # by the same script, a moment before
        assert editor.evaluate(CHOSEN) == "pionts: 1"
