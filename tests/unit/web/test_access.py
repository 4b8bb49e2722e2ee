"""Every route has a rule that says who may; everybody else is refused there, and changes nothing by asking."""

import shutil
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace

import pytest
from fastapi.routing import iter_route_contexts
from school import School
from starlette.testclient import TestClient
from town import PEOPLE, Town, build_town, open_town

from grader.web.app import create_app


class Rule(Enum):
    """Whom a route is for."""

    EVERYBODY = frozenset({"", *PEOPLE})
    SIGNED_IN = frozenset(PEOPLE)
    COURSE = frozenset({"bob", "ann", "tom", "ida", "eve"})
    OWNER_OR_STAFF = frozenset({"ann", "tom", "ida", "eve"})
    STAFF = frozenset({"tom", "ida", "eve"})
    INSTRUCTOR = frozenset({"ida", "eve"})
    ADMIN = frozenset({"eve"})


COURSE = "/courses/{course}"
ASSIGNMENT = f"{COURSE}/assignments/{{slug}}"
EDIT = f"{ASSIGNMENT}/edit"
MEMBERS = f"{COURSE}/members"
SUBMISSION = "/submissions/{submission_id}"
RULES = {
    Rule.EVERYBODY: (
        "GET /healthz",
        "HEAD /healthz",
        "GET /readyz",
        "GET /api/v1/openapi.json",
        "HEAD /api/v1/openapi.json",
        "GET /static/{digest}/{path:path}",
        "GET /sign-in",
        "POST /sign-in",
        "POST /sign-out",
        "GET /sign-in/provider",
        "GET /sign-in/provider/back",
        "GET /invitation/{secret}",
        "POST /invitation/{secret}",
        "GET /join",
        "POST /join",
        "POST /preferences",
    ),
    Rule.SIGNED_IN: (
        "GET /",
        "GET /account",
        "POST /account/name",
        "POST /account/password",
        "POST /sign-out/everywhere",
        "POST /review-preferences",
        "GET /api/v1/courses",
    ),
    Rule.COURSE: (
        f"GET {COURSE}",
        f"GET {ASSIGNMENT}",
        f"GET {ASSIGNMENT}/template",
        f"POST {ASSIGNMENT}/look",
        f"POST {ASSIGNMENT}/submissions",
        f"GET /api/v1{COURSE}",
        f"GET /api/v1{COURSE}/assignments",
        f"GET /api/v1{ASSIGNMENT}",
        f"GET /api/v1{ASSIGNMENT}/submissions",
        f"POST /api/v1{ASSIGNMENT}/submissions",
    ),
    Rule.OWNER_OR_STAFF: (
        f"GET {SUBMISSION}",
        f"GET {SUBMISSION}/progress",
        f"GET {SUBMISSION}/events",
        f"GET {SUBMISSION}/cells",
        f"POST {SUBMISSION}/cells",
        f"GET {SUBMISSION}/notebook",
        f"GET {SUBMISSION}/executed",
        f"GET {SUBMISSION}/{{kept}}/download",
        f"GET {SUBMISSION}/{{kept}}/frames/{{number}}/{{name}}",
        f"GET {SUBMISSION}/{{kept}}/images/{{digest}}",
        f"GET /api/v1{SUBMISSION}",
        f"GET /api/v1{SUBMISSION}/result",
        f"GET /api/v1{SUBMISSION}/notebook",
        f"GET /api/v1{SUBMISSION}/executed",
    ),
    Rule.STAFF: (
        f"GET {ASSIGNMENT}/dashboard",
        f"GET {ASSIGNMENT}/regrade",
        f"POST {ASSIGNMENT}/regrade",
        "GET /regrades/{regrade_id}",
        "POST /regrades/{regrade_id}/apply",
        "POST /regrades/{regrade_id}/undo",
        f"GET {COURSE}/table",
        f"GET {COURSE}/table.{{file_format}}",
        f"GET {COURSE}/review",
        f"GET {COURSE}/review/{{assignment}}",
        f"POST {COURSE}/review/{{assignment}}",
        f"GET {COURSE}/review/{{assignment}}/{{question}}",
        f"POST {COURSE}/review/{{assignment}}/{{question}}",
        f"GET {MEMBERS}",
        f"GET {MEMBERS}/{{person}}",
        f"POST {MEMBERS}/{{person}}/link",
        f"POST {MEMBERS}/waiting/{{request_id}}",
        f"GET /api/v1{MEMBERS}",
        f"GET /api/v1{SUBMISSION}/rubrics",
        f"GET /api/v1{SUBMISSION}/decisions",
        f"POST /api/v1{SUBMISSION}/decisions",
    ),
    Rule.INSTRUCTOR: (
        f"GET {COURSE}/settings",
        f"POST {COURSE}/settings",
        f"POST {COURSE}/join-code",
        f"POST {MEMBERS}",
        f"POST {MEMBERS}/links",
        f"POST {MEMBERS}/mail",
        f"POST {MEMBERS}/{{person}}",
        f"POST {MEMBERS}/{{person}}/leave",
        f"POST {MEMBERS}/{{person}}/return",
        f"GET {MEMBERS}/import",
        f"POST {MEMBERS}/import",
        f"POST {MEMBERS}/import/apply",
        f"POST {MEMBERS}/import/cancel",
        f"GET {COURSE}/assignments/new",
        f"POST {COURSE}/assignments/new",
        f"GET {EDIT}",
        f"POST {EDIT}",
        f"GET {EDIT}/yaml",
        f"POST {EDIT}/yaml",
        f"POST {EDIT}/check",
        f"POST {EDIT}/discard",
        f"GET {EDIT}/student",
        f"POST {EDIT}/student",
        f"GET {EDIT}/trial",
        f"POST {EDIT}/trial",
        f"GET {EDIT}/publish",
        f"POST {EDIT}/publish",
        f"GET {ASSIGNMENT}/dates",
        f"POST {ASSIGNMENT}/dates",
        f"POST {ASSIGNMENT}/release",
        f"GET {ASSIGNMENT}/versions/{{version}}",
        f"POST {ASSIGNMENT}/versions/{{version}}",
        f"POST /api/v1{MEMBERS}",
    ),
    Rule.ADMIN: (
        "GET /workers",
        "GET /courses/new",
        "POST /courses/new",
        "POST /api/v1/courses",
    ),
}
RULE_OF = {route: rule for rule, routes in RULES.items() for route in routes}
NOTHING_THERE = {f"GET {ASSIGNMENT}/template"}
"""The school's assignment has none: whoever may gets the same answer as who may not."""
JSON_BODIES = {
    "POST /api/v1/courses": {"slug": "new", "title": "New"},
    f"POST /api/v1{MEMBERS}": {"login": "new", "name": "New", "role": "student"},
    f"POST /api/v1{SUBMISSION}/decisions": {"question": "q2", "points": 1},
}
FORMS = {
    f"POST {COURSE}/join-code": {"change": "renew"},
    f"POST {MEMBERS}/import/apply": {"seen": "-"},
    f"POST {MEMBERS}/{{person}}": {"name": "Ann", "role": "student"},
    f"POST {MEMBERS}/waiting/{{request_id}}": {"answer": "decline"},
    f"POST {COURSE}/review/{{assignment}}/{{question}}": {"member": "{submission_id}:0", "points": "1"},
}


