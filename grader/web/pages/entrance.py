"""The way in and out: signing in, signing out, and the link with which people choose their password."""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.concurrency import run_in_threadpool

from grader.domain.text import Note
from grader.errors import Busy, PasswordRefused, SignInRefused, TooManyTries
from grader.flow import accounts
from grader.flow.people import Caller
from grader.web.access import AppServices, PageCaller, PageVisitor, session_cookie
from grader.web.addresses import is_unprotected
from grader.web.entering import enter, keep_session, leave
from grader.web.errors import status_of, tell_when
from grader.web.resuming import KeptForm, read_kept
from grader.web.security import own_path
from grader.web.services import Services
from grader.web.templating import render_page
from grader.web.turns import HashingTurns
from grader.web.way_in import sign_in_facts

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]


@dataclass(frozen=True, kw_only=True, repr=False)
class _SignIn:
    """What somebody sent who wants to sign in."""

    login: str
    password: str
    to: str
    kept: str


@router.get("/sign-in")
async def get_sign_in(request: Request, services: AppServices, next: str = "/") -> Response:  # noqa: A002  # the name in the address
    """Ask for login and password."""
    return render_page("sign_in.html", request, facts=sign_in_facts(request, services=services, to=own_path(next)))


@router.post("/sign-in")
async def post_sign_in(
    request: Request,
    services: AppServices,
    visitor: PageVisitor,
    turns: HashingTurns,
    login: Typed = "",
    password: Typed = "",
    next: Typed = "/",  # noqa: A002  # the field's name
    kept: Typed = "",
) -> Response:
    """Sign in and go on to where the person wanted to; otherwise ask again and say why."""
    sent = _SignIn(login=login, password=password, to=own_path(next), kept=kept)
    try:
        return await turns.take(partial(_sign_in, sent, request, services=services, visitor=visitor))
    except Busy as error:
        return await run_in_threadpool(_ask_again, sent, request, services=services, error=error)


def _sign_in(sent: _SignIn, request: Request, *, services: Services, visitor: Caller | None) -> Response:
    form = read_kept(sent.kept)
    if form is not None and not sent.login:
        return _go_on(form, request, services=services, visitor=visitor)
    try:
        issued = accounts.sign_in(
            sent.login, sent.password, stores=services.stores, lifetimes=services.session_lifetimes
        )
    except (SignInRefused, TooManyTries) as error:
        return _ask_again(sent, request, services=services, error=error)
    if form is None:
        return enter(issued, to=sent.to, services=services)
    caller = accounts.find_caller(issued.secret, stores=services.stores)
    response = render_page("resume.html", request, caller=caller, facts={"form": form})
    keep_session(response, issued, services=services)
    return response


def _ask_again(
    sent: _SignIn, request: Request, *, services: Services, error: SignInRefused | TooManyTries | Busy
) -> Response:
    form = read_kept(sent.kept)
    facts = sign_in_facts(request, services=services, to=sent.to, kept=form, login=sent.login, note=error.note)
    return tell_when(render_page("sign_in.html", request, status=status_of(error), facts=facts), error)


def _go_on(form: KeptForm, request: Request, *, services: Services, visitor: Caller | None) -> Response:
    """With what was typed, for who has signed in meanwhile in another tab: at the identity provider, say."""
    if visitor is not None:
        return render_page("resume.html", request, caller=visitor, facts={"form": form})
    facts = sign_in_facts(request, services=services, kept=form, note=Note(code="course.session_ended"))
    return render_page("sign_in.html", request, status=HTTPStatus.UNAUTHORIZED, facts=facts)


@router.post("/sign-out")
def post_sign_out(request: Request, services: AppServices) -> Response:
    """End this browser's session."""
    secret = request.cookies.get(session_cookie(services))
    if secret is not None:
        accounts.sign_out(secret, stores=services.stores)
    return leave(services)


@router.post("/sign-out/everywhere")
def post_sign_out_everywhere(services: AppServices, caller: PageCaller) -> Response:
    """End all sessions of the caller, on every device."""
    accounts.sign_out_everywhere(caller.person.person_id, stores=services.stores)
    return leave(services)


@router.get("/invitation/{secret}")
def get_invitation(secret: str, request: Request, services: AppServices) -> Response:
    """Greet the person whom the link is for and ask for a password; looking does not use the link up."""
    return _ask_for_password(request, secret=secret, services=services, note=None)


@router.post("/invitation/{secret}")
async def post_invitation(
    secret: str,
    request: Request,
    services: AppServices,
    turns: HashingTurns,
    password: Typed = "",
    again: Typed = "",
) -> Response:
    """Keep the password and sign the person in; otherwise ask again and say why."""
    return await turns.take(partial(_accept, request, secret=secret, password=password, again=again, services=services))


def _accept(request: Request, *, secret: str, password: str, again: str, services: Services) -> Response:
    if password != again:
        return _ask_for_password(request, secret=secret, services=services, note=Note(code="page.passwords_differ"))
    try:
        issued = accounts.accept_invitation(
            secret, password, stores=services.stores, lifetimes=services.session_lifetimes
        )
    except PasswordRefused as error:
        return _ask_for_password(request, secret=secret, services=services, note=error.note)
    return enter(issued, to="/", services=services)


def _ask_for_password(request: Request, *, secret: str, services: Services, note: Note | None) -> Response:
    invitation = accounts.read_invitation(secret, stores=services.stores)
    status = HTTPStatus.OK if note is None else HTTPStatus.UNPROCESSABLE_ENTITY
    facts = {"person": invitation.person, "note": note, "is_unprotected": is_unprotected(request, services=services)}
    return render_page("invitation.html", request, status=status, facts=facts)
