"""The web application: routers, error documents, and the moment a request arrived."""

from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader import __version__
from grader.web import errors
from grader.web.api import courses, health, submissions
from grader.web.services import Services

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
        max_body_size=services.max_upload_bytes + _MULTIPART_OVERHEAD_BYTES,
    )
    app.state.services = services
    app.state.max_upload_mb = services.max_upload_bytes // (1024 * 1024)
    errors.install(app)
    app.include_router(health.router)
    for router in (courses.router, submissions.router):
        app.include_router(router, prefix="/api/v1")
    app.add_middleware(_Arrival)
    app.add_middleware(_SafeHeaders)
    return app


class _Arrival:
    """Notes when a request arrived, before its body is read: a slow upload does not make a hand-in late."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["received_at"] = datetime.now(UTC)
        await self._app(scope, receive, send)


class _SafeHeaders:
    """Headers every response carries: nothing is sniffed, framed, cached by others or told to other sites."""

    _HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cache-control", b"no-store"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)
