"""Signing in at an identity provider: there, and back."""

import hmac
import json
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.accounts import Departure
from grader.errors import IdentityRefused, NotFound
from grader.flow.identities import sign_in_identified
from grader.web.access import AppServices, host_cookie
from grader.web.addresses import public_address
from grader.web.entering import enter
from grader.web.errors import status_of
from grader.web.security import own_path
from grader.web.services import Services
from grader.web.templating import render_page
from grader.web.turns import ProviderTurns
from grader.web.way_in import sign_in_facts

if TYPE_CHECKING:
    # It takes a while to import, and few services have one.
    from grader.web.identity_provider import IdentityProvider

router = APIRouter(include_in_schema=False)

_PATH = "/sign-in/provider"
_COOKIE_S = 900


@router.get(_PATH)
async def get_there(
    request: Request,
    services: AppServices,
    turns: ProviderTurns,
    next: str = "/",  # noqa: A002  # the name in the address
) -> Response:
    """Go there, and remember in this browser what was asked."""
    provider = _provider(services)
    address, departure = await turns.take(partial(provider.send, back=_back(request, services), to=own_path(next)))
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        _cookie(services),
        json.dumps(asdict(departure)),
        max_age=_COOKIE_S,
        httponly=True,
        samesite="lax",
        secure=services.is_https,
    )
    return response


@router.get(f"{_PATH}/back")
async def get_back(request: Request, services: AppServices, turns: ProviderTurns) -> Response:
    """Read what the provider says and go on, signed in; otherwise ask how to sign in and say why."""
    return await turns.take(partial(_come_back, request, services))


def _come_back(request: Request, services: Services) -> Response:
    provider, answer = _provider(services), dict(request.query_params)
    try:
        if "error" in answer:
            raise IdentityRefused("cancelled")
        departure = _departure(request, services)
        if not hmac.compare_digest(departure.state.encode(), answer.get("state", "").encode()):
            raise IdentityRefused("strayed")
        somebody = provider.receive(answer, departure=departure, back=_back(request, services))
        issued = sign_in_identified(somebody, stores=services.stores, lifetimes=services.session_lifetimes)
    except IdentityRefused as error:
        facts = sign_in_facts(request, services=services, note=error.note)
        return _forget(render_page("sign_in.html", request, status=status_of(error), facts=facts), services)
    return _forget(enter(issued, to=own_path(departure.to), services=services), services)


def _provider(services: Services) -> "IdentityProvider":
    if services.identity_provider is None:
        raise NotFound(what="page", name=_PATH)
    return services.identity_provider


def _back(request: Request, services: Services) -> str:
    return public_address(f"{_PATH}/back", request, services=services)


def _cookie(services: Services) -> str:
    return host_cookie("departure", services=services)


def _departure(request: Request, services: Services) -> Departure:
    """Raises IdentityRefused: this browser has not left from here, or too long ago."""
    try:
        kept = json.loads(request.cookies.get(_cookie(services), ""))
        return Departure(**{name: str(value) for name, value in kept.items()})
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused("strayed") from error


def _forget(response: Response, services: Services) -> Response:
    # A browser passes over what would change such a cookie and is not secure itself.
    response.delete_cookie(_cookie(services), httponly=True, samesite="lax", secure=services.is_https)
    return response
