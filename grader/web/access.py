"""Who asks: the bearer token of a program, or the session of a browser, as a Caller."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from grader.errors import NotSignedIn
from grader.flow.accounts import find_caller
from grader.flow.people import Caller, authenticate
from grader.web.services import Services

_bearer = HTTPBearer(auto_error=False, description="A personal token, made with `grader token new`.")


async def services_of(request: Request) -> Services:
    # FastAPI would send a plain function to a thread, which takes longer than what it does.
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101  # set by create_app
    return services


AppServices = Annotated[Services, Depends(services_of)]


def caller_of(
    services: AppServices, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Who shows the token.

    Raises:
        NotSignedIn: no token, or none that is valid.
    """
    if credentials is None:
        raise NotSignedIn
    return authenticate(credentials.credentials, stores=services.stores)


SignedIn = Annotated[Caller, Depends(caller_of)]


def session_cookie(services: Services) -> str:
    """The name of the cookie that holds a session's secret."""
    return host_cookie("session", services=services)


def host_cookie(name: str, *, services: Services) -> str:
    """The name of a cookie on the path '/'."""
    # With this prefix browsers take it from this very host alone: another host of the campus can plant none.
    return f"__Host-{name}" if services.is_https else name


def page_caller_of(services: AppServices, request: Request) -> Caller:
    """Whose browser this is.

    Raises:
        NotSignedIn: no session, or one that has ended.
    """
    secret = request.cookies.get(session_cookie(services))
    if secret is None:
        raise NotSignedIn
    return find_caller(secret, stores=services.stores)


PageCaller = Annotated[Caller, Depends(page_caller_of)]


def page_visitor_of(services: AppServices, request: Request) -> Caller | None:
    """The same for pages that strangers read too; None for them."""
    try:
        return page_caller_of(services, request)
    except NotSignedIn:
        return None


PageVisitor = Annotated[Caller | None, Depends(page_visitor_of)]
