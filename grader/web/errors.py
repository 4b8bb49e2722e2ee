"""Error class -> HTTP status: the one table of its kind, and the problem+json documents made from it."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grader import errors
from grader.domain.text import Fact, Language, Note
from grader.errors import GraderError, InvalidAssignment, InvalidRequest, NotebookRefused, NotFound, SpecDoesNotHold
from grader.feedback.catalogue import sentence
from grader.web.language import request_language

STATUS: Mapping[type[GraderError], HTTPStatus] = {
    errors.GraderError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.StudentCanFix: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotebookRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.AuthorCanFix: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidAssignment: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SpecDoesNotHold: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NothingToDraft: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.FolderExists: HTTPStatus.CONFLICT,
    errors.MarkerAlone: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.OperatorCanFix: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SandboxUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.GpuUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.GpuTooSmall: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SandboxFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SandboxUnsafe: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.StorageDamaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DatabaseTooNew: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidSettings: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DataUnusable: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.SystemTrouble: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.PortInUse: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.AlreadyRunning: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ServiceUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.LeaseLost: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BadWireBytes: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.SignInRefused: HTTPStatus.UNAUTHORIZED,
    errors.TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InvitationEnded: HTTPStatus.GONE,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotOpen: HTTPStatus.FORBIDDEN,
    errors.FeedbackHeldBack: HTTPStatus.FORBIDDEN,
    errors.NotGradedYet: HTTPStatus.CONFLICT,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PasswordRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Conflict: HTTPStatus.CONFLICT,
}

MEDIA_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Make every error of the app a problem+json document in the reader's language."""
    app.add_exception_handler(GraderError, _on_grader_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    # The border of the web process: whatever escapes is our bug; the student reads a sentence, the log has the rest.
    app.add_exception_handler(Exception, _on_bug)


def status_of(error: GraderError) -> HTTPStatus:
    """The status of an error's class, or of the nearest class above it."""
    return next(STATUS[kind] for kind in type(error).__mro__ if issubclass(kind, GraderError) and kind in STATUS)


def code_of(error: GraderError) -> str:
    """The code programs see: for a refused notebook its reason, as on the command line."""
    return error.reason if isinstance(error, NotebookRefused) else error.code


def problem(
    status: HTTPStatus, *, code: str, note: Note, language: Language, more: Mapping[str, Fact] | None = None
) -> JSONResponse:
    """A problem+json response (RFC 9457); `code` and `facts` extend it."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": sentence(note, language),
        "code": code,
        "facts": dict(note.facts),
        **(more or {}),
    }
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE):
        headers["Retry-After"] = "60"
    return JSONResponse(body, status_code=status.value, headers=headers, media_type=MEDIA_TYPE)


async def _on_grader_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraderError)  # noqa: S101  # registered for this class alone
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        structlog.get_logger("web").error("request_failed", path=request.url.path, error=str(error))
    language = request_language(request)
    return problem(status, code=code_of(error), note=error.note, language=language, more=_details(error, language))


def _details(error: GraderError, language: Language) -> dict[str, Fact]:
    if isinstance(error, InvalidAssignment):
        return {
            "mistakes": [
                {
                    "file": mistake.file,
                    "line": mistake.line,
                    "field": mistake.field,
                    "message": sentence(mistake.note, language),
                }
                for mistake in error.mistakes
            ]
        }
    if isinstance(error, SpecDoesNotHold):
        return {"findings": [sentence(note, language) for note in error.findings]}
    return {}


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class alone
    where = [".".join(str(part) for part in entry["loc"][1:] or entry["loc"]) for entry in error.errors()]
    ours = InvalidRequest(what=", ".join(where))
    return problem(status_of(ours), code=ours.code, note=ours.note, language=request_language(request))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    language = request_language(request)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(request, limit_mb=request.app.state.max_upload_mb)
    ours: GraderError
    if status is HTTPStatus.NOT_FOUND:
        ours = NotFound(what="page", name=request.url.path)
    else:
        ours = InvalidRequest(what=f"{request.method} {request.url.path}")
    response = problem(status, code=ours.code, note=ours.note, language=language)
    response.headers.update(error.headers or {})
    return response


def too_large(request: Request, *, limit_mb: int) -> JSONResponse:
    """The body is larger than an upload may be; it was not read to its end, its size is what the request says."""
    length = request.headers.get("content-length", "")
    size_mb = int(length) // 1024**2 if length.isdecimal() and len(length) < 20 else f"> {limit_mb}"
    refused = NotebookRefused("too_large", size_mb=size_mb, limit_mb=limit_mb)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return problem(status, code=refused.reason, note=refused.note, language=request_language(request))


async def _on_bug(request: Request, error: Exception) -> Response:
    structlog.get_logger("web").error("bug", path=request.url.path, exc_info=error)
    note = Note(code="error.grader_error")
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(status, code="grader_error", note=note, language=request_language(request))
