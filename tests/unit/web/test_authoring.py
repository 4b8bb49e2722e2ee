"""An instructor's way from a folder to an offered assignment, with the real reader of the format and no kernel."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from html import unescape
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from school import notebook_bytes

from grader.catalog import Bundle, parse
from grader.domain.manuscript import Progress, Trial, Work
from grader.domain.publishing import VersionState
from grader.domain.text import Note
from grader.flow import accounts
from grader.flow.assignments import StoredAssignments
from grader.notebook.read import read

NEW = "/courses/demo/assignments/new"
MINE = "/courses/demo/assignments/mine"
EXAMPLE = resources.files("grader.authoring") / "example"
FILES = {name: (EXAMPLE / name).read_bytes() for name in ("assignment.yaml", "reference.ipynb")}


@pytest.fixture
def services(services, school):
    def read_assignment(files, slug):
        return school._read(files, slug) if slug == "tiny" else parse(Bundle(slug=slug, files=files))

    return replace(
        services,
        assignments=StoredAssignments(stores=school.stores, reader=read_assignment),
        intake=replace(services.intake, read_notebook=read),
    )


@pytest.fixture
def open_as(school, open_browser, cheap_hashes):
    def open_as(login, *, language="en"):
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser = open_browser(language)
        browser.cookies.set("session", issued.secret)
        return browser

    return open_as


@pytest.fixture
def ida(open_as):
    return open_as("ida")


@pytest.fixture
def mine(ida):
    """The example, begun as 'mine' by dropping its folder."""
    answer = drop(ida, {f"folder/{name}": data for name, data in FILES.items()}, slug="mine")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{MINE}/edit")
    return ida


def drop(browser, files, *, slug=""):
    return browser.post(NEW, data={"slug": slug}, files=[("files", (name, data)) for name, data in files.items()])


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def fields_of(page):
    """What a browser would send of the page's own form."""
    form = next(form for form in page.split("<form")[1:] if 'name="edition"' in form).split("</form>")[0]
    found = {}
    for name, value in re.findall(r'<input[^>]*? name="([^"]+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(unescape(value))
    for name, value in re.findall(r'<textarea[^>]*? name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        found.setdefault(name, []).append(unescape(value))
    return found


def test_the_first_page_offers_ways_to_begin_and_lists_what_there_is(ida):
    page = ida.get(NEW).text

    assert "Tiny" in page
    assert "<option>torch-tensor</option>" in page
    assert "being changed" not in page
    ida.post("/courses/demo/assignments/tiny/edit/yaml", data={"text": "title: x", "edition": "0"})
    page = ida.get(NEW).text
    assert (page.count("being changed"), page.count("assignments/tiny/edit")) == (1, 1)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"readme.txt": b"x"}, "assignment.yaml", id="no assignment among them"),
        pytest.param({"x.zip": b"not a zip"}, "This zip cannot be read", id="a broken zip"),
        pytest.param({"../assignment.yaml": b"x"}, "cannot be used as a file", id="a path that leads out"),
        pytest.param({"solved.ipynb": b"nothing"}, "read as a notebook", id="no notebook"),
        pytest.param({}, "No file was chosen yet", id="nothing at all"),
    ],
)
def test_what_cannot_be_begun_with_is_told_and_leaves_nothing(ida, files, words):
    answer = drop(ida, files, slug="mine")

    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="mine"' in answer.text or not files
    assert ida.get(f"{MINE}/edit").status_code == 404


@pytest.mark.parametrize(("slug", "status"), [("tiny", 409), ("Not a name!", 422), ("new", 422)])
def test_a_short_name_must_be_free_and_one(ida, slug, status):
    assert drop(ida, FILES, slug=slug).status_code == status


def test_a_zip_of_a_folder_is_a_folder_and_names_it(ida):
    inside = {f"My Homework/{name}": data for name, data in FILES.items()} | {"__MACOSX/._x": b"x"}

    answer = drop(ida, {"My Homework.zip": zipped(inside)})

    assert answer.headers["location"] == "/courses/demo/assignments/my-homework/edit"
    assert "There is no mistake in the files." in ida.get(answer.headers["location"]).text


def test_a_ready_made_assignment_can_be_taken(ida):
    answer = ida.post(NEW, data={"ready": "torch-tensor"})

    page = ida.get(answer.headers["location"]).text
    assert "Shared rubric &#34;why&#34;" in page
    assert "<option>torch-tensor</option>" not in ida.get(NEW).text


