"""What a student can read of a result, by every way there is, before and after its points and details are released."""

import re
from datetime import timedelta

import pytest
from doubles import NOON
from graded import WRONG, Graded, Scribe
from school import School, notebook_bytes

from grader.domain.ids import QuestionId
from grader.domain.publishing import Dates, Release, Rules
from grader.flow.review import Judgement, comment_together
from grader.flow.schedule import set_schedule

LATER = NOON + timedelta(hours=1)
COMMENT = "Look at the sum again."
BY_DATE, BY_HAND = Release.BY_DATE, Release.BY_HAND
STATES = {
    "nothing, by date": (Dates(feedback_at=LATER), Rules(), ()),
    "nothing, by hand": (Dates(), Rules(release=BY_HAND), ()),
    "points, details by date": (Dates(details_at=LATER), Rules(), ("points",)),
    "points, details by hand": (Dates(), Rules(details=BY_HAND), ("points",)),
    "everything": (Dates(), Rules(), ("points", "details")),
}
WAYS = {
    "the result": "/submissions/{id}",
    "the executed notebook": "/submissions/{id}/executed",
    "its graded cells": "/submissions/{id}/cells",
    "how far it is": "/submissions/{id}/progress",
    "events": "/submissions/{id}/events",
    "home": "/",
    "the course": "/courses/demo",
    "the assignment": "/courses/demo/assignments/tiny",
    "the API's submission": "/api/v1/submissions/{id}",
    "the API's list": "/api/v1/courses/demo/assignments/tiny/submissions",
    "the API's result": "/api/v1/submissions/{id}/result",
    "the API's executed notebook": "/api/v1/submissions/{id}/executed",
}
POINTS = re.compile(r"5/21|5/16|\"score\":5\b|\"points\":21\b")
"""5 points were earned, of 16 that are decided or 21 in all."""
DETAILS = {
    "what was compared": re.compile(r"<mark>0</mark>|\"code\":\"value\."),
    "a comment": re.compile(re.escape(COMMENT)),
    "what came out": re.compile("seen when it ran"),
}
SHOWN_BY = {
    "the result": {"points", *DETAILS},
    "the executed notebook": {"what came out"},
    "home": {"points"},
    "the course": {"points"},
    "the assignment": {"points"},
    "the API's submission": {"points"},
    "the API's list": {"points"},
    "the API's result": {"points", "what was compared", "a comment"},
    "the API's executed notebook": {"what came out"},
}
"""What each way shows once everything may be read; the others show nothing of it ever."""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Ann handed in what is partly wrong, and a TA has said something about it."""
    folder = tmp_path_factory.mktemp("released")
    school = School.open(folder)
    school.loaded = Graded()
    school.offer()
    school.work_off()
    submission_id = school.submit("ann", notebook_bytes(**WRONG)).submission.submission_id
    printed = [{"output_type": "stream", "name": "stdout", "text": "seen when it ran"}]
    school.work_off(school.bench(runner=Scribe(outputs={1: printed})))
    comment_together(
        [Judgement(submission_id=submission_id, question_id=QuestionId("q1"), comment=COMMENT)],
        caller=school.caller("tom"),
        stores=school.stores,
        assignments=school.assignments,
    )
    school.stores.storage.close()
    return folder, submission_id


@pytest.fixture
def school(tmp_path, template):
    school = School.open(tmp_path, template=template[0])
    school.loaded = Graded()
    yield school
    school.stores.storage.close()


@pytest.fixture
def release(school):
    def release(state):
        dates, rules, _ = STATES[state]
        set_schedule("demo", "tiny", dates=dates, rules=rules, caller=school.caller("ida"), stores=school.stores)

    return release


@pytest.fixture
def read(school, template, enter_as):
    """What somebody gets by one of the ways."""

    def read(way, login="ann", language="en"):
        browser = enter_as(login, language)
        school.caller(login)  # whose token it makes
        headers = {"Authorization": f"Bearer {school.secrets[login]}"} if way.startswith("the API") else {}
        return browser.get(WAYS[way].format(id=template[1]), headers=headers).text

    return read


def seen_in(text):
    found = {name for name, pattern in DETAILS.items() if pattern.search(text)}
    return found | {"points"} if POINTS.search(text) else found


@pytest.mark.parametrize("state", STATES)
def test_a_student_reads_just_what_is_released_by_every_way(release, read, state):
    release(state)
    _, _, parts = STATES[state]
    allowed = {"points"} if parts == ("points",) else {"points", *DETAILS} if parts else set()

    assert {way: seen_in(read(way)) for way in WAYS} == {way: SHOWN_BY.get(way, set()) & allowed for way in WAYS}


def test_staff_read_everything_at_any_time(release, read):
    release("nothing, by hand")

    assert seen_in(read("the result", "tom")) == SHOWN_BY["the result"]
    assert seen_in(read("the API's result", "tom")) == SHOWN_BY["the API's result"]
    assert seen_in(read("the executed notebook", "tom")) == SHOWN_BY["the executed notebook"]


@pytest.mark.parametrize(
    ("state", "way", "ja", "en"),
    [
        (
            "nothing, by date",
            "the result",
            "点数は 11月24日(火) 22:00 から見られます。",
            "Received and graded. You can read your points from Tue 24 Nov, 22:00.",
        ),
        (
            "nothing, by hand",
            "the result",
            "受け付けて、採点も終わりました。点数は、担当教員が公開すると見られます。",
            "You can read your points once your instructor releases them.",
        ),
        (
            "nothing, by date",
            "the API's result",
            "点数は 11月24日(火) 22:00 から見られます。",
            "You can read your points from Tue 24 Nov, 22:00.",
        ),
        (
            "nothing, by hand",
            "the API's result",
            "点数は、担当教員が公開すると見られます。",
            "You can read your points once your instructor releases them.",
        ),
        ("nothing, by date", "home", "点数が見られる日時：", "Points can be read from"),
        ("nothing, by hand", "the course", "提出・採点済み", "Received and graded"),
        (
            "points, details by date",
            "the result",
            "いま見られるのは点数だけです。正誤の説明やコメントは 11月24日(火) 22:00 から",
            "Why, and what was said about them, can be read from Tue 24 Nov, 22:00.",
        ),
        (
            "points, details by hand",
            "the result",
            "正誤の説明やコメントは、担当教員が公開すると見られます。",
            "can be read once your instructor releases it.",
        ),
        (
            "points, details by date",
            "the API's result",
            "コメントは 11月24日(火) 22:00 から",
            "can be read from Tue 24 Nov, 22:00.",
        ),
        (
            "points, details by hand",
            "the API's result",
            "コメントは、担当教員が公開すると見られます。",
            "can be read once your instructor releases it.",
        ),
    ],
)
def test_a_student_is_told_what_can_be_read_when(release, read, state, way, ja, en):
    release(state)

    assert ja in read(way, language="ja")
    assert en in read(way, language="en")


def test_points_alone_name_no_reason_why_some_wait(release, read):
    """Five points wait for a person; that it is for words is a detail."""
    release("points, details by hand")

    page = read("the result")

    assert "5 points are still to be decided" in page
    assert "What was checked" not in page
    assert "Point at the cell with your answer" not in page
