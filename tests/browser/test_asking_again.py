"""Parts of pages that ask again by themselves: a failure of ours passes, and who is signed out is told what to do."""

import pytest

from grader.domain.accounts import SessionLifetimes
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import manuscripts
from grader.flow.accounts import start_session

TRIAL = "/courses/demo/assignments/tiny/edit/trial"


@pytest.fixture(scope="module")
def school(site):
    """With a self-test that goes on for as long as nobody works."""
    school = site.school
    manuscripts.ask_for_trial(
        "demo", "tiny", edition=0, caller=school.caller("ida"), stores=school.stores, assignments=school.assignments
    )
    return school


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_failure_of_ours_passes_and_the_end_of_a_session_is_told(site, school, open_reader, language):
    with school.stores.storage.writing() as tx:
        ida = tx.people.find_by_login("ida")
        issued = start_session(tx, ida, lifetimes=SessionLifetimes(), at=school.clock.now())
    reader = open_reader(language)
    page, messages = reader.page, load_messages(Language(language))
    page.context.add_cookies([{"name": "session", "value": issued.secret, "url": site.url}])
    page.goto(TRIAL)
    words = page.get_by_text(messages["authoring_page.trying_reference"])
    words.wait_for()

    page.route(f"**{TRIAL}", lambda route: route.fulfill(status=502, body="<html><body>Bad gateway</body></html>"))
    for _ in range(2):
        page.wait_for_event("response", lambda answer: answer.status == 502)
    page.unroute(f"**{TRIAL}")
    page.wait_for_event("response", lambda answer: answer.status == 200)
    words.wait_for()
    reader.forget(502)
    reader.check_page()

    page.context.clear_cookies(name="session")
    page.get_by_text(messages["course.session_over"]).wait_for()
    assert words.count() == 0
    reader.forget(401)
    reader.check_page()
    page.get_by_role("main").get_by_role("link", name=messages["page.sign_in"]).click()
    page.get_by_label(messages["page.login"]).wait_for()
    assert page.get_by_role("main").locator("input[name=next]").get_attribute("value") == TRIAL
