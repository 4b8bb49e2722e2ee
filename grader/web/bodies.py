"""What comes in behind a request's headers: how large it may be, and when it counts as here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOWEST_UPLOAD = timedelta(minutes=5)
"""For so long a slow line makes no hand-in late; without an end, headers alone would hold a deadline open for hours."""
_UPLOAD = "multipart/form-data"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""Boundaries, headers and the file's name around an upload."""
_MAX_FORM_BYTES = 2 * 1024**2
"""Editors send an assignment's whole YAML."""
_MAX_OTHER_BYTES = 256 * 1024
"""JSON is read before it is asked whose it is, and takes many times its size then."""


def is_upload(headers: Headers) -> bool:
    """Whether the body may bring files."""
    return _kind_of(headers) == _UPLOAD


def limit_of(headers: Headers, *, upload_bytes: int) -> int:
    """How many bytes the body behind these headers may have."""
    if is_upload(headers):
        return upload_bytes + _MULTIPART_OVERHEAD_BYTES
    return _MAX_FORM_BYTES if _kind_of(headers) == _FORM else _MAX_OTHER_BYTES


def _kind_of(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class Arrival:
    """Notes when a request arrived: with its headers, unless its body took longer than slow lines do."""

    def __init__(self, app: ASGIApp, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        begun = state["received_at"] = self._now()

        async def receive_some() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                state["received_at"] = max(begun, self._now() - SLOWEST_UPLOAD)
            return message

        await self._app(scope, receive_some, send)


class BodyLimit:
    """Ends a request whose body is larger than its kind may be, before it fills memory or disk.

    FastAPI's own limit answers in plain text, without our code and sentence.
    """

    def __init__(self, app: ASGIApp, *, upload_bytes: int, refuse: Callable[[Request], ASGIApp]) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Of a header that comes twice this reads the first, as FastAPI does: a second kind must not raise the limit.
        headers = Headers(scope=scope)
        limit_bytes = limit_of(headers, upload_bytes=self._upload_bytes)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > limit_bytes:
            await self._refuse(Request(scope))(scope, receive, send)
            return
        received_bytes = 0

        async def receive_some() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > limit_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_some, send)
