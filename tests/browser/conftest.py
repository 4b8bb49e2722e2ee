"""Debian's chromium on a school's pages, over plain http as on a LAN; every page is held to what pages promise."""

import functools
import shutil

import pytest
from browsing import DESK, HOST, Campus, Reader, Site, serving
from playwright.sync_api import Browser, sync_playwright
from school import School
from service import running_service

from grader.web.app import create_app
from grader.web.services import Services


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    school = School.open(tmp_path_factory.mktemp("school"))
    school.offer()
    services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )
    app = create_app(services)
    with serving(app) as url:
        yield Site(school, url, app)
    school.stores.storage.close()


@pytest.fixture(scope="module")
def chromium():
    """Not pytest-playwright's: its event loop would run until the session's end, beside tests that start their own."""
    program = shutil.which("chromium")
    assert program, "these tests need chromium: run scripts/system-packages --required"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def campus(tmp_path_factory):
    """For whole days of people: everything is real. It is shared, so each test enrols people of its own."""
    with running_service(tmp_path_factory.mktemp("campus") / "data") as service:
        yield Campus(service)


@pytest.fixture
def open_browser(chromium: Browser):
    """Opens a browser of its own for somebody who reads the pages at an address, and closes it."""
    readers = []

    def open_browser(url, language="en", *, size=DESK, **options):
        readers.append(Reader.open(chromium, url, language, size=size, **options))
        return readers[-1]

    yield open_browser
    for reader in readers:
        reader.page.context.close()


@pytest.fixture
def open_reader(open_browser, site: Site):
    """Such a browser on the school's pages."""
    return functools.partial(open_browser, site.url)
