"""Regrading on pages: ask, watch, compare, apply, undo; every step works without scripts."""

import re
from dataclasses import replace
from html import unescape

import pytest
from school import notebook_bytes

from grader.domain.ids import VersionHash
from grader.flow.publish import publish, update_offering

ADDRESS = "/courses/demo/assignments/tiny/regrade"


@pytest.fixture
def moved_on(school):
    """Ann answered 3 and bob 9; the course asks for 9 by now."""
    submission = school.submit("ann").submission
    school.submit("bob", notebook_bytes(x=9, y=4))
    school.work_off()
    school.clock.pass_s(60)
    newer = replace(school.loaded, version=VersionHash("b" * 64), reference_x=9)
    school.editions[b"newer"] = newer
    publish(newer, files={"assignment.yaml": b"newer"}, stores=school.stores)
    school.work_off()
    update_offering("tiny", course="demo", stores=school.stores)
    return submission


def text_of(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Grading", "0 of 2 done", "Ready to apply", "Apply only where points rise", "Applied", "Undone")),
        ("ja", ("採点中", "2 件中 0 件", "反映待ち", "点が上がる人だけに反映する", "反映済み", "元に戻した")),
    ],
)
def test_from_the_question_to_the_undone_answer(school, moved_on, enter_as, language, words):
    browser = enter_as("tom", language)
    running, progress, ready, only_gains, applied, undone = words
    assert browser.get(ADDRESS).status_code == 200

    asked = browser.post(ADDRESS, data={"scope": "assignment", "question": "q1"})
    assert asked.status_code == 303
    address = asked.headers["location"]
    page = text_of(browser.get(address))
    assert running in page
    assert progress in page

    school.work_off()
    page = browser.get(address)
    assert ready in text_of(page)
    assert only_gains in text_of(page)
    assert re.search(r"ann\s.*15.*5.*-10.*10 → 0", text_of(page))
    assert re.search(r"bob\s.*5.*15.*\+10.*0 → 10", text_of(page))

    assert browser.post(f"{address}/apply", data={"only": "gains"}).headers["location"] == address
    assert applied in text_of(browser.get(address))
    assert "15" in browser.get("/courses/demo/table?q=bob").text
    assert browser.post(f"{address}/apply").status_code == 409

    browser.post(f"{address}/undo")
    page = text_of(browser.get(address))
    assert undone in page
    assert address in browser.get(ADDRESS).text


def test_one_submission_is_offered_where_the_address_names_it(school, moved_on, enter_as):
    browser = enter_as("tom")
    page = browser.get(f"{ADDRESS}?submission={moved_on.submission_id}")
    assert "Only this one: ann, submission 1" in page.text

    asked = browser.post(ADDRESS, data={"scope": "submission", "submission": moved_on.submission_id})
    school.work_off()
    assert "One submission" in browser.get(asked.headers["location"]).text
    assert browser.get(f"{ADDRESS}?submission=unknown").status_code == 404


def test_a_wish_that_nothing_fits_is_told_on_the_form(school, enter_as):
    answer = enter_as("tom").post(ADDRESS, data={"scope": "question", "question": "q1"})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "No submission fits this." in answer.text


def test_it_is_for_staff(school, moved_on, enter_as):
    address = enter_as("tom").post(ADDRESS, data={"scope": "assignment"}).headers["location"]
    school.work_off()
    student = enter_as("ann")

    assert student.get(ADDRESS).status_code == 403
    assert student.post(ADDRESS, data={"scope": "assignment"}).status_code == 403
    assert student.get(address).status_code == 404
    assert student.post(f"{address}/apply").status_code == 404
    assert student.post(f"{address}/undo").status_code == 404