def routes():
    app = create_app(SimpleNamespace(max_upload_bytes=1, public_url=None, stores=None))
    return {f"{method} {route.path}" for route in iter_route_contexts(app.routes) for method in route.methods}


ROUTES = sorted(routes())
READ = {route for route in ROUTES if route.startswith("GET ")} - set(RULES[Rule.EVERYBODY])


@dataclass
class Visit:
    """One route, asked for by one person after the other."""

    route: str
    town: Town
    client: TestClient
    school: School

    def ask(self, login):
        """The answer; '' is somebody who is not signed in."""
        method, path = self.route.split(" ", 1)
        names = self.town.names | ({"slug": "mine"} if "/edit" in path else {})
        self.client.cookies.clear()
        headers = {}
        if login and path.startswith("/api/"):
            headers = {"Authorization": f"Bearer {self.town.tokens[login]}"}
        elif login:
            self.client.cookies.set("session", self.town.sessions[login])
        body = {}
        if self.route in JSON_BODIES:
            body = {"json": JSON_BODIES[self.route]}
        elif method == "POST" and path.endswith(("/submissions", "/look")):
            body = {"files": {"file": ("hw.ipynb", b"{}")}}
        elif self.route in FORMS:
            body = {"data": {name: value.format_map(names) for name, value in FORMS[self.route].items()}}
        return self.client.request(
            method, path.format_map(names), headers=headers, **(body if method == "POST" else {})
        )

    def content(self):
        """All that is stored, without when people were last seen."""
        with self.school.stores.storage.reading() as tx:
            lines = tx.connection.connection.driver_connection.iterdump()
            return [line for line in lines if not line.startswith('INSERT INTO "sessions"')]


