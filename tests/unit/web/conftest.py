"""A browser of sorts: asks the application for pages, keeps cookies, follows no redirect by itself."""

import pytest
from starlette.testclient import TestClient

from grader.web.app import create_app
from grader.web.services import Services

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def services(school):
    return Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )


@pytest.fixture
def open_browser(services):
    """Opens one that prefers a language; each has cookies of its own."""

    def open_browser(language="en", *, services=services, **headers):
        return TestClient(
            create_app(services),
            headers={"Accept": PAGE, "Accept-Language": language, **headers},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    return open_browser


@pytest.fixture
def browser(open_browser):
    return open_browser()
