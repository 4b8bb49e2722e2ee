"""The cookie of a session, given and taken away."""

from http import HTTPStatus

from fastapi import Response
from fastapi.responses import RedirectResponse

from grader.flow.accounts import IssuedSession
from grader.web.access import session_cookie
from grader.web.services import Services


def enter(issued: IssuedSession, *, to: str, services: Services) -> Response:
    """Go on to a page of ours, signed in."""
    response = RedirectResponse(to, HTTPStatus.SEE_OTHER)
    keep_session(response, issued, services=services)
    return response


def keep_session(response: Response, issued: IssuedSession, *, services: Services) -> None:
    """Let the browser of this response be signed in."""
    response.set_cookie(
        session_cookie(services),
        issued.secret,
        max_age=int(services.session_lifetimes.total_s),
        httponly=True,
        # Lax, not strict: a link in a mail must open the page for who is signed in.
        samesite="lax",
        secure=services.is_https,
        path="/",
    )


def leave(services: Services) -> Response:
    """Go to the way in, signed out."""
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(session_cookie(services), path="/", secure=services.is_https, httponly=True, samesite="lax")
    return response