@pytest.fixture(scope="module")
def town(tmp_path_factory, built):
    return build_town(tmp_path_factory.mktemp("town"), template=built)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, town):
    """A copy of the town that nobody changes, with its application."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(town.folder, folder, dirs_exist_ok=True)
    school, services = open_town(folder)
    headers = {"Accept": "text/html"}
    client = TestClient(create_app(services), headers=headers, follow_redirects=False, raise_server_exceptions=False)
    yield client, school
    school.stores.storage.close()


@pytest.fixture
def own(shared, town, tmp_path):
    """Gives the application a copy of the town that may be changed."""
    client, _ = shared
    before = client.app.state.services
    shutil.copytree(town.folder, tmp_path, dirs_exist_ok=True)
    school, client.app.state.services = open_town(tmp_path)
    yield client, school
    client.app.state.services = before
    school.stores.storage.close()


def test_every_route_has_a_rule_and_every_rule_a_route():
    assert set(RULE_OF) == set(ROUTES)


@pytest.mark.parametrize("route", sorted(set(ROUTES) - set(RULES[Rule.EVERYBODY])))
def test_a_route_refuses_everybody_whom_its_rule_does_not_name(town, shared, route):
    visit = Visit(route, town, *shared)
    before = visit.content()

    nobody = visit.ask("")
    refused = {login: visit.ask(login).status_code for login in PEOPLE if login not in RULE_OF[route].value}

    if route.startswith("GET /") and "/api/" not in route:
        assert (nobody.status_code, nobody.headers["location"].partition("?")[0]) == (303, "/sign-in")
    else:
        assert nobody.status_code == 401
    assert set(refused.values()) <= {403, 404}, refused
    assert visit.content() == before, "a refused request has changed something"


@pytest.mark.parametrize("route", sorted(route for route in READ if route not in NOTHING_THERE))
def test_a_page_is_shown_to_everybody_whom_its_rule_names(town, shared, route):
    visit = Visit(route, town, *shared)

    answers = {login: visit.ask(login).status_code for login in PEOPLE if login in RULE_OF[route].value}

    assert set(answers.values()) == {200}, answers


@pytest.mark.parametrize("route", sorted(set(ROUTES) - set(RULES[Rule.EVERYBODY]) - READ))
def test_a_change_is_open_to_the_least_of_those_whom_its_rule_names(town, own, route):
    least = next(login for login in PEOPLE if login in RULE_OF[route].value)

    answer = Visit(route, town, *own).ask(least)

    # What was sent may lack something; it was not turned away at the door.
    assert answer.status_code in {200, 201, 202, 303, 400, 409, 422}, answer.text
