"""A submission's notebooks as pages, as files, and what stands in frames and pictures inside of them."""

import base64
import json

import numpy as np
import pytest
from graded import WRONG, Graded, Scribe, enter
from markupsafe import escape
from png_file import write_png
from school import notebook_bytes
from xss_corpus import FILE_NAMES

from grader.rendering.frames import FRAME_HEADERS
from grader.web.pages import notebook
from grader.web.security import PAGE_POLICY

PICTURE = write_png(np.zeros((2, 3, 3), dtype=np.uint8))
ACTIVE = "<script>alert(1)</script><b>bold</b>"
OUTPUTS = [
    {"output_type": "display_data", "data": {"text/html": ACTIVE}},
    {"output_type": "display_data", "data": {"image/png": base64.b64encode(PICTURE).decode()}},
]


@pytest.fixture
def address(school, cheap_hashes):
    school.loaded = Graded()
    upload = json.loads(notebook_bytes(**WRONG))
    upload["cells"][1]["outputs"] = OUTPUTS
    receipt = school.submit("ann", json.dumps(upload).encode())
    school.work_off(school.bench(runner=Scribe(outputs={1: OUTPUTS})))
    return f"/submissions/{receipt.submission.submission_id}"


@pytest.fixture
def open_as(school, browser):
    """A browser in which somebody has signed in, in place of who was there before."""

    def open_as(login, language="en"):
        browser.headers["Accept-Language"] = language
        browser.cookies.set("session", enter(school, login))
        return browser

    return open_as


@pytest.mark.parametrize("kept", ["notebook", "executed"])
@pytest.mark.parametrize(
    ("language", "heading"),
    [pytest.param("ja", "ダウンロード", id="japanese"), pytest.param("en", "Download", id="english")],
)
def test_a_notebook_can_be_read_and_only_frames_hold_what_is_active(address, open_as, kept, language, heading):
    answer = open_as("ann", language).get(f"{address}/{kept}")

    assert heading in answer.text
    assert 'id="cell-2-output-1"' in answer.text
    assert '<iframe sandbox="" loading="lazy" title' in answer.text
    assert f'src="{address}/{kept}/frames/2/cell-2-output-1"' in answer.text
    assert "<script>alert" not in answer.text
    assert answer.headers["content-security-policy"] == f"{PAGE_POLICY}; frame-src 'self'"


@pytest.mark.parametrize("kept", ["notebook", "executed"])
def test_a_frame_has_headers_that_take_every_right_from_it(address, open_as, kept):
    answer = open_as("ann").get(f"{address}/{kept}/frames/2/cell-2-output-1")

    assert ACTIVE in answer.text
    assert {name: answer.headers[name] for name in FRAME_HEADERS} == dict(FRAME_HEADERS)


@pytest.mark.parametrize("kept", ["notebook", "executed"])
def test_a_picture_is_sent_once_and_as_what_its_bytes_are(address, open_as, kept):
    browser = open_as("ann")
    page = browser.get(f"{address}/{kept}").text
    start = page.index(f"{address}/{kept}/images/")

    answer = browser.get(page[start : page.index('"', start)])

    assert (answer.content, answer.headers["content-type"]) == (PICTURE, "image/png")
    assert "immutable" in answer.headers["cache-control"]
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("kept", ["notebook", "executed"])
def test_a_picture_is_found_without_rendering_the_notebook_again(address, open_as, monkeypatch, kept):
    browser = open_as("ann")
    page = browser.get(f"{address}/{kept}").text
    start = page.index(f"{address}/{kept}/images/")
    monkeypatch.delattr(notebook, "render_notebook")
    monkeypatch.delattr(notebook, "render_upload")

    assert browser.get(page[start : page.index('"', start)]).content == PICTURE


@pytest.mark.parametrize(
    ("kept", "name"),
    [pytest.param("notebook", ".ipynb", id="original"), pytest.param("executed", "-executed.ipynb", id="ours")],
)
def test_a_notebook_comes_as_a_file_under_a_name_of_ours(address, open_as, kept, name):
    answer = open_as("ann").get(f"{address}/{kept}/download")

    submission_id = address.rpartition("/")[2]
    assert answer.headers["content-disposition"] == f'attachment; filename="{submission_id}{name}"'
    assert json.loads(answer.content)["cells"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/notebook/frames/2/cell-2-output-9", id="no such output"),
        pytest.param("/notebook/frames/99/cell-99-output-1", id="no such cell"),
        pytest.param("/executed/images/0", id="no such picture"),
    ],
)
def test_what_is_not_in_the_notebook_is_not_found(address, open_as, path):
    assert open_as("ann").get(address + path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/notebook", "/executed", "/notebook/download", "/notebook/frames/2/cell-2-output-1", "/cells"]
)
def test_nobody_reads_a_notebook_of_somebody_else(address, open_as, path):
    assert open_as("bob").get(address + path).status_code == 404
    assert open_as("tom").get(address + path).status_code == 200


@pytest.mark.parametrize("name", FILE_NAMES)
def test_what_a_file_is_called_is_text_on_every_page_that_tells_it(school, enter_as, name):
    submission = school.submit("ann", file_name=name).submission
    ann = enter_as("ann")
    address = f"/submissions/{submission.submission_id}"

    for page in ("/courses/demo/assignments/tiny", address, f"{address}/notebook"):
        shown = ann.get(page).text
        assert escape(submission.file_name) in shown
        assert submission.file_name not in shown.replace(escape(submission.file_name), "")
    assert submission.submission_id in ann.get(f"{address}/notebook/download").headers["content-disposition"]