def test_a_solved_notebook_is_drafted_by_a_worker_and_its_author_waits(school, ida):
    answer = drop(ida, {"Solved.ipynb": notebook_bytes(x=3)})
    edit = answer.headers["location"]
    assert edit == "/courses/demo/assignments/solved/edit"
    assert 'hx-trigger="every 2s"' in ida.get(edit).text
    assert ida.post(edit, data={"edition": "1"}).status_code == 422

    school.work_off()

    page = ida.get(edit).text
    assert "every 2s" not in page
    assert "Check of the files" in page


def test_the_form_changes_what_was_typed_and_nothing_else(school, mine):
    sent = fields_of(mine.get(f"{MINE}/edit").text)
    assert mine.post(f"{MINE}/edit", data=sent).status_code == 303
    assert text_of(mine) == FILES["assignment.yaml"].decode()
    sent = fields_of(mine.get(f"{MINE}/edit").text)
    points = next(name for name, values in sent.items() if values == ["30"])
    sent |= {points: ["32"], "title.en": ["Other words: #1"]}

    assert mine.post(f"{MINE}/edit", data=sent).status_code == 303

    before, after = FILES["assignment.yaml"].decode().splitlines(), text_of(mine).splitlines()
    assert "Other words: #1" in "\n".join(after)
    assert len([line for line in before if line not in after]) <= 3
    page = mine.get(f"{MINE}/edit?saved=1").text
    assert "There is no mistake in the files." in page  # the sum of all points has followed
    assert "Saved." in page


def text_of(browser):
    return fields_of(browser.get(f"{MINE}/edit/yaml").text)["text"][0]


def test_the_editor_keeps_a_text_with_mistakes_and_tells_them_at_their_lines(mine):
    text = "title: x\r\nquestions:\r\n  q1: {prompt: x, pionts: 3, value: x}\r\n"
    checked = mine.post(f"{MINE}/edit/check", data={"text": text}).text
    assert 'data-line="3"' in checked
    assert "<html" not in checked

    assert mine.post(f"{MINE}/edit/yaml", data={"text": text, "edition": "1"}).status_code == 303

    page = mine.get(f"{MINE}/edit/yaml").text
    assert 'data-line="3"' in page
    assert text_of(mine) == text.replace("\r\n", "\n")
    assert "cannot be edited in a form" not in mine.get(f"{MINE}/edit").text
    for step in ("trial", "publish"):
        assert mine.post(f"{MINE}/edit/{step}", data={"edition": "2"}).status_code == 422
    assert mine.post(f"{MINE}/edit/yaml", data={"text": "{", "edition": "2"}).status_code == 303
    assert "cannot be edited in a form" in mine.get(f"{MINE}/edit").text
    assert mine.get(f"{MINE}/edit/student").status_code == 200


def test_who_was_overtaken_keeps_what_was_typed(mine, open_as):
    eve = open_as("eve")
    eve.post(f"{MINE}/edit/yaml", data={"text": "title: hers", "edition": "1"})

    answer = mine.post(f"{MINE}/edit/yaml", data={"text": "title: mine", "edition": "1"})

    assert answer.status_code == 409
    assert "Eve has saved changes while you wrote." in answer.text
    assert "-title: hers\n+title: mine" in answer.text
    assert "title: mine" in fields_of(answer.text)["text"][0]
    form = mine.post(f"{MINE}/edit", data={"edition": "1", "title.en": "typed"})
    assert (form.status_code, "typed" in form.text) == (409, True)


@pytest.mark.parametrize(("lines", "is_more"), [(1, False), (1000, True)], ids=["all of it is shown", "there is more"])
def test_who_was_overtaken_is_told_where_not_all_differences_are_shown(mine, open_as, lines, is_more):
    open_as("eve").post(f"{MINE}/edit/yaml", data={"text": "title: hers", "edition": "1"})
    text = "".join(f"# {number}\n" for number in range(lines))
    answer = mine.post(f"{MINE}/edit/yaml", data={"text": text, "edition": "1"})

    assert ("There are more differences than are shown here." in answer.text) == is_more


