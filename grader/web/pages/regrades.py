"""Regrading for staff: ask for it, watch it, see before and after, apply, undo."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.ids import QuestionId, SubmissionId
from grader.domain.regrading import RegradeId, gain_of
from grader.domain.text import Note
from grader.errors import Conflict, InvalidRequest
from grader.flow.people import Caller
from grader.flow.trial import (
    RegradeView,
    RegradeWish,
    apply_regrade,
    ask_regrade,
    read_desk,
    read_regrade,
    undo_regrade,
)
from grader.web.access import AppServices, PageCaller
from grader.web.language import request_language
from grader.web.pages.dashboard import name_questions
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)


@router.get("/courses/{course}/assignments/{slug}/regrade")
def get_regrade_form(
    course: str,
    slug: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    submission: str | None = None,
) -> Response:
    """What can be regraded: all, one question, or the submission that the address names."""
    return _show_form(course, slug, request=request, services=services, caller=caller, submission=submission)


@router.post("/courses/{course}/assignments/{slug}/regrade")
def post_regrade(
    course: str,
    slug: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    scope: Annotated[str, Form()] = "assignment",
    question: Annotated[str, Form()] = "",
    submission: Annotated[str, Form()] = "",
    whose: Annotated[str, Form()] = "",
) -> Response:
    """Grade what is meant again and go to where it can be watched."""
    is_question = scope == "question"
    wish = RegradeWish(
        question_id=QuestionId(question) if is_question else None,
        only_lacking=is_question and whose == "lacking",
        submission_id=SubmissionId(submission) if scope == "submission" else None,
    )
    try:
        if is_question:
            _check_question(question, course, slug, services=services, caller=caller)
        regrade = ask_regrade(course, slug, wish=wish, caller=caller, stores=services.stores)
    except InvalidRequest:
        note = Note(code="staff.regrade_none")
        return _show_form(course, slug, request=request, services=services, caller=caller, note=note)
    return RedirectResponse(f"/regrades/{regrade.regrade_id}", HTTPStatus.SEE_OTHER)


@router.get("/regrades/{regrade_id}")
def get_regrade(regrade_id: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """How far it is; once it is through, before and after."""
    view = read_regrade(RegradeId(regrade_id), caller=caller, stores=services.stores)
    return _show(view, request=request, services=services, caller=caller)


@router.post("/regrades/{regrade_id}/apply")
def post_apply(
    regrade_id: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    only: Annotated[str, Form()] = "",
) -> Response:
    """Let the new runs count, for everybody or where points rise."""
    try:
        apply_regrade(RegradeId(regrade_id), only_gains=only == "gains", caller=caller, stores=services.stores)
    except Conflict:
        return _show_as_it_is(regrade_id, request=request, services=services, caller=caller)
    return RedirectResponse(f"/regrades/{regrade_id}", HTTPStatus.SEE_OTHER)


@router.post("/regrades/{regrade_id}/undo")
def post_undo(regrade_id: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Let the runs count again that counted before."""
    try:
        undo_regrade(RegradeId(regrade_id), caller=caller, stores=services.stores)
    except Conflict:
        return _show_as_it_is(regrade_id, request=request, services=services, caller=caller)
    return RedirectResponse(f"/regrades/{regrade_id}", HTTPStatus.SEE_OTHER)


def _check_question(question: str, course: str, slug: str, *, services: Services, caller: Caller) -> None:
    """Raises InvalidRequest: the assignment has no such question."""
    offering = read_desk(course, slug, caller=caller, stores=services.stores).offering
    asked = services.assignments.load(offering.version, revision=offering.revision).assignment.questions
    if question not in {one.question_id for one in asked}:
        raise InvalidRequest(what="question", value=question)


def _show_form(
    course: str,
    slug: str,
    *,
    request: Request,
    services: Services,
    caller: Caller,
    submission: str | None = None,
    note: Note | None = None,
) -> Response:
    one = None if submission is None else SubmissionId(submission)
    desk = read_desk(course, slug, caller=caller, stores=services.stores, submission_id=one)
    loaded = services.assignments.load(desk.offering.version, revision=desk.offering.revision)
    facts = {
        "course": desk.course,
        "role": caller.role_in(desk.course.course_id),
        "here": "dashboard",
        "now": services.stores.clock.now(),
        "desk": desk,
        "questions": name_questions(loaded.assignment, request_language(request)),
        "note": note,
    }
    status = HTTPStatus.OK if note is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return render_page("regrade_form.html", request, caller=caller, status=status, facts=facts)


def _show_as_it_is(regrade_id: str, *, request: Request, services: Services, caller: Caller) -> Response:
    """After a second press, or one that somebody else or another version was faster than."""
    view = read_regrade(RegradeId(regrade_id), caller=caller, stores=services.stores)
    note = Note(code="regrade_page.not_now")
    return _show(view, request=request, services=services, caller=caller, note=note)


def _show(
    view: RegradeView, *, request: Request, services: Services, caller: Caller, note: Note | None = None
) -> Response:
    loaded = services.assignments.load(view.regrade.version, revision=view.revision.number)
    names = name_questions(loaded.assignment, request_language(request))
    facts = {
        "course": view.course,
        "role": caller.role_in(view.course.course_id),
        "here": "dashboard",
        "now": services.stores.clock.now(),
        "view": view,
        "gain_of": gain_of,
        "name_of": lambda question_id: names.get(question_id, question_id),
        "note": note,
    }
    status = HTTPStatus.OK if note is None else HTTPStatus.CONFLICT
    return render_page("regrade.html", request, caller=caller, status=status, facts=facts)
