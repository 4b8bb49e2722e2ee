"""Error class -> HTTP status: the one table of its kind, and the pages and problem+json documents made from it."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grader import errors
from grader.domain.text import Fact, Language, Note
from grader.errors import (
    Busy,
    GraderError,
    InvalidAssignment,
    InvalidRequest,
    NotebookRefused,
    NotFound,
    NotSignedIn,
    SpecDoesNotHold,
    TooManyTries,
)
from grader.feedback.catalogue import sentence
from grader.web.addresses import path_of, path_within
from grader.web.bodies import is_upload, limit_of
from grader.web.language import request_language
from grader.web.resuming import keep_form
from grader.web.templating import render_page
from grader.web.way_in import sign_in_facts

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
    errors.ProviderUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.MailRefused: HTTPStatus.BAD_GATEWAY,
    errors.LeaseLost: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BadWireBytes: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.SignInRefused: HTTPStatus.UNAUTHORIZED,
    errors.IdentityRefused: HTTPStatus.FORBIDDEN,
    errors.TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InvitationEnded: HTTPStatus.GONE,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotOpen: HTTPStatus.FORBIDDEN,
    errors.FeedbackHeldBack: HTTPStatus.FORBIDDEN,
    errors.NotGradedYet: HTTPStatus.CONFLICT,
    errors.OtherSite: HTTPStatus.FORBIDDEN,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PasswordRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RosterRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotAdmittedYet: HTTPStatus.CONFLICT,
}

_KINDS: Mapping[HTTPStatus, str] = {
    HTTPStatus.UNAUTHORIZED: "signed_out",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.GONE: "gone",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}
"""What the page of an error is headed with and advises; others are the reader's request or our fault."""

MEDIA_TYPE = "application/problem+json"
_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz")


def install(app: FastAPI) -> None:
    """Make every error of the app a page or a problem+json document, in the reader's language."""
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


def answer(request: Request, error: GraderError) -> Response:
    """What the client reads of an error: a page where it asks for one, a problem+json document otherwise."""
    language = request_language(request)
    more = _details(error, language)
    return tell_when(_answer(request, status_of(error), code=code_of(error), note=error.note, more=more), error)


def tell_when(response: Response, error: GraderError) -> Response:
    """The answer to an error, with when to try again where the error knows."""
    if isinstance(error, Busy | TooManyTries):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _answer(
    request: Request, status: HTTPStatus, *, code: str, note: Note, more: Mapping[str, Fact] | None = None
) -> Response:
    if _wants_page(request):
        response = _page(request, status, note=note, more=more or {})
    else:
        response = _problem(request, status, code=code, note=note, more=more or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE):
        response.headers["Retry-After"] = "60"
    return response


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_FOR_PROGRAMS)


def _is_for_part(request: Request) -> bool:
    """Does htmx ask, which puts the answer into a page that is open?"""
    return "hx-request" in request.headers


def _page(request: Request, status: HTTPStatus, *, note: Note, more: Mapping[str, Fact]) -> Response:
    if _is_for_part(request):
        return render_page("failure_part.html", request, status=status, facts={"note": note, "way_in": None})
    kind = _kind_of(request, status)
    details = more.get("findings", [])
    return render_page("failure.html", request, status=status, facts={"kind": kind, "note": note, "details": details})


def _kind_of(request: Request, status: HTTPStatus) -> str:
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not is_upload(request.headers):
        return "request"
    return _KINDS.get(status, "request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "ours")


def _problem(request: Request, status: HTTPStatus, *, code: str, note: Note, more: Mapping[str, Fact]) -> Response:
    """A problem+json response (RFC 9457); `code` and `facts` extend it."""
    language = request_language(request)
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": sentence(note, language),
        "code": code,
        "facts": dict(note.facts),
        **more,
    }
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status_code=status.value, headers=headers, media_type=MEDIA_TYPE)


async def _on_grader_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraderError)  # noqa: S101  # registered for this class alone
    if isinstance(error, NotSignedIn) and _wants_page(request):
        if _is_for_part(request):
            return _signed_out_part(request)
        if request.method == "GET":
            return RedirectResponse(f"/sign-in?{urlencode({'next': path_of(request)})}", HTTPStatus.SEE_OTHER)
        kept = await keep_form(request)
        note = Note(code="course.session_ended_files" if kept.has_files else "course.session_ended")
        facts = sign_in_facts(request, services=request.app.state.services, kept=kept, note=note)
        return render_page("sign_in.html", request, status=HTTPStatus.UNAUTHORIZED, facts=facts)
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Busy):
        structlog.get_logger("web").error("request_failed", path=_logged_path(request), error=str(error))
    return answer(request, error)


def _signed_out_part(request: Request) -> Response:
    """Where the open page waits for news they come back to it; where something stands in a form, it stays open."""
    is_typed = request.method != "GET"
    way_in = f"/sign-in?{urlencode({'next': path_within(request.headers.get('hx-current-url', ''))})}"
    note = Note(code="course.session_over_typed" if is_typed else "course.session_over")
    facts = {"note": note, "way_in": way_in, "is_typed": is_typed}
    return render_page("failure_part.html", request, status=HTTPStatus.UNAUTHORIZED, facts=facts)


def _logged_path(request: Request) -> str:
    """Where it happened; a secret in an address, such as an invitation's, is good for whoever reads the log, too."""
    secret = request.path_params.get("secret")
    return request.url.path if secret is None else request.url.path.replace(secret, "...")


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
    return answer(request, InvalidRequest(what=", ".join(where)))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(request)
    ours: GraderError
    if status is HTTPStatus.NOT_FOUND:
        ours = NotFound(what="page", name=request.url.path)
    else:
        ours = InvalidRequest(what=f"{request.method} {request.url.path}")
    response = _answer(request, status, code=ours.code, note=ours.note)
    response.headers.update(error.headers or {})
    return response


def too_large(request: Request) -> Response:
    """The body is larger than its kind may be; it was not read to its end, its size is what the request says."""
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if not is_upload(request.headers):
        note = Note(code="error.too_much", facts={"limit_kb": limit_of(request.headers, upload_bytes=0) // 1024})
        return _answer(request, status, code="too_much", note=note)
    length, limit_mb = request.headers.get("content-length", ""), request.app.state.max_upload_mb
    size_mb = int(length) // 1024**2 if length.isdecimal() and len(length) < 20 else f"> {limit_mb}"
    refused = NotebookRefused("too_large", size_mb=size_mb, limit_mb=limit_mb)
    return _answer(request, status, code=refused.reason, note=refused.note)


async def _on_bug(request: Request, error: Exception) -> Response:
    structlog.get_logger("web").error("bug", path=_logged_path(request), exc_info=error)
    note = Note(code="error.grader_error")
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, code="grader_error", note=note)
