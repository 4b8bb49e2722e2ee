"""Every route has a rule that says who may; everybody else is refused there, and changes nothing by asking."""

import re
import shutil
from dataclasses import dataclass

import pytest
from route_rules import (
    ASSIGNMENT,
    FORMS,
    MEMBERS,
    QUERIES,
    RULE_OF,
    RULES,
    SUBMISSION,
    Rule,
    address_of,
    list_routes,
    name_things,
)
from school import School
from starlette.testclient import TestClient
from town import PEOPLE, Town, build_town, open_town

from grader.web.app import create_app

NOTHING_THERE = {f"GET {ASSIGNMENT}/template"}
"""The school's assignment has none: whoever may gets the same answer as who may not."""
JSON_BODIES = {
    "POST /api/v1/courses": {"slug": "new", "title": "New"},
    f"POST /api/v1{MEMBERS}": {"login": "new", "name": "New", "role": "student"},
    f"POST /api/v1{SUBMISSION}/decisions": {"question": "q2", "points": 1},
}
ROUTES = sorted(list_routes())
OPEN = set(RULES[Rule.EVERYBODY])
READ = {route for route in ROUTES if route.startswith("GET ")} - OPEN
CHANGES = {route for route in ROUTES if not route.startswith(("GET ", "HEAD "))}
OF_THE_COURSE = {"course", "slug", "assignment", "question", "version", "file_format"}
"""Names of what is looked for in the course of the address; what any other name stands for is the same everywhere."""
OPEN_ANSWERS = {"GET /readyz": 503, "GET /sign-in/provider": 404, "GET /sign-in/provider/back": 404}
"""The town has no workers and no identity provider; all others answer 200."""


def names_another_course(route):
    """Can it be asked about something of one course under the address of another?"""
    named = set(re.findall(r"{(\w+)", f"{route} {QUERIES.get(route)} {FORMS.get(route)}"))
    return "course" in named and ("/edit" in route or bool(named - OF_THE_COURSE))


MIXED = sorted(filter(names_another_course, ROUTES))


@dataclass
class Visit:
    """One route, asked for by one person after the other."""

    route: str
    town: Town
    client: TestClient
    school: School

    def ask(self, login, **others):
        """The answer; '' is somebody who is not signed in.

        Args:
            login: who asks.
            others: what is named instead of the town's.
        """
        method, path = self.route.split(" ", 1)
        names = name_things(self.route, self.town) | others
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
            method, address_of(self.route, names), headers=headers, **(body if method == "POST" else {})
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


@pytest.mark.parametrize("route", sorted(set(ROUTES) - OPEN))
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


@pytest.mark.parametrize("route", sorted(OPEN - CHANGES))
def test_what_is_for_everybody_is_shown_to_everybody_and_changes_nothing(town, shared, route):
    visit = Visit(route, town, *shared)
    before = visit.content()

    answers = {login: visit.ask(login).status_code for login in ("", *PEOPLE)}

    assert set(answers.values()) == {OPEN_ANSWERS.get(route, 200)}, answers
    assert visit.content() == before


@pytest.mark.parametrize("route", MIXED)
def test_what_belongs_to_another_course_is_not_there_for_who_teaches_this_one(town, shared, route):
    visit = Visit(route, town, *shared)
    before = visit.content()

    answer = visit.ask("max", course="other")

    assert answer.status_code in {403, 404}, answer.text
    assert visit.content() == before


def test_the_course_of_who_is_refused_there_offers_the_same_assignment(town, shared):
    """Otherwise everything would be missing there anyway."""
    assert {f"POST {MEMBERS}/{{person}}/link", f"POST {ASSIGNMENT}/regrade"} < set(MIXED)
    assert Visit(f"GET {ASSIGNMENT}/dashboard", town, *shared).ask("max", course="other").status_code == 200


@pytest.mark.parametrize("route", sorted(CHANGES))
def test_a_change_is_open_to_the_least_of_those_whom_its_rule_names(town, own, route):
    least = next(login for login in ("", *PEOPLE) if login in RULE_OF[route].value)

    answer = Visit(route, town, *own).ask(least)

    # What was sent may lack something; it was not turned away at the door.
    assert answer.status_code in {200, 201, 202, 303, 400, 409, 422}, answer.text
