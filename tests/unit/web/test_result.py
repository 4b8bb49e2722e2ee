"""The page of a submission: what it says, to whom, in both languages."""

import html
import json
import re
from datetime import timedelta

import pytest
from doubles import NOON
from graded import RIGHT, WRONG, Graded, Scribe, enter
from school import notebook_bytes

from grader.domain.assignment import Visibility
from grader.domain.ids import QuestionId
from grader.domain.publishing import Dates
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.regrade import regrade
from grader.flow.review import Judgement, comment_together, override

HOUR = timedelta(hours=1)


@pytest.fixture
def school(school, cheap_hashes):
    school.loaded = Graded()
    return school


@pytest.fixture
def open_as(school, browser):
    """A browser in which somebody has signed in, in place of who was there before."""

    def open_as(login, language="en"):
        browser.headers["Accept-Language"] = language
        browser.cookies.set("session", enter(school, login))
        return browser

    return open_as


@pytest.fixture
def hand_in(school):
    """Hands in and has it graded; the address of the submission."""

    def hand_in(values, *, login="ann", seconds=0, **more):
        receipt = school.submit(login, notebook_bytes(**values, **more), seconds=seconds)
        school.work_off(school.bench(runner=Scribe()))
        return f"/submissions/{receipt.submission.submission_id}"

    return hand_in


def give_dates(school, dates):
    with school.stores.storage.writing() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        tx.offerings.set_dates(offering.offering_id, dates)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param(
            "ja",
            [
                "小さな課題",
                "提出1",
                "11月24日(火) 21:00",
                "締切内",
                "この提出が成績になります",
                "5/21",
                "記述5点分は採点待ち",
            ],
            id="japanese",
        ),
        pytest.param(
            "en",
            [
                "Tiny",
                "submission 1",
                "Tue 24 Nov, 21:00",
                "on time",
                "this is the one that counts",
                "5/21",
                "5 points of",
            ],
            id="english",
        ),
    ],
)
def test_a_result_says_what_is_decided_and_what_waits(school, open_as, hand_in, language, words):
    give_dates(school, Dates(due_at=NOON + HOUR))

    page = open_as("ann", language).get(hand_in(WRONG)).text

    assert [word for word in words if word not in page] == []


def test_what_cost_most_is_worth_fixing_first(open_as, hand_in):
    page = open_as("ann").get(hand_in(WRONG)).text

    assert page.index("Q1 (+10)") < page.index("Q3 (+6)")
    assert "Q2 (+" not in page


@pytest.mark.parametrize(
    ("visibility", "words"),
    [
        pytest.param(Visibility.FULL, {"<mark>0</mark>", "should be 4"}, id="full: what is expected too"),
        pytest.param(Visibility.HINT, {"<mark>0</mark>"}, id="hint: only one's own"),
        pytest.param(Visibility.VERDICT, set(), id="verdict: nothing"),
    ],
)
def test_a_small_matrix_is_shown_as_far_as_its_level_allows(school, open_as, hand_in, visibility, words):
    school.loaded = Graded(visibility=visibility)

    page = open_as("ann").get(hand_in(WRONG)).text

    assert {word for word in ("<mark>0</mark>", "should be 4") if word in page} == words


def test_the_graded_cell_stands_beside_its_verdict_once(open_as, hand_in):
    page = open_as("ann").get(hand_in(WRONG)).text

    assert page.count('id="cell-2"') == 1
    assert page.count('id="cell-4"') == 1


def test_the_words_of_a_written_answer_stand_beside_it_but_no_headings(open_as, hand_in):
    page = open_as("ann").get(hand_in({"x": 5, "y": 4}, words="It is four.")).text

    assert "Graded: cell 4, 5" in page
    assert 'id="cell-3"' not in page  # the heading of question 2


def test_staff_see_whose_it_is_and_other_students_nothing(open_as, hand_in):
    address = hand_in(WRONG)

    assert "Handed in by ann (ann)" in open_as("tom").get(address).text
    assert open_as("bob").get(address).status_code == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "問題1の点を訂正する", id="japanese"),
        pytest.param("en", "Correct the points of question 1", id="english"),
    ],
)
def test_staff_are_led_to_where_a_question_is_corrected_and_nobody_else(open_as, hand_in, language, words):
    address = hand_in(WRONG)

    ((here, name),) = re.findall(
        r'<a href="([^"]*/q1[?]need=decided[^"]*)">([^<]*)</a>', open_as("tom", language=language).get(address).text
    )

    assert (name, open_as("tom").get(html.unescape(here)).status_code) == (words, 200)
    assert words not in open_as("ann", language=language).get(address).text


def test_while_there_is_no_result_the_page_says_how_far_it_is(school, open_as):
    receipt = school.submit("ann")

    page = open_as("ann").get(f"/submissions/{receipt.submission.submission_id}").text

    assert "Grading is paused" in page
    assert "Decided so far" not in page


@pytest.mark.parametrize(
    ("login", "is_told"), [pytest.param("ann", False, id="students"), pytest.param("tom", True, id="staff")]
)
def test_a_failure_of_ours_is_no_zero_and_its_reason_is_for_staff(school, open_as, login, is_told):
    receipt = school.submit("ann")
    trouble = Note(code="run.worker_lost", facts={"attempts": 3})
    with school.stores.storage.writing() as tx:
        tx.runs.fail(receipt.run.run_id, trouble=trouble, at=NOON)

    page = open_as(login).get(f"/submissions/{receipt.submission.submission_id}").text

    assert "our fault and not a zero" in page
    assert (sentence(trouble, Language.EN) in page) == is_told


