"""An instructor releases points and then details by hand; a student sees just that, on phone and desk."""

import pytest
from browsing import DESK, PHONE
from graded import WRONG, Graded, Scribe, enter
from school import notebook_bytes

from grader.domain.text import Language
from grader.feedback.catalogue import load_messages


@pytest.fixture
def address(site):
    """A graded submission of ann."""
    school = site.school
    school.loaded = Graded()
    school.clock.pass_s(60)
    data = notebook_bytes(**WRONG, words=f"It is four, at {school.clock.now()}.")
    submission = school.submit("ann", data).submission
    school.work_off(school.bench(runner=Scribe()))
    return f"/submissions/{submission.submission_id}"


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", PHONE, id="japanese on a phone"), pytest.param("en", DESK, id="english on a desk")],
)
def test_points_and_details_are_released_one_after_the_other(site, address, open_reader, language, size):
    messages = load_messages(Language(language))
    readers = {}
    for login in ("ann", "ida"):
        readers[login] = open_reader(language, size=size)
        session = {"name": "session", "value": enter(site.school, login), "url": site.url}
        readers[login].page.context.add_cookies([session])
    ann, ida = readers["ann"].page, readers["ida"].page

    def see(code):
        """What the student reads after a new look."""
        ann.goto(address)
        ann.get_by_text(messages[code]).wait_for()
        readers["ann"].check_page()

    def press(code):
        ida.get_by_role("button", name=messages[code], exact=True).click()

    ida.goto("/courses/demo/assignments/tiny/dates")
    for part in ("authoring_page.release", "release.details"):
        ida.get_by_role("group", name=messages[part]).get_by_label(messages["authoring_page.release_by_hand"]).check()
    press("authoring_page.save_dates")
    ida.get_by_text(messages["release.nothing"]).wait_for()
    readers["ida"].check_page()
    see("release.wait")
    ann.goto("/")
    ann.get_by_text(messages["release.points_by_hand"]).wait_for()

    press("release.points_now")
    ida.get_by_text(messages["release.done"]).wait_for()
    readers["ida"].check_page()
    see("release.details_wait_for_somebody")
    assert ann.locator("main table mark").count() == 0

    press("release.details_now")
    ida.get_by_role("button", name=messages["release.details_now"], exact=True).wait_for(state="detached")
    ann.goto(address)
    ann.locator("main table mark").first.wait_for()
    readers["ann"].check_page()
