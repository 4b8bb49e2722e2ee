"""The dashboard's page: what staff look for stands on it, in words and as bars with their numbers."""

import re
from datetime import timedelta

import pytest
from doubles import NOON
from school import notebook_bytes
from telling import telling

from grader.domain.jobs import SandboxState, WorkerHealth
from grader.flow import people
from grader.flow.dashboard import read_dashboard
from grader.web.pages.dashboard import CHART_HEIGHT, draw_arrivals

ADDRESS = "/courses/demo/assignments/tiny/dashboard"


@pytest.fixture
def graded(school):
    """Ann is right, bob wrong in the first question; cat has handed in nothing."""
    school.loaded = telling()
    people.add_member(people.NewMember(login="cat", name="ねこ 太郎"), course="demo", stores=school.stores)
    school.submit("ann")
    school.submit("bob", notebook_bytes(x=1, y=4))
    school.work_off()
    return school


def text_of(answer):
    assert answer.status_code == 200
    text = re.sub(r"</?code>", "", answer.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param(
            "en",
            ["Mean", "10 of 20", "Earned", "0%", "1 ×", "x is None.", "Not handed in (1)", "ねこ 太郎"],
            id="english",
        ),
        pytest.param(
            "ja",
            ["平均", "10 / 20 点", "得点率", "0%", "1 人", "x は None です。", "未提出の人（1 人）"],
            id="japanese",
        ),
    ],
)
def test_what_staff_look_for_is_there(graded, enter_as, language, words):
    answer = enter_as("tom", language).get(ADDRESS)

    text = text_of(answer)
    assert [word for word in words if word not in text] == []
    # The mistake is told in the words that its student reads, and leads to that student's submission.
    (sample,) = re.findall(r'href="(/submissions/\w+)"', answer.text)
    seen = read_dashboard("demo", "tiny", caller=graded.caller("tom"), stores=graded.stores)
    assert sample == f"/submissions/{seen.failures[0].sample}"


def test_kinds_of_mistakes_that_are_left_out_are_a_press_away(graded, enter_as, monkeypatch):
    monkeypatch.setattr("grader.flow.dashboard._EXAMPLES", 0)
    staff = enter_as("tom")

    page = staff.get(ADDRESS)
    (further,) = re.findall(r'href="(\?mistakes=all)#mistakes"', page.text)
    whole = staff.get(ADDRESS + further)

    assert ("Further kinds of mistakes: 1" in page.text, "x is None." in text_of(page)) == (True, False)
    assert ("Further kinds of mistakes" in whole.text, "x is None." in text_of(whole)) == (False, True)


@pytest.mark.parametrize(
    ("login", "status"),
    [
        pytest.param("ann", 403, id="a student"),
        pytest.param("sam", 404, id="a stranger"),
        pytest.param("eve", 200, id="an admin"),
    ],
)
def test_it_is_for_staff(school, enter_as, login, status):
    people.create_person("sam", name="Sam", stores=school.stores)
    assert enter_as(login).get(ADDRESS).status_code == status


def test_an_assignment_without_submissions_says_what_comes_next(school, enter_as):
    text = text_of(enter_as("tom").get(ADDRESS))

    assert "Nothing has been handed in yet." in text
    assert "What people get wrong" not in text


def test_it_says_that_grading_is_paused_and_why(school, enter_as):
    text = text_of(enter_as("tom").get(ADDRESS))

    assert "Grading is paused." in text
    assert "No worker is running." in text


def test_names_are_text(school, enter_as):
    people.add_member(people.NewMember(login="m", name="<b>Mallory</b>"), course="demo", stores=school.stores)
    assert "<b>Mallory" not in enter_as("tom").get(ADDRESS).text


def test_the_chart_shows_what_came_in_time_and_late(school_with_dates):
    school = school_with_dates(due_at=NOON + timedelta(hours=1))
    for hours in (0, 0, 2):
        school.submit("ann", notebook_bytes(x=hours), seconds=3600 * hours)
        school.submit("bob", notebook_bytes(x=hours), seconds=3600 * hours)
    chart = draw_arrivals(read_dashboard("demo", "tiny", caller=school.caller("tom"), stores=school.stores))

    assert [(each.in_time_height, each.late_height) for each in chart.columns] == [
        (CHART_HEIGHT, 0),
        (0, 0),
        (0, CHART_HEIGHT),
    ]
    assert chart.due == chart.width / 3
    for each in chart.columns:
        assert each.late_top + each.late_height + each.in_time_height == CHART_HEIGHT


@pytest.mark.parametrize(
    ("due", "place"),
    [
        pytest.param(timedelta(hours=4, minutes=30), 4.5 / 5, id="all of it before the due date"),
        pytest.param(timedelta(minutes=15), 1 / 4, id="all of it in one hour with the due date"),
        pytest.param(timedelta(days=1000), None, id="a due date that is far away"),
    ],
)
def test_the_chart_shows_the_due_date(school_with_dates, due, place):
    school = school_with_dates(due_at=NOON + due)
    school.submit("ann")
    chart = draw_arrivals(read_dashboard("demo", "tiny", caller=school.caller("tom"), stores=school.stores))

    assert chart.due == (None if place is None else pytest.approx(chart.width * place))


def test_the_chart_says_from_when_to_when_it_reaches(school, enter_as):
    school.submit("ann")

    page = enter_as("tom").get(ADDRESS).text

    (ends,) = re.findall(r'<p class="ends soft">(.*?)</p>', page)
    assert re.sub(r"<.*?>", "", ends) == "Tue 24 Nov, 21:00 Tue 24 Nov, 22:00"


def test_nothing_is_drawn_of_nothing(school):
    assert draw_arrivals(read_dashboard("demo", "tiny", caller=school.caller("tom"), stores=school.stores)) is None


def test_workers_are_listed_for_admins(school, enter_as):
    health = WorkerHealth(worker="w-1", seen_at=school.clock.now(), sandbox=SandboxState.READY, gpu="H100")
    with school.stores.storage.writing() as tx:
        tx.workers.report(health)
    school.clock.pass_s(7)

    text = text_of(enter_as("eve").get("/workers"))

    assert [word for word in ("Grading works.", "w-1", "H100", "7 s ago") if word not in text] == []
    assert enter_as("tom").get("/workers").status_code == 403
    assert "/workers" in enter_as("eve").get(ADDRESS).text
    assert "/workers" not in enter_as("tom").get(ADDRESS).text
