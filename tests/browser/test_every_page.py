"""Every page holds what pages promise, by light and in the dark; a new one is visited without being named here."""

import pytest
from browsing import PHONE, Reader, serving
from route_rules import ASSIGNMENT, COURSE, EDIT, RULE_OF, SUBMISSION, address_of, list_routes, name_things
from school import School
from town import build_town, open_town

from grader.web.app import create_app

LEAST_FIRST = ("", "ann", "tom", "ida", "eve")
"""The first who may visits a page; '' has not signed in."""
NO_PAGES = {
    "GET /healthz",
    "GET /readyz",
    "GET /static/{digest}/{path:path}",
    # These only lead to a provider and back, and the town has none.
    "GET /sign-in/provider",
    "GET /sign-in/provider/back",
    # Files.
    f"GET {ASSIGNMENT}/template",
    f"GET {EDIT}/files/{{path:path}}",
    f"GET {COURSE}/table.{{file_format}}",
    f"GET {SUBMISSION}/{{kept}}/download",
    # What stands in pages.
    f"GET {SUBMISSION}/progress",
    f"GET {SUBMISSION}/events",
    f"GET {SUBMISSION}/{{kept}}/frames/{{number}}/{{name}}",
    f"GET {SUBMISSION}/{{kept}}/images/{{digest}}",
}
PAGES = sorted(
    route for route in list_routes() - NO_PAGES if route.startswith("GET ") and not route.startswith("GET /api/")
)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    school = School.open(folder)
    school.offer()
    school.stores.storage.close()
    return build_town(tmp_path_factory.mktemp("town"), template=folder)


@pytest.fixture(scope="module")
def visit(town, chromium):
    """Opens a page as somebody who may; each person has one browser for all of them."""
    school, services = open_town(town.folder)
    readers = {}

    def visit(route):
        login = next(login for login in LEAST_FIRST if login in RULE_OF[route].value)
        if login not in readers:
            readers[login] = Reader.open(chromium, url, size=PHONE)
            if login:
                cookie = {"name": "session", "value": town.sessions[login], "url": url}
                readers[login].page.context.add_cookies([cookie])
        reader = readers[login]
        reader.trouble.clear()
        answer = reader.page.goto(address_of(route, name_things(route, town)))
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        return reader

    with serving(create_app(services)) as url:
        yield visit
        for reader in readers.values():
            reader.page.context.close()
    school.stores.storage.close()


@pytest.mark.parametrize("route", PAGES)
def test_a_page_holds_what_pages_promise(visit, route):
    reader = visit(route)

    reader.check_page()
    reader.check_dark_page()
    reader.check_size()


def test_only_what_is_there_is_left_out():
    assert list_routes() > NO_PAGES
