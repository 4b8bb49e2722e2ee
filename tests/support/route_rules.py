"""Whom each route of the application is for, and what it is asked with: for tests that ask every route."""

from enum import Enum
from types import SimpleNamespace

from fastapi.routing import iter_route_contexts
from graded import PASSWORD
from town import PEOPLE

from grader.web.app import create_app
from grader.web.assets import load_assets


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
        f"POST {MEMBERS}/waiting",
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
        f"GET {EDIT}/files",
        f"POST {EDIT}/files",
        f"POST {EDIT}/files/remove",
        f"GET {EDIT}/files/{{path:path}}",
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
QUERIES = {
    f"GET {ASSIGNMENT}/regrade": "?submission={submission_id}",
    f"GET {COURSE}/review/{{assignment}}/{{question}}": "?check=words&submission={submission_id}",
    f"POST {COURSE}/review/{{assignment}}/{{question}}": "?check=words",
}
FORMS = {
    "POST /sign-in": {"login": "bob", "password": PASSWORD},
    "POST /invitation/{secret}": {"password": PASSWORD, "again": PASSWORD},
    f"POST {ASSIGNMENT}/regrade": {"scope": "submission", "submission": "{submission_id}"},
    f"POST {COURSE}/join-code": {"change": "renew"},
    f"POST {EDIT}/files/remove": {"path": "reference.ipynb"},
    f"POST {MEMBERS}/import/apply": {"seen": "-"},
    f"POST {MEMBERS}/{{person}}": {"name": "Ann", "role": "student"},
    f"POST {MEMBERS}/waiting/{{request_id}}": {"answer": "decline"},
    f"POST {COURSE}/review/{{assignment}}/{{question}}": {"member": "{submission_id}:0", "points": "1"},
}


def list_routes():
    """Those that the application has, such as 'GET /healthz'."""
    app = create_app(SimpleNamespace(max_upload_bytes=1, public_url=None, stores=None))
    return {f"{method} {route.path}" for route in iter_route_contexts(app.routes) for method in route.methods}


def name_things(route, town):
    """By the names that the route, its query and its form have for them."""
    if "/edit" in route:
        return town.names | {"slug": "mine", "path": "reference.ipynb"}
    if route.startswith("GET /static/"):
        return town.names | {"digest": load_assets().digest, "path": "grader.css"}
    return town.names


def address_of(route, names):
    """With these things in the places of their names."""
    _, path = route.split(" ", 1)
    return f"{path}{QUERIES.get(route, '')}".replace(":path}", "}").format_map(names)
