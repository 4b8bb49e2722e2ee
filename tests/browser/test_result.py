"""A result in a real browser: read, understood and put right, in both languages, on phone and desk."""

import json
from dataclasses import replace

import pytest
from browsing import DESK, PHONE
from graded import WRONG, Graded, Scribe, enter
from school import notebook_bytes
from xss_corpus import CORPUS, MARK, RUN

from grader.domain.assignment import Visibility
from grader.domain.jobs import JobKind
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow.grade import claim_next
from grader.flow.submit import Upload, submit
from grader.notebook.read import read

ACTIVE = "<script>parent.document.title = 'mine'; document.title = 'mine'</script><p>drawn</p>"
OUTPUTS = {1: [{"output_type": "display_data", "data": {"text/html": ACTIVE}}]}


@pytest.fixture
def hand_in(site):
    """Hands in what is partly wrong and has it graded; the address of the submission."""
    school = site.school
    school.loaded = Graded(visibility=Visibility.FULL)

    def hand_in(login):
        # Of each person the newest bytes must be new, or nothing is handed in.
        school.clock.pass_s(1)
        words = f"It is four, at {school.clock.now()}."
        submission = school.submit(login, notebook_bytes(words=words, **WRONG, other=3)).submission
        school.work_off(school.bench(runner=Scribe(outputs=OUTPUTS)))
        return f"/submissions/{submission.submission_id}"

    return hand_in


@pytest.fixture
def open_as(site, open_reader):
    def open_as(login, language, size):
        reader = open_reader(language, size=size)
        secret = enter(site.school, login)
        reader.page.context.add_cookies([{"name": "session", "value": secret, "url": site.url}])
        return reader

    return open_as


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", PHONE, id="japanese on a phone"), pytest.param("en", DESK, id="english on a desk")],
)
def test_a_result_its_notebook_and_its_cells_can_be_read(hand_in, open_as, language, size):
    said = {code.removeprefix("result."): text for code, text in load_messages(Language(language)).items()}
    address, reader = hand_in("ann"), open_as("ann", language, size)
    page = reader.page

    page.goto(address)
    reader.check_page()
    page.get_by_role("link", name=said["gain"].format(number=3, points=6)).click()
    page.wait_for_url("**#q3")
    assert said["grid_expected"].format(expected=4) in page.get_by_role("table").first.inner_text()

    page.get_by_role("link", name=said["executed"]).click()
    page.get_by_role("heading", name=said["kept_executed"], exact=True).wait_for()
    page.frame_locator("iframe").get_by_text("drawn").wait_for()
    assert page.title().startswith(said["kept_executed"])
    # Chromium tells of every script that a frame may not run: that is what is wanted here.
    assert reader.trouble
    assert all("sandboxed" in line for line in reader.trouble)
    reader.trouble.clear()
    reader.check_page()

    page.goto(address)
    page.get_by_role("link", name=said["see_cells"]).click()
    page.get_by_role("heading", name=said["cells_title"], exact=True).wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    reader.check_page()


def test_a_printed_result_says_whose_it_is_and_leaves_out_what_is_for_screens(hand_in, open_as):
    address, page = hand_in("ann"), open_as("ann", "en", DESK).page
    page.goto(address)
    whose = page.get_by_text("Handed in by ann (ann)")
    shown = [page.locator("main h1"), page.locator(".res-score strong"), page.locator("#q1"), page.locator("#cell-2")]
    for_screens = page.locator("header, nav, footer, button, .res-doors").all()
    assert any(each.is_visible() for each in for_screens)
    assert not whose.is_visible()

    page.emulate_media(media="print")

    assert [each.is_visible() for each in (whose, *shown)] == [True] * 5
    assert "submission" in shown[0].inner_text()
    assert not any(each.is_visible() for each in for_screens)


def test_a_notebook_that_attacks_its_readers_does_nothing_on_its_page(site, open_as):
    school = site.school
    cells = [cell for data in CORPUS.values() for cell in json.loads(data)["cells"]]
    upload = Upload(
        data=json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode(),
        file_name=f"<img src=x onerror={RUN}>.ipynb",
        course="demo",
        assignment="tiny",
        received_at=school.clock.now(),
    )
    receipt = submit(upload, caller=school.caller("ann"), intake=replace(school.intake, read_notebook=read))
    claim = claim_next(worker="w", kinds=(JobKind.GRADE,), bench=school.bench())
    with school.stores.storage.writing() as tx:
        school.stores.queue.finish(tx, claim)  # no runner of a test could run it
    reader = open_as("ann", "en", DESK)
    page, asked, said = reader.page, [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))

    path = f"/submissions/{receipt.submission.submission_id}/notebook"
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    last = page.locator("iframe").last
    with page.expect_response(f"**{last.get_attribute('src')}"):
        last.scroll_into_view_if_needed()

    assert MARK not in page.title()
    assert page.url.endswith(path)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []
    assert said == []


def test_pointing_at_the_right_cell_is_graded_while_one_looks(site, hand_in, open_as):
    reader = open_as("bob", "en", PHONE)
    page = reader.page
    page.goto(f"{hand_in('bob')}/cells")
    page.get_by_text("Question 1").first.click()
    group = page.get_by_role("group", name="Cells that answer question 1")
    group.get_by_label("cell 2").uncheck()
    group.get_by_label("cell 8").check()

    page.get_by_role("button", name="Grade these cells").click()
    page.get_by_text("This is being graded again").wait_for()
    reader.check_page()
    site.school.work_off(site.school.bench(runner=Scribe()))

    page.get_by_text("cell 8 was graded because somebody pointed at it").wait_for()
    reader.check_page()


def test_everything_can_be_done_without_scripts(site, hand_in, open_reader):
    reader = open_reader("ja", java_script_enabled=False)
    secret = enter(site.school, "ann")
    reader.page.context.add_cookies([{"name": "session", "value": secret, "url": site.url}])
    address = hand_in("ann")

    reader.page.goto(f"{address}/cells")
    reader.page.get_by_text("問題1").first.click()
    reader.page.get_by_role("group", name="問題1の解答のセル").get_by_label("セル8").check()
    reader.page.get_by_role("button", name="このセルで採点する").click()
    reader.page.get_by_text("もう一度採点しています").wait_for()

    assert reader.page.url.endswith(address)
    assert reader.trouble == []