def test_while_it_is_graded_again_the_earlier_result_stands(school, open_as, hand_in):
    address = hand_in(WRONG)
    regrade(address.rpartition("/")[2], stores=school.stores)

    page = open_as("ann").get(address).text

    assert "This is being graded again" in page
    assert "5/21" in page
    assert "hx-get" not in page  # a whole course may be graded again, and nobody asked for it just now


@pytest.mark.parametrize(
    ("login", "is_told"), [pytest.param("ann", False, id="students"), pytest.param("tom", True, id="not staff")]
)
def test_a_result_that_is_held_back_is_told_to_nobody_but_staff(school, open_as, hand_in, login, is_told):
    address = hand_in(WRONG)
    give_dates(school, Dates(feedback_at=NOON + HOUR))

    page = open_as(login).get(address).text

    assert ("5/21" in page) == is_told
    assert ("You can read your points from" in page) != is_told
    assert ('id="cell-2"' in page) == is_told


def test_what_cannot_be_handed_in_again_is_not_called_worth_fixing(school, open_as, hand_in):
    address = hand_in(WRONG)
    give_dates(school, Dates(due_at=NOON - HOUR, closes_at=NOON))

    page = open_as("ann").get(address).text

    assert "Worth fixing" not in page
    assert "Hand in again" not in page


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        pytest.param(Dates(due_at=NOON + HOUR), "on time", id="in time"),
        pytest.param(Dates(due_at=NOON - HOUR), "late", id="late"),
        pytest.param(Dates(closes_at=NOON - HOUR), "it does not count", id="after closing"),
    ],
)
def test_a_result_says_what_its_moment_means(school, open_as, hand_in, dates, words):
    give_dates(school, dates)

    assert f">{words}<" in open_as("ann").get(hand_in(RIGHT)).text.replace("arrived after closing, so ", "")


def test_what_staff_settled_is_not_worth_fixing(school, open_as, hand_in):
    address = hand_in(WRONG)
    submission_id = address.rpartition("/")[2]
    judgement = Judgement(submission_id=submission_id, question_id=QuestionId("q1"), points=2, reason="agreed")
    override(judgement, caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)

    page = open_as("ann").get(address).text

    assert "Q1 (+" not in page
    assert "2/10" in page


def test_what_people_said_stands_before_what_the_machine_found(school, open_as, hand_in):
    address = hand_in(WRONG)
    remark = Judgement(
        submission_id=address.rpartition("/")[2], question_id=QuestionId("q1"), comment="Look at the last line."
    )
    comment_together([remark], caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)

    page = open_as("ann").get(address).text

    question = page[page.index('id="q1"') : page.index('id="q2"')]
    said, found = question.index('<ul class="res-said">'), question.index('<ul class="res-checks">')
    assert said < question.index("Look at the last line.") < found
    assert question.count("Look at the last line.") == 1


def test_all_submissions_are_listed_with_the_one_that_counts(open_as, hand_in):
    first, second = hand_in(RIGHT), hand_in(WRONG, seconds=60)

    page = open_as("ann").get(second).text

    assert f'href="{first}"' in page
    assert "another submission counts" in page
    assert "Full marks" not in page


@pytest.mark.parametrize(
    ("login", "dates", "is_listed"),
    [
        pytest.param("ann", Dates(), True, id="the student"),
        pytest.param("tom", Dates(), True, id="staff"),
        pytest.param("ann", Dates(feedback_at=NOON + HOUR), False, id="nobody who may not know yet which it is"),
    ],
)
def test_the_one_that_counts_is_listed_however_old_it_is(
    school, open_as, hand_in, monkeypatch, login, dates, is_listed
):
    monkeypatch.setattr("grader.web.pages.result._LISTED", 2)
    first, *_, last = (hand_in(values, seconds=at) for at, values in enumerate((RIGHT, WRONG, {"x": 1}, {"x": 2})))
    give_dates(school, dates)

    page = open_as(login).get(last).text

    assert (f'href="{first}"' in page) == is_listed
    assert page.count('class="counting"') == is_listed
    assert "Earlier" in page


def test_an_output_that_attacks_its_reader_stays_text(school, open_as):
    receipt = school.submit("ann", notebook_bytes(**WRONG))
    output = {"output_type": "stream", "name": "stdout", "text": "<script>alert(1)</script>"}
    school.work_off(school.bench(runner=Scribe(outputs={1: [output]})))

    page = open_as("ann").get(f"/submissions/{receipt.submission.submission_id}").text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_cells_that_notes_name_are_links_to_where_they_stand(school, open_as):
    notebook = json.loads(notebook_bytes(**WRONG))
    notebook["cells"][4]["source"] = "no heading"
    notebook["cells"] += notebook["cells"][:2]
    receipt = school.submit("ann", json.dumps(notebook).encode())
    school.work_off(school.bench(runner=Scribe()))
    address = f"/submissions/{receipt.submission.submission_id}"

    page = open_as("ann").get(address).text

    (found,) = re.findall(r"<li>No heading led to question 3, so (.*?) was graded", page)
    assert found == '<a href="#cell-6">cell 6</a>'
    assert 'id="cell-6"' in page
    (twice,) = re.findall(r"<li>There is more than one answer to question 1. (.*?)</li>", page)
    assert f'the earlier one, from <a href="{address}/executed#cell-1">cell 1</a>' in twice
    assert 'id="cell-1"' not in page
