"""A browser of sorts: asks the application for pages, keeps cookies, follows no redirect by itself."""

from functools import cache
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from grader.domain.accounts import SessionLifetimes
from grader.flow.accounts import start_session
from grader.web.app import create_app
from grader.web.events import Lookout
from grader.web.services import Services

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def services(school):
    return Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )


@cache
def make_app(*, max_upload_bytes, public_url):
    """An application for any services that agree in this: to make one takes longer than most tests."""
    placeholder = SimpleNamespace(max_upload_bytes=max_upload_bytes, public_url=public_url, stores=None)
    return create_app(placeholder)


def serve(services):
    """The application with these services, also where another browser of the same test has others."""
    app = make_app(max_upload_bytes=services.max_upload_bytes, public_url=services.public_url)
    lookout = Lookout(services.stores)

    async def answer(scope, receive, send):
        app.state.services, app.state.lookout = services, lookout
        await app(scope, receive, send)

    return answer


@pytest.fixture
def open_browser(services):
    """Opens one that prefers a language; each has cookies of its own."""

    def open_browser(language="en", *, services=services, **headers):
        return TestClient(
            serve(services),
            headers={"Accept": PAGE, "Accept-Language": language, **headers},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    return open_browser


@pytest.fixture
def browser(open_browser):
    return open_browser()


@pytest.fixture
def enter_as(school, open_browser):
    """Opens a browser in which this person is signed in, without the cost of a password."""

    def enter_as(login, language="en", **more):
        with school.stores.storage.writing() as tx:
            person = tx.people.find_by_login(login)
            issued = start_session(tx, person, lifetimes=SessionLifetimes(), at=school.clock.now())
        browser = open_browser(language, **more)
        browser.cookies.set("session", issued.secret)
        return browser

    return enter_as
