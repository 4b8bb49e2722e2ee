"""The files of an assignment that is being written: listed, replaced, added, removed and kept, one editor at a time."""

import re
from dataclasses import replace
from importlib import resources

import pytest

from grader.catalog import Bundle, parse
from grader.flow import manuscripts
from grader.flow.assignments import StoredAssignments

MINE = "/courses/demo/assignments/mine"
PLACE = f"{MINE}/edit/files"
EXAMPLE = resources.files("grader.authoring") / "example"
FILES = {
    "assignment.yaml": (EXAMPLE / "assignment.yaml").read_bytes() + b"data: [data/train.csv, data/lost.csv]\n",
    "reference.ipynb": (EXAMPLE / "reference.ipynb").read_bytes(),
    "data/train.csv": b"1,2\n",
    "notes.txt": b"mine",
}


@pytest.fixture
def services(services, school):
    def read_assignment(files, slug):
        return parse(Bundle(slug=slug, files=files))

    return replace(services, assignments=StoredAssignments(stores=school.stores, reader=read_assignment))


@pytest.fixture
def ida(school, enter_as):
    """She writes 'mine', which names a file that is not there."""
    manuscripts.begin("demo", "mine", FILES, caller=school.caller("ida"), stores=school.stores)
    return enter_as("ida")


@pytest.fixture
def stored(school):
    """What is stored of it by now."""

    def read():
        found = manuscripts.read_writing("demo", "mine", caller=school.caller("ida"), stores=school.stores)
        return manuscripts.read_files(found.manuscript, stores=school.stores)

    return read


def put(browser, *files, edition=1, **typed):
    return browser.post(PLACE, data={"edition": edition, **typed}, files=[("files", file) for file in files])


def remove(browser, path, *, edition=1):
    return browser.post(f"{PLACE}/remove", data={"edition": edition, "path": path})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("en", ["grading compares with what it gives", "Nothing uses it", "Not there yet"], id="english"),
        pytest.param("ja", ["模範解答。採点は", "どこにも使われていません", "まだありません"], id="japanese"),
    ],
)
def test_every_file_is_listed_with_what_it_is_for_and_what_is_wrong(ida, language, words):
    ida.headers["Accept-Language"] = language

    page = ida.get(PLACE).text

    assert [word for word in words if word not in page] == []
    assert re.findall(r'class="af-name"><code>([^<]+)', page) == [
        "assignment.yaml",
        "reference.ipynb",
        "data/lost.csv",
        "data/train.csv",
        "notes.txt",
    ]
    assert "data/lost.csv" in page.partition("af-files")[0], "the mistakes of the whole assignment stand above"
    assert f'href="{PLACE}" aria-current="page"' in ida.get(PLACE).text


def test_another_reference_takes_the_place_of_the_one_before(ida, stored):
    assert put(ida, ("solved (2).ipynb", b"{}"), path="reference.ipynb").headers["location"] == f"{PLACE}?saved=1"

    assert stored() == FILES | {"reference.ipynb": b"{}"}
    page = ida.get(f"{PLACE}?saved=1").text
    assert "Saved." in page
    assert "The reference notebook cannot be read" in page


def test_data_that_the_yaml_waits_for_is_put_where_it_belongs(ida, stored):
    assert put(ida, ("lost.csv", b"3\n"), ("data/new.csv", b"4\n")).status_code == 303
    assert put(ida, ("sum.ipynb", b"{}"), edition=2, folder="equivalents").status_code == 303

    added = {"data/lost.csv": b"3\n", "data/new.csv": b"4\n", "equivalents/sum.ipynb": b"{}"}
    assert stored() == FILES | added
    assert "There is no mistake in the files." in ida.get(PLACE).text


@pytest.mark.parametrize(
    ("files", "typed", "words"),
    [
        pytest.param([], {}, "No file was chosen yet", id="nothing"),
        pytest.param([("x.zip", b"PK broken")], {}, "This zip cannot be read", id="a broken zip"),
        pytest.param([("x.csv", b"")], {"folder": "../up"}, "cannot be used as a file", id="a way out"),
        pytest.param([("x.csv", b"")], {"path": "../up.csv"}, "There is no file", id="a place that it does not have"),
        pytest.param([("x.csv", b"")], {"edition": "0"}, "Ida has saved changes", id="a page that is old"),
    ],
)
def test_what_cannot_be_put_is_told_and_changes_nothing(ida, stored, files, typed, words):
    answer = put(ida, *files, **typed)

    assert answer.status_code in {404, 409, 422}
    assert words.casefold() in answer.text.casefold()
    assert f'value="{typed.get("folder", "")}"' in answer.text, "what was typed still stands there"
    assert stored() == FILES


def test_what_nothing_needs_can_be_removed(ida, stored):
    assert remove(ida, "notes.txt").headers["location"] == f"{PLACE}?saved=1"

    assert "notes.txt" not in stored()
    assert remove(ida, "notes.txt", edition=2).status_code == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("assignment.yaml", "is the assignment itself"),
        ("reference.ipynb", "Grading needs reference.ipynb"),
        ("data/train.csv", "delete that line in the YAML first"),
    ],
)
def test_what_is_needed_stays_and_says_why(ida, stored, path, words):
    answer = remove(ida, path)

    assert (answer.status_code, words in answer.text) == (409, True)
    assert stored() == FILES


def test_two_never_remove_or_replace_over_each_other(ida, enter_as, stored):
    eve = enter_as("eve")
    assert put(eve, ("train.csv", b"hers")).status_code == 303

    assert put(ida, ("train.csv", b"mine")).status_code == 409
    answer = remove(ida, "notes.txt")

    assert answer.status_code == 409
    assert "Eve has saved changes meanwhile" in answer.text
    assert 'name="edition" value="2"' in answer.text, "the page is up to date again"
    assert stored() == FILES | {"data/train.csv": b"hers"}


def test_a_file_is_kept_as_a_download_whatever_it_is_called(ida):
    name = "図 #1.html"
    put(ida, (name, b"<script>alert(1)</script>"))
    (href,) = re.findall(rf'href="({PLACE}/[^"]*html)"', ida.get(PLACE).text)

    answer = ida.get(href)

    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E5%9B%B3%20%231.html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ida.get(f"{PLACE}/none.txt").status_code == 404


def test_mistakes_lead_to_their_line_or_to_the_file(ida):
    put(ida, ("reference.ipynb", b"no notebook"), path="reference.ipynb")

    page = ida.get(PLACE).text

    (line,) = re.findall(rf'href="{MINE}/edit/yaml\?line=(\d+)#text" data-line="\1">assignment.yaml', page)
    assert FILES["assignment.yaml"].decode().splitlines()[int(line) - 1].startswith("data:")
    assert f'<a href="{PLACE}">reference.ipynb</a>' in page
    assert f'<a href="#text" data-line="{line}">' in ida.get(f"{MINE}/edit/yaml").text
