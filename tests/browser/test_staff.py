"""Staff look at how an assignment goes, at everybody's scores, and regrade: as a person does, on phone and desk."""

from dataclasses import replace

import pytest
from browsing import DESK, PHONE
from school import notebook_bytes
from telling import telling

from grader.domain.accounts import SessionLifetimes
from grader.domain.ids import VersionHash
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages
from grader.flow import people
from grader.flow.accounts import start_session
from grader.flow.publish import publish, update_offering

COURSE = "/courses/demo"


@pytest.fixture(scope="module")
def course(site):
    """Ann is right, bob is not, cat has handed in nothing; then the course moves on to a version that bob fits."""
    school = site.school
    school.loaded = telling()
    people.add_member(people.NewMember(login="cat", name="ねこ 太郎"), course="demo", stores=school.stores)
    school.submit("ann")
    school.submit("bob", notebook_bytes(x=9, y=4))
    school.work_off()
    school.clock.pass_s(60)
    newer = replace(telling(), version=VersionHash("b" * 64), reference_x=9)
    school.editions[b"newer"] = newer
    publish(newer, files={"assignment.yaml": b"newer"}, stores=school.stores)
    school.work_off()
    update_offering("tiny", course="demo", stores=school.stores)
    return school


@pytest.fixture
def open_as_tutor(site, course, open_reader):
    def open_as_tutor(language, *, size, **options):
        reader = open_reader(language, size=size, **options)
        with course.stores.storage.writing() as tx:
            tutor = tx.people.find_by_login("tom")
            issued = start_session(tx, tutor, lifetimes=SessionLifetimes(), at=course.clock.now())
        reader.page.context.add_cookies([{"name": "session", "value": issued.secret, "url": site.url}])
        return reader

    return open_as_tutor


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("ja", PHONE, id="japanese on a phone"), pytest.param("en", DESK, id="english on a desk")],
)
def test_from_the_table_to_an_undone_regrade(course, open_as_tutor, language, size):
    reader = open_as_tutor(language, size=size)
    page, messages = reader.page, load_messages(Language(language))

    def words(code, **facts):
        return messages[code].format(**facts)

    page.goto(f"{COURSE}/table")
    reader.check_page()
    page.get_by_label(words("staff.search")).fill("ねこ")
    page.get_by_role("button", name=words("staff.show")).click()
    page.wait_for_url("**q=**")
    page.get_by_role("rowheader", name="ねこ 太郎").wait_for()
    assert page.get_by_role("rowheader").count() == 1
    with page.expect_download() as download:
        page.get_by_role("link", name=words("staff.as_csv")).click()
    assert download.value.suggested_filename == "demo.csv"

    page.goto(f"{COURSE}/assignments/tiny/dashboard")
    for more in page.locator("summary").all():
        more.click()
    reader.check_page()
    page.get_by_text("ねこ 太郎").wait_for()

    page.get_by_role("link", name=words("staff.regrade")).click()
    reader.check_page()
    page.get_by_role("button", name=words("staff.regrade_start")).click()
    page.get_by_role("progressbar").wait_for()
    reader.check_page()
    course.work_off()

    # The page asks again by itself.
    page.get_by_role("heading", name=words("staff.before_after")).wait_for()
    reader.check_page()
    page.get_by_role("button", name=words("staff.apply_gains")).click()
    page.get_by_text(words("staff.regrade_applied"), exact=True).wait_for()
    reader.check_page()
    page.get_by_role("button", name=words("staff.undo")).click()
    page.get_by_text(words("staff.regrade_undone"), exact=True).wait_for()
    reader.check_page()


@pytest.mark.parametrize(
    ("language", "size"),
    [pytest.param("en", PHONE, id="english on a phone"), pytest.param("ja", DESK, id="japanese on a desk")],
)
def test_every_page_is_readable_in_the_dark_and_without_scripts(course, open_as_tutor, language, size):
    reader = open_as_tutor(language, size=size, color_scheme="dark", java_script_enabled=False)
    for address in ("table", "assignments/tiny/dashboard", "assignments/tiny/regrade"):
        assert reader.page.goto(f"{COURSE}/{address}").status == 200
    reader.page.get_by_role("radio").first.check()
    reader.page.locator("form[action$=regrade] button").click()
    reader.page.get_by_role("progressbar").wait_for()
    course.work_off()
    reader.page.locator("#regrade a").click()
    reader.page.locator("form[action$=apply]").wait_for()
    assert reader.trouble == []
