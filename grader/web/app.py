"""The web application: routers, errors, and the moment a request arrived."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader import __version__
from grader.errors import OtherSite
from grader.web import assets, errors, events
from grader.web.api import courses, decisions, health, submissions
from grader.web.pages import (
    account,
    assignment,
    authoring,
    cells,
    course,
    course_settings,
    dashboard,
    entrance,
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
    cells.router,
    notebook.router,
    result.router,
    review.router,
    review_desk.router,
)
_MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""Boundaries, headers and the file's name around an upload."""


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
    app.state.max_upload_mb = services.max_upload_bytes // (1024 * 1024)
    errors.install(app)
    plain_openapi = app.openapi
    app.openapi = lambda: _with_problem_type(plain_openapi())  # type: ignore[method-assign]  # FastAPI's own way
    app.include_router(health.router)
    for router in (courses.router, submissions.router, decisions.router):
        app.include_router(router, prefix="/api/v1")
    for pages in _PAGES:
        app.include_router(pages)
    app.add_middleware(_BodyLimit, upload_bytes=services.max_upload_bytes)
    app.add_middleware(_Arrival)
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


class _Arrival:
    """Notes when a request arrived, before its body is read: a slow upload does not make a hand-in late."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["received_at"] = datetime.now(UTC)
        await self._app(scope, receive, send)


class _BodyLimit:
    """Ends a request whose body is larger than any upload may be, before it fills memory or disk.

    FastAPI's own limit answers in plain text, without our code and sentence.
    """

    def __init__(self, app: ASGIApp, *, upload_bytes: int) -> None:
        self._app = app
        self._limit_bytes = upload_bytes + _MULTIPART_OVERHEAD_BYTES
        self._limit_mb = upload_bytes // 1024**2

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._limit_bytes:
            await errors.too_large(Request(scope), limit_mb=self._limit_mb)(scope, receive, send)
            return
        received_bytes = 0

        async def receive_some() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._limit_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_some, send)
