"""One's own account: name, password, language and colours, and signing out everywhere."""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.text import Note
from grader.errors import GraderError, InvalidRequest, PasswordRefused, SignInRefused, TooManyTries
from grader.flow import accounts
from grader.flow.joining import list_asked
from grader.flow.people import Caller
from grader.web.access import AppServices, PageCaller
from grader.web.addresses import is_unprotected
from grader.web.services import Services
from grader.web.templating import render_page
from grader.web.turns import HashingTurns

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]
_DONE = frozenset({"renamed", "password"})


@dataclass(frozen=True, kw_only=True, repr=False)
class _Passwords:
    """What somebody typed who wants another password."""

    current: str
    new: str
    again: str


@router.get("/account")
def get_account(request: Request, services: AppServices, caller: PageCaller, done: str = "") -> Response:
    """What is known of the caller, with forms to change it."""
    return _show(request, services=services, caller=caller, done=done)


@router.post("/account/name")
def post_name(request: Request, services: AppServices, caller: PageCaller, name: Typed = "") -> Response:
    """Keep another name."""
    try:
        accounts.rename_self(caller, name, stores=services.stores)
    except InvalidRequest as error:
        return _show(request, services=services, caller=caller, error=error)
    return RedirectResponse("/account?done=renamed", HTTPStatus.SEE_OTHER)


@router.post("/account/password")
async def post_password(
    request: Request,
    services: AppServices,
    caller: PageCaller,
    turns: HashingTurns,
    current_password: Typed = "",
    password: Typed = "",
    again: Typed = "",
) -> Response:
    """Keep another password; otherwise ask again and say why."""
    typed = _Passwords(current=current_password, new=password, again=again)
    return await turns.take(partial(_keep, typed, request, services=services, caller=caller))


def _keep(typed: _Passwords, request: Request, *, services: Services, caller: Caller) -> Response:
    if typed.new != typed.again:
        note = Note(code="page.passwords_differ")
        return _show(request, services=services, caller=caller, password_note=note)
    try:
        accounts.set_password(caller, current=typed.current, new=typed.new, stores=services.stores)
    except SignInRefused:
        note = Note(code="course.wrong_password")
        return _show(request, services=services, caller=caller, password_note=note)
    except (PasswordRefused, TooManyTries) as error:
        return _show(request, services=services, caller=caller, password_note=error.note)
    return RedirectResponse("/account?done=password", HTTPStatus.SEE_OTHER)


def _show(
    request: Request,
    *,
    services: Services,
    caller: Caller,
    error: GraderError | None = None,
    password_note: Note | None = None,
    done: str = "",
) -> Response:
    facts = {
        "is_unprotected": is_unprotected(request, services=services),
        "may_rename": accounts.may_rename_self(caller),
        "has_password": accounts.has_password(caller, stores=services.stores),
        "asked": list_asked(caller=caller, stores=services.stores),
        "note": None if error is None else error.note,
        "password_note": password_note,
        "done": Note(code=f"course.done_{done}") if done in _DONE else None,
    }
    is_refused = error is not None or password_note is not None
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render_page("account.html", request, caller=caller, status=status, facts=facts)