@pytest.mark.parametrize("path", ["edit", "edit/yaml"])
def test_who_was_overtaken_replaces_nothing_before_saying_so(mine, open_as, path):
    address = f"{MINE}/{path}"
    typed = fields_of(mine.get(address).text)
    typed |= {"text": ["title: mine\n"]} if "text" in typed else {"title.en": ["Mine"]}
    eve = open_as("eve")
    theirs = fields_of(eve.get(f"{MINE}/edit").text) | {"title.en": ["Hers"]}
    assert eve.post(f"{MINE}/edit", data=theirs).status_code == 303

    first = mine.post(address, data=typed)
    again = mine.post(address, data=fields_of(first.text))
    assert (first.status_code, again.status_code) == (409, 409)
    assert "Hers" in text_of(mine)
    (over,) = re.findall(r'name="over" value="(\d+)"', again.text)

    assert mine.post(address, data={**fields_of(again.text), "over": over}).status_code == 303
    assert "ine" in text_of(mine)
    assert "Hers" not in text_of(mine)


def test_a_field_is_found_again_where_others_have_moved(mine, open_as):
    typed = fields_of(mine.get(f"{MINE}/edit").text)
    eve = open_as("eve")
    text = text_of(eve)
    start = text.index("questions:\n") + len("questions:\n")
    more = "  q0:\n    title: {ja: 新しい, en: New}\n    prompt: {ja: 新, en: new}\n    points: 1\n"
    eve.post(f"{MINE}/edit/yaml", data={"text": text[:start] + more + text[start:], "edition": typed["edition"]})

    page = mine.post(f"{MINE}/edit", data=typed | {"title.en": ["Mine"]}).text

    again = fields_of(page)
    assert (again["title.en"], again["questions.q0.points"]) == (["Mine"], ["1"])
    assert {name: again[name] for name in typed if name != "title.en"} == {
        name: values for name, values in typed.items() if name != "title.en"
    }


def test_students_view_shows_prompts_as_they_will_read_them(mine):
    page = mine.get(f"{MINE}/edit/student").text

    assert "Question 1" in page
    assert "(30 pt)" in page


def test_the_notebooks_that_students_start_from_are_made_on_request(mine):
    student = f"{MINE}/edit/student"
    assert "no notebook to start from" in mine.get(student).text

    assert mine.post(student, data={"edition": "1"}).status_code == 303

    assert "template.ja.ipynb, template.en.ipynb" in mine.get(student).text
    assert mine.post(student, data={"edition": "1"}).status_code == 409


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param({"work": Work.TRYING, "progress": Progress(done=3, total=9)}, "3 of 9", id="at work"),
        pytest.param({"work": Work.TRYING}, "The reference is being run", id="has begun"),
        pytest.param(
            {"trial": Trial(edition=1, findings=(Note(code="error.nothing_to_draft"),), prompt_outputs={})},
            "does not earn all points",
            id="does not hold",
        ),
        pytest.param({"notes": (Note(code="run.unexpected", facts={"error": "X"}),)}, "unexpected error", id="failed"),
    ],
)
def test_the_page_of_the_self_test_tells_how_far_it_is(school, mine, state, words):
    with school.stores.storage.writing() as tx:
        course = tx.courses.find_by_slug("demo")
        found = tx.manuscripts.find(course.course_id, slug="mine")
        tx.manuscripts.put(replace(found, **state))

    assert words in mine.get(f"{MINE}/edit/trial").text


def test_why_it_does_not_hold_leads_to_the_lines(school, mine):
    findings = (
        Note(code="publish.empty_earns", facts={"question": "q2", "score": 3}),
        Note(code="publish.reference_died", facts={"cell": 2}),
    )
    with school.stores.storage.writing() as tx:
        found = tx.manuscripts.find(tx.courses.find_by_slug("demo").course_id, slug="mine")
        tx.manuscripts.put(replace(found, trial=Trial(edition=1, findings=findings, prompt_outputs={})))

    page = mine.get(f"{MINE}/edit/trial").text

    lines = re.findall(rf'href="{MINE}/edit/yaml\?line=(\d+)#text"', page)
    assert FILES["assignment.yaml"].decode().splitlines()[int(lines[0]) - 1].strip().startswith("q2:")
    mine.post(f"{MINE}/edit/yaml", data={"text": "{", "edition": "1"})
    page = mine.get(f"{MINE}/edit/trial").text
    assert "Python ended in the middle of cell 2" in page, "it is told, too, where nobody can say at which line"


def test_a_self_test_is_asked_for_and_its_result_is_shown(school, ida):
    tiny = "/courses/demo/assignments/tiny/edit/trial"
    assert ida.post(tiny, data={"edition": "0"}).status_code == 303
    assert 'hx-trigger="every 1s"' in ida.get(tiny).text

    school.work_off()

    page = ida.get(tiny).text
    assert "Self-test of tiny" in page
    assert "every 1s" not in page


