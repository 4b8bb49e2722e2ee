"""Debian's chromium on a school's pages, over plain http as on a LAN; every page is held to what pages promise."""

import shutil
import socket
import threading

import pytest
import uvicorn
from browsing import DESK, HOST, PATIENCE_MS, Reader, Site
from playwright.sync_api import Browser, sync_playwright
from school import School

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
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Site(school, f"http://{HOST}:{listener.getsockname()[1]}", app)
        server.should_exit = True
        thread.join()
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


@pytest.fixture
def open_reader(chromium: Browser, site: Site):
    """Opens a browser of its own for somebody, and closes it."""
    contexts = []

    def open_reader(language="en", *, size=DESK, **options):
        context = chromium.new_context(
            base_url=site.url,
            locale={"ja": "ja-JP", "en": "en-US"}[language],
            viewport={"width": size[0], "height": size[1]},
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        reader = Reader(context.new_page(), language)
        reader.watch(url=site.url)
        return reader

    yield open_reader
    for context in contexts:
        context.close()
