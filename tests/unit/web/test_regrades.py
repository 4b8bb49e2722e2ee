"""Regrading on pages: ask, watch, compare, apply, undo; every step works without scripts."""

import re
from dataclasses import replace
from html import unescape

import pytest
from school import notebook_bytes

from grader.domain.ids import VersionHash
from grader.flow import before_after
from grader.flow.adopting import ask_effect
from grader.flow.manuscripts import publish_writing, save
from grader.flow.publish import publish, update_offering

ADDRESS = "/courses/demo/assignments/tiny/regrade"
EN = ("Grading", "0 of 2 done", "Ready to apply", "Apply only where points rise", "Applied", "Undone")
JA = ("採点中", "2 件中 0 件", "反映待ち", "点が上がる人だけに反映する", "反映済み", "元に戻した")


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
        ("en", (*EN, "Nothing was changed.")),
        ("ja", (*JA, "何も変更していません。")),
    ],
)
def test_from_the_question_to_the_undone_answer(school, moved_on, enter_as, language, words):
    browser = enter_as("tom", language)
    running, progress, ready, only_gains, applied, undone, not_now = words
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
    again = browser.post(f"{address}/apply")
    assert again.status_code == 409
    assert not_now in text_of(again)
    assert applied in text_of(again)

    browser.post(f"{address}/undo")
    page = text_of(browser.get(address))
    assert undone in page
    assert address in browser.get(ADDRESS).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("en", "applying it may change the points of other questions", id="english"),
        pytest.param("ja", "反映するとほかの問題の点も変わることがあります", id="japanese"),
    ],
)
def test_who_chooses_one_question_reads_that_the_others_are_graded_too(school, enter_as, language, words):
    page = enter_as("tom", language).get(ADDRESS).text

    assert words in page
    assert 'aria-describedby="some-hint"' in page


def test_one_submission_is_offered_where_the_address_names_it(school, moved_on, enter_as):
    browser = enter_as("tom")
    page = browser.get(f"{ADDRESS}?submission={moved_on.submission_id}")
    assert "Only this one: ann, submission 1" in page.text

    asked = browser.post(ADDRESS, data={"scope": "submission", "submission": moved_on.submission_id})
    school.work_off()
    assert "One submission" in browser.get(asked.headers["location"]).text
    assert browser.get(f"{ADDRESS}?submission=unknown").status_code == 404


@pytest.mark.parametrize(
    ("language", "whose", "words", "losing"),
    [
        pytest.param("en", None, "Question 1", True, id="everybody, english"),
        pytest.param("ja", None, "問題1", True, id="everybody, japanese"),
        pytest.param("en", "lacking", "Question 1, only those without full points in it", False, id="some, english"),
        pytest.param("ja", "lacking", "問題1（満点でない学生だけ）", False, id="some, japanese"),
    ],
)
def test_one_question_shows_who_loses_unless_some_are_left_out(
    school, moved_on, enter_as, language, whose, words, losing
):
    browser = enter_as("tom", language)
    wish = {"scope": "question", "question": "q1"} | ({"whose": whose} if whose else {})
    address = browser.post(ADDRESS, data=wish).headers["location"]
    school.work_off()

    page = text_of(browser.get(address))

    assert words in page
    assert bool(re.search(r"ann\s.*15.*5.*-10.*10 → 0", page)) == losing
    assert re.search(r"bob\s.*5.*15.*\+10.*0 → 10", page)
    assert words in text_of(browser.get(ADDRESS))


def test_a_question_that_is_none_is_refused(moved_on, enter_as):
    assert enter_as("tom").post(ADDRESS, data={"scope": "question", "question": "q9"}).status_code == 422


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