def test_why_what_is_offered_cannot_be_graded_is_told(school, ida):
    with school.stores.storage.writing() as tx:
        findings = [Note(code="publish.empty_earns", facts={"question": "q1", "score": 3})]
        tx.versions.set_state(school.loaded.version, VersionState.FAILED, findings=findings)

    assert "does not earn all points" in ida.get("/courses/demo/assignments/tiny/edit/trial").text
    assert "does not earn full points" in ida.get(NEW).text


def test_a_new_assignment_is_published_and_then_given_dates(school, mine):
    assert "Publishing adds it to the course" in mine.get(f"{MINE}/edit/publish").text

    answer = mine.post(f"{MINE}/edit/publish", data={"edition": "1"})

    assert answer.headers["location"] == f"{MINE}/dates?published=1"
    assert "Published." in mine.get(answer.headers["location"]).text
    assert "Nothing differs" in mine.get(f"{MINE}/edit/publish").text
    assert mine.post(f"{MINE}/edit/discard", data={"edition": "1"}).status_code == 404


def test_what_is_published_opens_when_its_author_typed_and_not_before(school, mine, open_as):
    local = school.clock.now().astimezone(ZoneInfo("Asia/Tokyo"))
    typed = {
        "opens": f"{local + timedelta(minutes=1):%Y-%m-%dT%H:%M}",
        "due": f"{local + timedelta(days=7):%Y-%m-%dT%H:%M}",
    }

    mine.post(f"{MINE}/edit/publish", data={"edition": "1", **typed})

    dates = mine.get(f"{MINE}/dates").text
    assert all(f'value="{each}"' in dates for each in typed.values())
    ann = open_as("ann")
    assert ann.get(MINE).status_code == 404
    school.clock.pass_s(60)
    assert ann.get(MINE).status_code == 200


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param({"opens": "soon", "due": ""}, 'value="soon"', id="no moment"),
        pytest.param({"opens": "2026-12-02T09:00", "due": "2026-12-01T09:00"}, "due before it closes", id="no order"),
    ],
)
def test_dates_that_cannot_be_are_told_and_nothing_is_published(mine, typed, words):
    answer = mine.post(f"{MINE}/edit/publish", data={"edition": "1", **typed})

    assert answer.status_code == 422
    assert words in answer.text
    assert "Not published yet." in answer.text
    assert mine.get(f"{MINE}/dates").status_code == 404


def test_only_what_is_new_here_is_asked_for_dates(mine):
    assert "students see it at once" in mine.get(f"{MINE}/edit/publish").text
    mine.post(f"{MINE}/edit/publish", data={"edition": "1"})
    form = fields_of(mine.get(f"{MINE}/edit").text)
    mine.post(f"{MINE}/edit", data=form | {"title.en": ["Another title"]})

    page = mine.get(f"{MINE}/edit/publish").text

    assert "Only texts or rubrics differ" in page
    assert 'name="opens"' not in page


def test_a_draft_can_be_thrown_away_by_a_second_press(mine):
    page = mine.get(f"{MINE}/edit").text
    asked = page.split("<details")[1].split("</details>")[0]
    assert all(words in asked for words in ("Throw this draft away</summary>", "Yes, throw it away", "gone for good"))
    (edition,) = re.findall(r'name="edition" value="(\d+)"', asked)

    assert mine.post(f"{MINE}/edit/discard", data={"edition": edition}).headers["location"] == NEW
    assert mine.get(f"{MINE}/edit").status_code == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "何も捨てていません", id="japanese"),
        pytest.param("en", "nothing was thrown away", id="english"),
    ],
)
def test_nobody_throws_away_what_they_have_not_read(mine, language, words):
    mine.headers["accept-language"] = language
    assert mine.post(f"{MINE}/edit/yaml", data={"edition": "1", "text": "mended"}).status_code == 303

    answer = mine.post(f"{MINE}/edit/discard", data={"edition": "1"})

    assert answer.status_code == 409
    assert words in answer.text
    assert "mended" in text_of(mine)


@pytest.mark.parametrize("path", ["new", "tiny/edit", "tiny/edit/yaml", "tiny/edit/trial", "tiny/edit/publish"])
@pytest.mark.parametrize("login", ["ann", "tom"])
def test_only_instructors_come_here(open_as, path, login):
    assert open_as(login).get(f"/courses/demo/assignments/{path}").status_code == 403
