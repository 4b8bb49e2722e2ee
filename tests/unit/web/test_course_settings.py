"""A new course by an admin, and what its instructors set."""

import re

import pytest
from school import notebook_bytes

from grader.domain.people import CountingPolicy
from grader.flow.joining import find_join_code, read_join_code

SETTINGS = "/courses/demo/settings"
NEW = {"slug": "dl-2026", "title": "深層学習", "time_zone": "Asia/Tokyo", "counting": "last"}


def test_an_admin_makes_a_course_and_is_told_what_comes_next(school, enter_as):
    eve = enter_as("eve")
    assert eve.get("/courses/new").status_code == 200
    answer = eve.post("/courses/new", data=NEW)
    assert "Now import a roster" in eve.get(answer.headers["location"]).text
    assert course_of(school, "dl-2026").counting is CountingPolicy.LAST


def course_of(school, slug="demo"):
    with school.stores.storage.reading() as tx:
        return tx.courses.find_by_slug(slug)


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        pytest.param({"slug": "demo"}, 409, id="a name that is taken"),
        pytest.param({"slug": "new"}, 422, id="the name of a page"),
        pytest.param({"slug": "深層"}, 422, id="a name that is none in addresses"),
        pytest.param({"title": " "}, 422, id="no title"),
        pytest.param({"time_zone": "Tokyo"}, 422, id="no zone"),
        pytest.param({"time_zone": "../../etc/passwd"}, 422, id="a path"),
    ],
)
def test_a_course_that_cannot_be_made_is_asked_for_again(enter_as, typed, status):
    answer = enter_as("eve").post("/courses/new", data=NEW | typed)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert 'id="counting-last" name="counting" type="radio" value="last" checked' in answer.text


@pytest.mark.parametrize("login", ["ida", "ann"])
def test_courses_are_made_by_admins(enter_as, login):
    browser = enter_as(login)
    assert [browser.get("/courses/new").status_code, browser.post("/courses/new", data=NEW).status_code] == [403, 403]


@pytest.mark.parametrize("login", ["tom", "ann"])
def test_settings_are_for_instructors(enter_as, login):
    browser = enter_as(login)
    assert browser.get(SETTINGS).status_code == 403
    assert browser.post(SETTINGS, data={"title": "x", "time_zone": "UTC"}).status_code == 403
    assert browser.post("/courses/demo/join-code", data={"change": "renew"}).status_code == 403


def test_an_instructor_changes_title_zone_and_switch(school, enter_as):
    ida = enter_as("ida")
    typed = {"title": "デモ", "time_zone": "Europe/Paris", "counting": "best"}
    assert "Saved." in ida.get(ida.post(SETTINGS, data=typed | {"shows_at_risk": "true"}).headers["location"]).text
    course = course_of(school)
    assert (course.title, course.time_zone, course.shows_at_risk) == ("デモ", "Europe/Paris", True)
    ida.post(SETTINGS, data=typed)
    assert not course_of(school).shows_at_risk


def test_what_cannot_be_set_is_asked_for_again_with_what_was_typed(school, enter_as):
    answer = enter_as("ida").post(SETTINGS, data={"title": "x" * 201, "time_zone": "Mars/Base"})
    assert answer.status_code == 422
    assert "Mars/Base" in answer.text
    assert course_of(school).time_zone == "Asia/Tokyo"


def test_another_policy_counts_other_submissions_at_once(school, enter_as):
    better = school.submit(data=notebook_bytes(x=3, y=4)).submission
    school.submit(data=notebook_bytes(x=1, y=1), seconds=60)
    school.work_off()
    last = school.submit(data=notebook_bytes(x=2, y=2), seconds=120).submission
    school.work_off()
    assert counting(school, better) == better.submission_id
    typed = {"title": "Demo", "time_zone": "Asia/Tokyo", "counting": "last"}
    enter_as("ida").post(SETTINGS, data=typed)
    assert counting(school, better) == last.submission_id


def counting(school, submission):
    with school.stores.storage.reading() as tx:
        return tx.submissions.find_counting(submission.offering_id, person_id=submission.person_id)


def test_the_join_code_is_made_shown_renewed_and_taken_away(school, enter_as):
    ida = enter_as("ida")
    assert "Make a join code" in ida.get(SETTINGS).text
    change(ida, "renew")
    first = find_join_code("demo", stores=school.stores)
    page = ida.get(SETTINGS).text
    assert f"http://testserver/join?code={first}" in page
    change(ida, "renew")
    assert find_join_code("demo", stores=school.stores) != first
    assert read_join_code(find_join_code("demo", stores=school.stores), asker="1", stores=school.stores).slug == "demo"
    change(ida, "close")
    assert find_join_code("demo", stores=school.stores) is None


def change(browser, what):
    answer = browser.post("/courses/demo/join-code", data={"change": what})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, SETTINGS)


def test_tabs_lead_to_what_the_reader_may_open(enter_as):
    tabs = {
        login: set(re.findall(r'href="/courses/demo/(\w+)"', enter_as(login).get("/courses/demo").text))
        for login in ("ann", "tom", "ida", "eve")
    }
    assert "members" not in tabs["ann"]
    assert "members" in tabs["tom"]
    assert "settings" not in tabs["tom"]
    assert {"members", "settings"} <= tabs["ida"] & tabs["eve"]