@pytest.fixture
def published(school):
    """Ann answered 3 for a course that asks for 3; a version that asks for 9 is published and not used yet."""
    school.submit("ann")
    school.work_off()
    newer = replace(school.loaded, version=VersionHash("b" * 64), reference_x=9)
    school.editions[b"newer"] = newer
    facts = {"caller": school.caller("ida"), "stores": school.stores}
    save("demo", "tiny", {"assignment.yaml": b"newer"}, edition=0, **facts)
    publish_writing("demo", "tiny", edition=1, assignments=school.assignments, **facts)
    return f"/courses/demo/assignments/tiny/versions/{newer.version}"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "has been graded with this version yet",
                "Lose points: 1",
                "uses another version",
                "by the old rules: 1.",
            ),
        ),
        ("ja", ("まだこの版で採点されていません", "点が下がる人：1", "別の版を使っている", "1 件あります")),
    ],
)
def test_a_version_is_looked_at_on_its_page_and_applied_only_there(school, published, enter_as, language, words):
    unasked, losing, other_version, left_out = words
    ida, tom = enter_as("ida", language), enter_as("tom", language)
    assert unasked in text_of(ida.get(published))

    assert ida.post(published, data={"look": ""}).headers["location"] == published
    assert ida.post(published, data={"apply": ""}).status_code == 409
    school.work_off()
    school.submit("bob", notebook_bytes(x=9, y=4))
    page = ida.get(published)
    assert losing in text_of(page)
    assert left_out in text_of(page)
    assert 'name="look"' in page.text

    regrade = re.search(r"/regrades/[^\"]+", page.text)[0]
    for browser, may_decide in ((ida, True), (tom, False)):
        table = browser.get(regrade)
        assert other_version in text_of(table)
        assert f"{regrade}/apply" not in table.text
        assert (published in table.text) is may_decide

    assert ida.post(published, data={"apply": ""}).headers["location"] == regrade
    assert ida.post(published, data={"apply": ""}).status_code == 409


def test_a_version_can_be_used_while_the_next_one_is_written(school, published, enter_as):
    school.work_off()
    with school.stores.storage.writing() as tx:
        course = tx.courses.find_by_slug("demo")
        manuscript = tx.manuscripts.find(course.course_id, slug="tiny")
        tx.manuscripts.put(replace(manuscript, files={}, edition=2))

    page = enter_as("ida").get(published)

    assert f'action="{published}"' in page.text


def test_the_table_names_the_submission_that_would_count_instead(school, moved_on, enter_as):
    school.submit("ann", notebook_bytes(x=9, y=0))
    school.work_off()
    browser = enter_as("tom")
    address = browser.post(ADDRESS, data={"scope": "assignment"}).headers["location"]
    school.work_off()

    assert "counts: submission 2 instead of 1" in text_of(browser.get(address))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "ほかのTAか教員", id="japanese"),
        pytest.param("en", "another TA or an instructor", id="english"),
    ],
)
def test_what_a_ta_handed_in_somebody_else_regrades(school, enter_as, language, words):
    submission = school.submit("tom").submission.submission_id
    tom = enter_as("tom", language)

    assert [
        f"{ADDRESS}?submission=" in enter_as(login).get(f"/submissions/{submission}").text for login in ("tom", "ida")
    ] == [
        False,
        True,
    ]
    answer = tom.post(ADDRESS, data={"scope": "submission", "submission": submission})
    assert (answer.status_code, words in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "not in it: 1 (students: 1)."),
        ("ja", "入っていない提出：1件（1人）。"),
    ],
)
def test_what_is_not_graded_again_is_told(school, published, enter_as, monkeypatch, language, words):
    monkeypatch.setattr(before_after, "_MOST_OF_A_PERSON", 1)
    school.submit("ann", notebook_bytes(x=1, y=4))
    school.work_off()
    ida = enter_as("ida", language)
    ida.post(published, data={"look": ""})
    school.work_off()

    page = ida.get(published)

    assert words in text_of(page)
    assert words in text_of(ida.get(re.search(r"/regrades/[^\"]+", page.text)[0]))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "The version was refused, so nothing is graded with it."), ("ja", "採点には使いません")],
)
def test_what_is_refused_keeps_nobody_waiting(school, enter_as, language, words):
    school.submit("ann")
    school.work_off()
    refused = replace(school.loaded, version=VersionHash("b" * 64), first=replace(school.loaded.first, name="z"))
    school.editions[b"refused"] = refused
    facts = {"caller": school.caller("ida"), "stores": school.stores}
    save("demo", "tiny", {"assignment.yaml": b"refused"}, edition=0, **facts)
    publish_writing("demo", "tiny", edition=1, assignments=school.assignments, **facts)
    ask_effect("demo", "tiny", refused.version, **facts)
    school.work_off()
    (address,) = set(re.findall(r'href="(/regrades/\w+)"', enter_as("ida").get(ADDRESS).text))

    for login, is_led in (("ida", True), ("tom", False)):
        page = enter_as(login, language).get(address)
        assert words in text_of(page)
        assert (f"versions/{refused.version}" in page.text) is is_led
        assert "hx-get" not in page.text
