"""A person's browser in tests: what it sees of a school's pages, and everything that a page must not do."""

import socket
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from axe_playwright_python.sync_playwright import Axe, AxeResults
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page
from school import School
from service import Service

from grader.domain.people import Role
from grader.flow import accounts
from grader.web.security import PAGE_POLICY
from grader.wiring.data_folder import open_stores

HOST = "grader.test"
"""Not localhost, which browsers trust as if it were https."""
PATIENCE_MS = 90_000
"""For what kernels do on a machine that does much else; what is there at once takes none of it."""
PHONE, DESK = (360, 740), (1280, 800)
AXE_OPTIONS = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
COLOURS_ONLY = """
    async () => axe.run({runOnly: ["color-contrast", "link-in-text-block"], resultTypes: ["violations"]})
"""
FIRST_LOAD_BYTES = 200_000
"""That a page may take at most, compressed, with all that it loads."""
LOADED_BYTES = """
    document.fonts.ready.then(() => ["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
        .reduce((sum, one) => sum + one.encodedBodySize, 0))
"""


@contextmanager
def serving(app: FastAPI):
    """The application behind a web server of its own, in a thread; gives the address."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True)
class Site:
    """The web process in a thread, and the school behind it."""

    school: School
    url: str
    app: FastAPI

    def invite(self, login: str) -> str:
        return f"/invitation/{accounts.invite(login, stores=self.school.stores).secret}"

    def serve(self, html: str) -> str:
        """Serve a page that no module makes yet, under the policy of pages; gives its path."""
        path = f"/{uuid.uuid4()}"
        page = HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY})
        self.app.add_api_route(path, lambda: page)
        return path


@dataclass(frozen=True)
class Campus:
    """A real service with its worker and kernels, where the course 'demo' offers homework 8."""

    service: Service

    @property
    def url(self) -> str:
        return self.service.url.replace("127.0.0.1", HOST)

    def enrol(self, login: str, *, role: Role = Role.STUDENT) -> str:
        """A new member of the course; the path of the link with which they choose a password."""
        self.service.add_member(login, role=role)
        with open_stores(self.service.settings) as stores:
            return f"/invitation/{accounts.invite(login, stores=stores).secret}"


@dataclass
class Reader:
    """One person's browser. It notes whatever a page must not do."""

    page: Page
    language: str
    trouble: list[str] = field(default_factory=list)
    meant: set[int] = field(default_factory=set)
    """Statuses of answers that are no trouble."""

    def watch(self, *, url: str) -> None:
        self.page.on("console", lambda told: self._note(told.text if told.type in ("error", "warning") else ""))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda asked: self._note("" if asked.url.startswith((url, "data:")) else asked.url))

    def _note(self, trouble: str) -> None:
        if trouble and not self._is_meant(trouble):
            self.trouble.append(trouble)

    def _is_meant(self, trouble: str) -> bool:
        return any(f"status of {status}" in trouble for status in self.meant)

    def forget(self, status: int) -> None:
        """Chromium reports each answer of 400 and above; this one was meant, also where it is reported later."""
        self.meant.add(status)
        self.trouble = [line for line in self.trouble if not self._is_meant(line)]

    @classmethod
    def open(cls, chromium: Browser, url: str, language: str = "en", *, size: tuple[int, int] = DESK, **options):
        """A new browser of somebody who reads the pages at this address."""
        context = chromium.new_context(
            base_url=url,
            locale={"ja": "ja-JP", "en": "en-US"}[language],
            viewport={"width": size[0], "height": size[1]},
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        reader = cls(context.new_page(), language)
        reader.watch(url=url)
        return reader

    def check_page(self, *, with_axe: bool = True) -> None:
        """In the reader's language, no wider than the screen, accessible, and without trouble of its own."""
        self.page.wait_for_load_state()  # after its scripts
        assert self.page.locator("html").get_attribute("lang") == self.language
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
        if with_axe:
            found = Axe().run(self.page, options=AXE_OPTIONS)
            assert found.violations_count == 0, found.generate_report()
        assert self.trouble == [], self.trouble

    def check_dark_page(self) -> None:
        """After `check_page`: the same page can be read in the dark."""
        self.page.emulate_media(color_scheme="dark")
        found = AxeResults(self.page.evaluate(COLOURS_ONLY))
        self.page.emulate_media(color_scheme="light")
        assert found.violations_count == 0, found.generate_report()

    def check_size(self) -> None:
        """With an empty cache, the page would load no more than pages may."""
        assert self.page.evaluate(LOADED_BYTES) < FIRST_LOAD_BYTES
