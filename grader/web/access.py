"""Who asks: the bearer token of a request, as a Caller."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from grader.errors import NotSignedIn
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
