"""The way of a student from the course's page to a submission, and what a refusal says."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from doubles import NOON
from graded import Graded, Scribe
from school import notebook_bytes

from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Rules
from grader.flow import accounts, people
from grader.notebook.read import read

HOUR = timedelta(hours=1)
ROOT = "/courses/demo/assignments/tiny"
RIGHT = notebook_bytes(x=3, y=4)


@pytest.fixture
def services(services):
    """With the reader of notebooks that the service has: its refusals are what students read."""
    return replace(services, intake=replace(services.intake, read_notebook=read))


@pytest.fixture
def enter(school, cheap_hashes, open_browser):
    """The browser of somebody who is signed in."""

    def enter(login="ann", language="en"):
        browser = open_browser(language)
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser.cookies.set("session", issued.secret)
        return browser

    return enter


def upload(browser, data=RIGHT, *, path=f"{ROOT}/submissions", name="hw.ipynb"):
    return browser.post(path, files={"file": (name, data)} if data is not None else None)


def give_dates(school, *, rules=None, **dates):
    with school.stores.storage.writing() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        tx.offerings.set_dates(offering.offering_id, Dates(**dates))
        tx.offerings.set_rules(offering.offering_id, rules or offering.rules)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param(
            "ja", ["小さな課題", "問題1", "（10点）", "11月24日(火) 22:00", "まだ提出していません"], id="japanese"
        ),
        pytest.param("en", ["Tiny", "Question 1", "(10 points)", "Tue 24 Nov, 22:00", "not handed in"], id="english"),
    ],
)
def test_the_page_tells_what_is_asked_and_until_when(school, enter, language, words):
    give_dates(school, due_at=NOON + HOUR)

    page = enter(language=language).get(ROOT).text

    assert [word for word in words if word not in page] == []


DAILY = LatePolicy(percent=10, unit=LateUnit.DAY, grace_minutes=15, most_percent=50)
HOURLY = LatePolicy(percent=2.5, unit=LateUnit.HOUR)


@pytest.mark.parametrize(
    ("language", "late", "words"),
    [
        pytest.param("en", DAILY, ["10% of the points you earn for each day", "than 50%", "15 minutes"], id="days"),
        pytest.param("ja", DAILY, ["1日ごとに得点の10%", "最大50%", "15分以内"], id="days in Japanese"),
        pytest.param("en", HOURLY, ["2.5% of the points you earn for each hour"], id="hours"),
        pytest.param("ja", HOURLY, ["1時間ごとに得点の2.5%"], id="hours in Japanese"),
        pytest.param("en", None, ["Being late costs no points"], id="nothing"),
        pytest.param("en", replace(DAILY, percent=0), ["Being late costs no points"], id="no percent"),
        pytest.param("ja", None, ["減点はありません"], id="nothing in Japanese"),
    ],
)
def test_what_being_late_costs_is_told_before_anything_is_late(school, enter, language, late, words):
    give_dates(school, due_at=NOON + HOUR, rules=Rules(late=late))

    page = enter(language=language).get(ROOT).text

    assert [word for word in words if word not in page] == []
    assert ("than 100%" in page, "Up to 0" in page) == (False, False)


def test_where_nothing_late_is_taken_no_price_is_named(school, enter):
    give_dates(school, due_at=NOON + HOUR, closes_at=NOON + HOUR, rules=Rules(late=DAILY))

    page = enter().get(ROOT).text

    assert "What arrives after the due date does not count." in page
    assert "for each day" not in page


@pytest.mark.parametrize(
    ("counting", "words"),
    [
        pytest.param(None, "The submission with the most points counts", id="as the course says"),
        pytest.param(CountingPolicy.LAST, "Your last submission counts", id="as the assignment says"),
    ],
)
def test_which_submission_counts_is_told_before_the_first(school, enter, counting, words):
    give_dates(school, feedback_at=NOON + HOUR, rules=Rules(counting=counting))
    browser = enter()

    assert words in browser.get(ROOT).text
    upload(browser)
    assert words in browser.get(ROOT).text  # also while points are held back


def test_the_course_leads_to_the_assignment_and_home_to_the_course(enter):
    browser = enter()

    assert 'href="/courses/demo"' in browser.get("/").text
    assert f'href="{ROOT}"' in browser.get("/").text
    assert f'href="{ROOT}"' in browser.get("/courses/demo").text


def test_handing_in_leads_to_the_submission(enter):
    browser = enter()
    answer = upload(browser)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/submissions/")
    page = browser.get(ROOT).text
    assert f'<a href="{answer.headers["location"]}">No. 1</a>' in page
    assert "hw.ipynb" in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["5/15点・5点分は採点待ち", "成績になる提出", "点数がいちばん高い提出"], id="japanese"),
        pytest.param("en", ["5/15 points, 5 more waiting", "this one counts", "with the most points"], id="english"),
    ],
)
def test_own_submissions_tell_their_points_and_which_counts_and_why(school, enter, language, words):
    school.submit(data=notebook_bytes(x=1, y=4))
    school.work_off()

    page = enter(language=language).get(ROOT).text

    assert [word for word in words if word not in page] == []
    assert page.count('class="counting"') == 1


def test_what_is_held_back_tells_neither_points_nor_which_counts(school, enter):
    give_dates(school, feedback_at=NOON + HOUR)
    school.submit()
    school.work_off()

    page = enter().get(ROOT).text

    assert "Received and graded" in page
    assert 'class="counting"' not in page
    assert "points, " not in page


def test_the_same_file_again_is_told_and_nothing_is_handed_in(enter):
    browser = enter()
    upload(browser)
    answer = upload(browser)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}?same=1")
    page = browser.get(answer.headers["location"]).text
    assert "Nothing new was handed in" in page
    assert "No. 2" not in page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"%PDF-1.7", "This is a PDF", id="no notebook"),
        pytest.param(None, "No file was chosen", id="no file at all"),
    ],
)
def test_a_refused_file_costs_nothing_and_says_what_to_do(enter, data, words):
    browser = enter()
    answer = upload(browser, data)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Nothing was handed in" in answer.text
    assert words in answer.text
    assert "No. 1" not in answer.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "There is no room for more"), ("ja", "これ以上は受け取れません。")]
)
def test_who_has_no_room_left_is_told_so_on_the_page(services, open_browser, enter, language, words):
    crowded = replace(services, intake=replace(services.intake, most_bytes=len(RIGHT) - 1))
    browser = open_browser(language, services=crowded)
    browser.cookies.set("session", enter().cookies["session"])

    answer = browser.post(f"{ROOT}/submissions", files={"file": ("hw.ipynb", RIGHT)})

    assert (answer.status_code, words in answer.text) == (422, True)


def test_a_browser_that_sends_an_empty_field_is_told_the_same(enter):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = enter().post(f"{ROOT}/submissions", content=body, headers=headers)

    assert (answer.status_code, "No file was chosen" in answer.text) == (422, True)


def test_several_files_are_one_too_many(enter):
    files = [("file", ("a.ipynb", RIGHT)), ("file", ("b.ipynb", RIGHT))]
    answer = enter().post(f"{ROOT}/submissions", files=files)

    assert (answer.status_code, "one notebook only" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "2問中2問の解答が見つかりました。", id="japanese"),
        pytest.param("en", "2 of 2 questions found.", id="english"),
    ],
)
def test_a_look_tells_what_is_in_the_file(enter, language, words):
    browser = enter(language=language)
    answer = upload(browser, path=f"{ROOT}/look")

    assert answer.status_code == 200
    assert words in answer.text
    assert "<html" not in answer.text
    assert "No. 1" not in browser.get(ROOT).text


def test_a_look_recognises_the_same_file(enter):
    browser = enter()
    upload(browser)

    assert "same file as your no. 1" in upload(browser, path=f"{ROOT}/look").text


def test_a_look_at_a_file_that_would_be_refused_says_why(enter):
    answer = upload(enter(), b"%PDF-1.7", path=f"{ROOT}/look")

    assert answer.status_code == 200
    assert "Nothing was handed in" in answer.text


def test_file_names_and_notebooks_are_text(school, enter):
    school.submit(file_name="<img src=x onerror=alert(1)>.ipynb")

    page = enter().get(ROOT).text

    assert "<img" not in page
    assert "&lt;img" in page


def test_many_submissions_come_in_pages(school, enter):
    for number in range(21):
        school.submit(data=notebook_bytes(x=number, y=4), seconds=number)
    browser = enter()
    page = browser.get(ROOT).text

    assert ">No. 21<" in page
    assert ">No. 1<" not in page
    earlier = page.partition("?after=")[2].partition('"')[0]
    assert ">No. 1<" in browser.get(f"{ROOT}?after={earlier}").text


def test_there_is_a_template_only_where_the_assignment_has_one(enter):
    browser = enter()

    assert "/template" not in browser.get(ROOT).text
    assert browser.get(f"{ROOT}/template").status_code == 404


def test_who_is_no_member_finds_nothing(school, enter):
    people.create_person("lost", name="Lost", stores=school.stores)
    browser = enter("lost")

    assert [browser.get(path).status_code for path in ("/courses/demo", ROOT, f"{ROOT}/template")] == [404] * 3
    assert [upload(browser, path=f"{ROOT}/{what}").status_code for what in ("look", "submissions")] == [404] * 2


def test_what_has_not_opened_is_for_staff_alone(school, enter):
    give_dates(school, opens_at=NOON + HOUR)

    assert enter("ann").get(ROOT).status_code == 404
    assert "Not open yet" in enter("tom").get(ROOT).text


def test_staff_are_told_that_theirs_is_a_try(enter):
    assert "try-out" in enter("tom").get(ROOT).text
    assert "try-out" not in enter("ann").get(ROOT).text


def test_a_result_is_news_until_its_page_was_opened(school, enter):
    school.loaded = Graded()
    browser = enter()
    browser.get(ROOT)
    submission_id = upload(browser).headers["location"]
    school.clock.pass_s(1)
    school.work_off(school.bench(runner=Scribe()))

    assert "New result" in browser.get("/").text
    assert browser.get(submission_id).status_code == 200
    assert "New result" not in browser.get("/").text


@pytest.mark.parametrize(
    ("login", "doors"),
    [
        pytest.param("ann", [], id="a student has none"),
        pytest.param("tom", ["dashboard"], id="a TA looks"),
        pytest.param("ida", ["dashboard", "edit", "dates"], id="an instructor changes things"),
        pytest.param("eve", ["dashboard", "edit", "dates"], id="an admin, too"),
    ],
)
def test_staff_find_what_they_do_with_an_assignment(enter, login, doors):
    for path in (ROOT, "/courses/demo"):
        page = enter(login).get(path).text
        assert [door for door in ("dashboard", "edit", "dates") if f'href="{ROOT}/{door}"' in page] == doors


@pytest.mark.parametrize(
    ("language", "words"),
    [pytest.param("ja", "サインイン", id="japanese"), pytest.param("en", "sign in", id="english")],
)
def test_what_goes_wrong_in_a_part_of_a_page_is_told_in_that_part(open_browser, language, words):
    open_page = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{ROOT}?after=3"}
    answer = open_browser(language, **open_page).post(f"{ROOT}/look", files={"file": ("a.ipynb", RIGHT)})

    assert answer.status_code == 401
    assert words in answer.text
    assert "token" not in answer.text
    assert 'target="_blank"' in answer.text  # the chosen file stays in the form
    assert f'href="/sign-in?{urlencode({"next": f"{ROOT}?after=3"})}"' in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "このまま提出できます", id="japanese"),
        pytest.param("en", "You can hand it in as it is", id="english"),
    ],
)
def test_after_many_looks_the_page_says_when_the_next_one_is_possible(school, enter, language, words):
    browser = enter(language=language)
    for number in range(21):
        answer = upload(browser, notebook_bytes(x=number), path=f"{ROOT}/look")
    school.clock.pass_s(60)
    answer = upload(browser, notebook_bytes(x=20), path=f"{ROOT}/look")

    assert answer.status_code == 200
    assert words in answer.text
    assert "540" in answer.text
    assert upload(browser, notebook_bytes(x=20)).status_code == 303
