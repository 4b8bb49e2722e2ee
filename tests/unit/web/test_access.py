"""Every page asks who is there, unless it stands in the list of those that are for everybody."""

from types import SimpleNamespace

import pytest
from fastapi.routing import iter_route_contexts

from grader.web.app import create_app

FOR_EVERYBODY = {
    "GET /healthz",
    "HEAD /healthz",
    "GET /readyz",
    "GET /api/v1/openapi.json",
    "HEAD /api/v1/openapi.json",
    "GET /static/{digest}/{path:path}",
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /invitation/{secret}",
    "POST /invitation/{secret}",
    "POST /preferences",
    "GET /join",
    "POST /join",
}


def routes():
    app = create_app(SimpleNamespace(max_upload_bytes=1, public_url=None, stores=None))
    return {f"{method} {route.path}" for route in iter_route_contexts(app.routes) for method in route.methods}


@pytest.mark.parametrize("route", sorted(routes() - FOR_EVERYBODY))
def test_who_is_not_signed_in_gets_nowhere(browser, route):
    method, path = route.split(" ", 1)

    answer = browser.request(method, path)

    if method == "GET" and not path.startswith("/api/"):
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    else:
        assert answer.status_code == 401


def test_nothing_is_for_everybody_that_does_not_exist():
    assert routes() >= FOR_EVERYBODY
