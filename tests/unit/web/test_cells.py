"""Pointing at the cells that answer a question, on the page and in what is graded."""

import re

import pytest
from graded import Graded, Scribe, enter
from school import notebook_bytes

from grader.domain.submission import RunState

RIGHT_CELL = b'{"cell_type": "code", "source": "x = 3"}, {"cell_type": "markdown", "source": "Four.'


@pytest.fixture
def school(school, cheap_hashes):
    school.loaded = Graded()
    return school


@pytest.fixture
def submission(school):
    """Question 1 is answered in cell 2 with a wrong number, and in cell 7, which nobody would look at."""
    data = notebook_bytes(x=9, y=4, m="1 2|3 4", words="Four.")
    return school.submit("ann", data.replace(b'{"cell_type": "markdown", "source": "Four.', RIGHT_CELL)).submission


@pytest.fixture
def work_off(school):
    return lambda: school.work_off(school.bench(runner=Scribe()))


@pytest.fixture
def open_as(school, browser):
    """A browser in which somebody has signed in, in place of who was there before."""

    def open_as(login, language="en"):
        browser.headers["Accept-Language"] = language
        browser.cookies.set("session", enter(school, login))
        return browser

    return open_as


def score_of(school, submission):
    with school.stores.storage.reading() as tx:
        return tx.runs.find_counting(submission.submission_id).totals.score


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["採点したセルを見る・直す", "問題1", "セル2", "減点はありません"], id="japanese"),
        pytest.param("en", ["See or correct the graded cells", "Question 1", "cell 2", "costs nothing"], id="english"),
    ],
)
def test_the_page_shows_which_cells_are_graded_now(submission, open_as, language, words):
    page = open_as("ann", language).get(f"/submissions/{submission.submission_id}/cells").text

    assert [word for word in words if word not in page] == []
    assert 'value="q1:2" checked' in page
    assert 'value="q1:7">' in page


def test_another_cell_is_graded_without_a_new_submission(school, submission, open_as, work_off):
    work_off()
    before = score_of(school, submission)
    browser, address = open_as("ann"), f"/submissions/{submission.submission_id}"

    answer = browser.post(f"{address}/cells", data={"cell": ["q1:7", "q2:4", "q3:6"]})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert "This is being graded again" in browser.get(address).text
    work_off()

    page = browser.get(address).text
    assert (before, score_of(school, submission)) == (11, 21)
    assert "cell 7</a> was graded because somebody pointed at it" in page
    assert "ann pointed at the cells" in page
    assert "submission 2" not in page
    assert "ann pointed at the cells" in open_as("tom").get(address).text


def test_a_choice_can_be_taken_back_and_the_history_is_kept(school, submission, open_as, work_off):
    work_off()
    browser, address = open_as("ann"), f"/submissions/{submission.submission_id}/cells"

    browser.post(address, data={"cell": ["q1:7"]})
    browser.post(address, data={})
    work_off()

    assert score_of(school, submission) == 11
    with school.stores.storage.reading() as tx:
        choices = tx.cell_choices.list_of(submission.submission_id)
    assert [dict(choice.cells) for choice in choices] == [{"q1": (6,)}, {}]
    assert "took the choice back" in browser.get(address).text


@pytest.mark.parametrize(
    "keeps_ticks", [pytest.param(True, id="just what was found"), pytest.param(False, id="nothing at all")]
)
def test_what_changes_nothing_is_not_graded_again(school, submission, open_as, work_off, keeps_ticks):
    work_off()
    browser, address = open_as("ann"), f"/submissions/{submission.submission_id}/cells"
    found = re.findall(r'value="(\S+)" checked', browser.get(address).text)
    assert found

    browser.post(address, data={"cell": found if keeps_ticks else []})

    with school.stores.storage.reading() as tx:
        assert len(tx.runs.list_of(submission.submission_id)) == 1


def test_choosing_again_and_again_makes_one_run(school, submission, open_as, work_off):
    work_off()
    browser = open_as("ann")

    for cell in ("q1:7", "q1:4", "q1:7"):
        browser.post(f"/submissions/{submission.submission_id}/cells", data={"cell": [cell]})

    with school.stores.storage.reading() as tx:
        runs = tx.runs.list_of(submission.submission_id)
    assert [run.state for run in runs] == [RunState.FINISHED, RunState.QUEUED]


@pytest.mark.parametrize(
    "ticked",
    [
        pytest.param("q1:99", id="no such cell"),
        pytest.param("q1:0", id="cells count from 1"),
        pytest.param("q9:2", id="no such question"),
        pytest.param("q1:-1", id="not a number"),
        pytest.param("q1:" + "9" * 5000, id="a number that nobody reads"),
        pytest.param("x", id="nonsense"),
    ],
)
def test_only_cells_and_questions_that_exist_can_be_chosen(school, submission, open_as, ticked):
    answer = open_as("ann").post(f"/submissions/{submission.submission_id}/cells", data={"cell": [ticked]})

    assert answer.status_code == 422
    with school.stores.storage.reading() as tx:
        assert tx.cell_choices.list_of(submission.submission_id) == ()


def test_nobody_chooses_for_another_student_but_staff_may(submission, open_as):
    address = f"/submissions/{submission.submission_id}/cells"

    assert open_as("bob").post(address, data={"cell": ["q1:7"]}).status_code == 404
    assert open_as("tom").post(address, data={"cell": ["q1:7"]}).status_code == 303


def test_the_same_bytes_handed_in_again_are_graded_without_the_choice(school, submission, open_as, work_off):
    work_off()
    open_as("ann").post(f"/submissions/{submission.submission_id}/cells", data={"cell": ["q1:7"]})
    work_off()
    data = school.stores.blobs.get(submission.notebook)

    school.submit("ann", notebook_bytes(x=1, y=1, m="1"), seconds=1)
    again = school.submit("ann", data, seconds=2).submission
    work_off()

    assert score_of(school, submission) == 21
    assert score_of(school, again) == 11
