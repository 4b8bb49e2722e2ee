"""Joining a course with its code: with the account one has, or with a new one."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.people import Course
from grader.domain.text import Note
from grader.errors import Conflict, GraderError, InvalidRequest, NotFound, PasswordRefused, TooManyTries
from grader.flow import joining
from grader.flow.joining import NewAccount
from grader.flow.people import Caller
from grader.web.access import AppServices, PageVisitor
from grader.web.addresses import is_unprotected
from grader.web.entering import enter
from grader.web.errors import status_of, tell_when
from grader.web.services import Services
from grader.web.templating import render_page
from grader.web.turns import HashingTurns

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]
_EMPTY: Mapping[str, str] = {"login": "", "name": "", "student_number": ""}


@router.get("/join")
def get_join(request: Request, services: AppServices, visitor: PageVisitor, code: str = "") -> Response:
    """Ask for the code first; with one that fits, who the reader is."""
    if not code:
        return _show(request, services=services, visitor=visitor, code="")
    try:
        course = joining.read_join_code(code, asker=_asker(request, visitor), stores=services.stores)
    except NotFound as error:
        return _show(request, services=services, visitor=visitor, code=code, note=error.note)
    except TooManyTries as error:
        return _wait(error, request, services=services, visitor=visitor, code=code)
    return _show(request, services=services, visitor=visitor, code=code, course=course)


@router.post("/join")
async def post_join(
    request: Request,
    services: AppServices,
    visitor: PageVisitor,
    turns: HashingTurns,
    code: Typed = "",
    login: Typed = "",
    name: Typed = "",
    student_number: Typed = "",
    password: Typed = "",
    again: Typed = "",
) -> Response:
    """Ask the course's staff; otherwise ask the reader again and say why."""
    new = NewAccount(login=login, name=name, student_number=student_number, password=password)
    is_sure = password == again
    return await turns.take(
        partial(_join, new, request, code=code, is_sure=is_sure, services=services, visitor=visitor)
    )


def _join(
    new: NewAccount, request: Request, *, code: str, is_sure: bool, services: Services, visitor: Caller | None
) -> Response:
    """`is_sure`: they typed the same password twice."""
    typed = {"login": new.login, "name": new.name, "student_number": new.student_number}
    try:
        course = joining.read_join_code(code, asker=_asker(request, visitor), stores=services.stores)
    except NotFound as error:
        return _show(request, services=services, visitor=visitor, code=code, note=error.note)
    except TooManyTries as error:
        return _wait(error, request, services=services, visitor=visitor, code=code)
    try:
        if visitor is not None:
            joining.ask_to_join(code, student_number=new.student_number, caller=visitor, stores=services.stores)
            return RedirectResponse("/join", HTTPStatus.SEE_OTHER)
        if is_sure:
            issued = joining.join(code, new, stores=services.stores, lifetimes=services.session_lifetimes)
            return enter(issued, to="/join", services=services)
        note = Note(code="page.passwords_differ")
    except TooManyTries as error:
        return _wait(error, request, services=services, visitor=visitor, code=code)
    except (Conflict, InvalidRequest, PasswordRefused) as error:
        note = _note_of(error)
    return _show(request, services=services, visitor=visitor, code=code, course=course, typed=typed, note=note)


def _asker(request: Request, visitor: Caller | None) -> str:
    """Who guesses codes; of strangers only where they come from is known."""
    if visitor is not None:
        return visitor.person.person_id
    return "" if request.client is None else request.client.host


def _note_of(error: GraderError) -> Note:
    """What somebody can do whose login is taken is no riddle: it may be their own."""
    is_taken = isinstance(error, Conflict) and error.facts.get("what") == "login"
    return Note(code="course.join_login_taken", facts=error.facts) if is_taken else error.note


def _wait(error: TooManyTries, request: Request, *, services: Services, visitor: Caller | None, code: str) -> Response:
    """Too many codes, or too many requests: neither is looked at any more for a while."""
    note = Note(code="course.join_too_often", facts=error.facts)
    status = status_of(error)
    page = _show(request, services=services, visitor=visitor, code=code, note=note, status=status)
    return tell_when(page, error)


def _show(
    request: Request,
    *,
    services: Services,
    visitor: Caller | None,
    code: str,
    course: Course | None = None,
    typed: Mapping[str, str] = _EMPTY,
    note: Note | None = None,
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    facts = {
        "is_unprotected": is_unprotected(request, services=services),
        "code": code,
        "course": course,
        "typed": typed,
        "note": note,
        "asked": () if visitor is None else joining.list_asked(caller=visitor, stores=services.stores),
    }
    status = HTTPStatus.OK if note is None else status
    return render_page("join.html", request, caller=visitor, status=status, facts=facts)
