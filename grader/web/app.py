"""The web application: routers, errors, and what every request passes through."""

from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp

from grader import __version__
from grader.errors import OtherSite
from grader.web import assets, errors, events
from grader.web.api import courses, decisions, health, submissions
from grader.web.bodies import Arrival, BodyLimit
from grader.web.pages import (
    account,
    assignment,
    authoring,
    cells,
    course,
    course_settings,
    dashboard,
    entrance,
    files,
    home,
    identity,
    joining,
    members,
    notebook,
    preferences,
    regrades,
    result,
    review,
    review_desk,
    roster_import,
    schedule,
    table,
    trying,
)
from grader.web.security import SafeHeaders, SameOrigin
from grader.web.services import Services
from grader.web.turns import turns_for_hashing, turns_for_provider

_PAGES = (
    assets.router,
    preferences.router,
    entrance.router,
    identity.router,
    home.router,
    account.router,
    joining.router,
    # Before what has a course's name in the place of "new", and a person's in that of "import".
    course_settings.router,
    roster_import.router,
    members.router,
    course.router,
    authoring.router,
    trying.router,
    schedule.router,
    assignment.router,
    dashboard.router,
    table.router,
    regrades.router,
    events.router,
    files.router,
    cells.router,
    notebook.router,
    result.router,
    review.router,
    review_desk.router,
)


def create_app(services: Services) -> FastAPI:
    """Make the application for these services."""
    app = FastAPI(
        title="grader",
        version=__version__,
        summary="Grades PyTorch tensor and autograd notebooks and explains every verdict, in Japanese and English.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.lookout = events.Lookout(services.stores)
    app.state.hashing = turns_for_hashing()
    app.state.asking = turns_for_provider()
    app.state.max_upload_mb = services.max_upload_bytes // (1024 * 1024)
    errors.install(app)
    plain_openapi = app.openapi
    app.openapi = lambda: _with_problem_type(plain_openapi())  # type: ignore[method-assign]  # FastAPI's own way
    app.include_router(health.router)
    for router in (courses.router, submissions.router, decisions.router):
        app.include_router(router, prefix="/api/v1")
    for pages in _PAGES:
        app.include_router(pages)
    app.add_middleware(BodyLimit, upload_bytes=services.max_upload_bytes, refuse=errors.too_large)
    app.add_middleware(Arrival)
    app.add_middleware(SameOrigin, refuse=_refuse_other_site, own_host=_host_of(services.public_url))
    app.add_middleware(SafeHeaders, own_address=services.public_url)
    return app


def _refuse_other_site(request: Request) -> ASGIApp:
    return errors.answer(request, OtherSite())


def _host_of(public_url: str | None) -> str | None:
    return None if public_url is None else urlsplit(public_url).netloc.lower()


def _with_problem_type(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the media type that errors really have."""
    responses = (
        response
        for methods in schema["paths"].values()
        for operation in methods.values()
        for status, response in operation.get("responses", {}).items()
        if status >= "400"
    )
    for response in responses:
        content = response.get("content", {})
        if "ReadinessOut" not in str(content) and "application/json" in content:
            content.pop("application/json")
            content[errors.MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return schema
