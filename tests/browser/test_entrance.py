"""From the link in a mail to the first page and out again, as a person goes, in both languages, on phone and desk."""

import pytest
from browsing import DESK, PHONE

from grader.domain.text import Language
from grader.feedback.catalogue import load_messages

PASSWORD = "correct horse battery"


@pytest.fixture(params=[pytest.param("ja", id="japanese"), pytest.param("en", id="english")])
def language(request):
    return request.param


@pytest.fixture
def words(language):
    """The sentences a reader of this language looks for."""
    messages = load_messages(Language(language))
    return lambda code, **facts: messages[f"page.{code}"].format(**facts)


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk")])
def test_the_way_in_and_out(site, open_reader, words, language, size):
    reader = open_reader(language, size=size)
    page = reader.page

    page.goto(site.invite("ann"))
    reader.check_page()
    page.get_by_label(words("new_password")).fill(PASSWORD)
    page.get_by_label(words("password_again")).fill(PASSWORD)
    page.get_by_role("button", name=words("keep_password")).click()
    page.get_by_role("heading", name=words("home"), exact=True).wait_for()
    reader.check_page()

    page.get_by_role("button", name=words("sign_out"), exact=True).click()
    page.get_by_role("heading", name=words("sign_in"), exact=True).wait_for()
    page.get_by_label(words("login")).fill("ann")
    page.get_by_label(words("password"), exact=True).fill("a wrong password")
    page.get_by_role("button", name=words("sign_in")).click()
    page.get_by_role("alert").wait_for()
    reader.forget(401)
    reader.check_page()

    assert page.get_by_label(words("login")).input_value() == "ann"
    page.get_by_label(words("password"), exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Demo").wait_for()
    assert reader.trouble == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_are_readable_in_the_colours_of_the_device(site, open_reader, language, colours):
    reader = open_reader(language, size=PHONE, color_scheme=colours)

    reader.page.goto("/nowhere")
    reader.forget(404)
    reader.check_page()
    reader.page.goto("/sign-in")
    reader.check_page()

    background = reader.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (colours == "light")


def test_language_and_colours_can_be_chosen_without_scripts(open_reader):
    reader = open_reader("ja", java_script_enabled=False, color_scheme="light")
    page = reader.page
    page.goto("/sign-in?next=/%3Fx%3D1")

    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Sign in", exact=True).wait_for()
    page.get_by_role("button", name="Dark").click()

    page.locator("html[data-theme=dark]").wait_for()
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    assert page.url.endswith("/sign-in?next=/%3Fx%3D1")
    assert reader.trouble == []


def test_chosen_colours_win_over_the_devices(open_reader):
    reader = open_reader("en", color_scheme="light")
    reader.page.goto("/sign-in")
    reader.page.get_by_role("button", name="Dark").click()

    reader.page.locator("html[data-theme=dark]").wait_for()
    assert reader.page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    reader.check_page()


def test_the_keyboard_reaches_the_content_first(open_reader):
    page = open_reader("en").page
    page.goto("/sign-in")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.id") == "login"


def test_another_site_can_change_nothing_even_over_plain_http(site, open_reader):
    page = open_reader("en").page
    form = f'<form method="post" action="{site.url}/preferences"><button name="theme" value="dark">Win!</button></form>'
    page.route("http://evil.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.test/")

    with page.expect_response(f"{site.url}/preferences") as answer:
        page.get_by_role("button", name="Win!").click()

    assert answer.value.status == 403
    assert page.context.cookies(site.url) == []
