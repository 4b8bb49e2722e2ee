"""A new course, and what its instructors set: title, zone, which submission counts, the join code."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Annotated, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.people import CountingPolicy
from grader.domain.text import Note
from grader.errors import Conflict, InvalidRequest
from grader.flow.courses import CourseSettings, change_course, read_settings
from grader.flow.joining import close_joining, renew_join_code
from grader.flow.people import Caller, add_course, check_may_add_course
from grader.web.access import AppServices, PageCaller
from grader.web.addresses import public_address
from grader.web.errors import status_of
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]
_DONE = frozenset({"saved", "code_renewed", "code_closed"})


@router.get("/courses/new")
def get_new_course(request: Request, caller: PageCaller) -> Response:
    """Ask what the course is called (admins)."""
    check_may_add_course(caller)
    empty = {"slug": "", "title": "", "time_zone": "Asia/Tokyo", "counting": CountingPolicy.BEST}
    return _ask_for_course(request, caller=caller, typed=empty)


@router.post("/courses/new")
def post_new_course(
    request: Request,
    services: AppServices,
    caller: PageCaller,
    slug: Typed = "",
    title: Typed = "",
    time_zone: Typed = "",
    counting: Annotated[CountingPolicy, Form()] = CountingPolicy.BEST,
) -> Response:
    """Add the course and go on to its members; otherwise ask again and say why."""
    try:
        add_course(slug.strip(), title=title, time_zone=time_zone, counting=counting, stores=services.stores, by=caller)
    except (InvalidRequest, Conflict) as error:
        typed = {"slug": slug, "title": title, "time_zone": time_zone, "counting": counting}
        return _ask_for_course(request, caller=caller, typed=typed, error=error)
    return RedirectResponse(f"/courses/{slug.strip()}/members?done=course_made", HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/settings")
def get_settings(course: str, request: Request, services: AppServices, caller: PageCaller, done: str = "") -> Response:
    """What the course is set to (instructors)."""
    return _show_settings(course, request, services=services, caller=caller, done=done)


@router.post("/courses/{course}/settings")
def post_settings(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    title: Typed = "",
    time_zone: Typed = "",
    counting: Annotated[CountingPolicy, Form()] = CountingPolicy.BEST,
    shows_at_risk: Annotated[bool, Form()] = False,
) -> Response:
    """Keep what was set; otherwise ask again and say why."""
    typed = CourseSettings(title=title, time_zone=time_zone, counting=counting, shows_at_risk=shows_at_risk)
    try:
        change_course(course, typed, stores=services.stores, by=caller)
    except InvalidRequest as error:
        return _show_settings(course, request, services=services, caller=caller, typed=typed, error=error)
    return RedirectResponse(f"/courses/{course}/settings?done=saved", HTTPStatus.SEE_OTHER)


@router.post("/courses/{course}/join-code")
def post_join_code(
    course: str, services: AppServices, caller: PageCaller, change: Annotated[Literal["renew", "close"], Form()]
) -> Response:
    """Make another join code, or take it away."""
    if change == "renew":
        renew_join_code(course, stores=services.stores, by=caller)
        done = "code_renewed"
    else:
        close_joining(course, stores=services.stores, by=caller)
        done = "code_closed"
    return RedirectResponse(f"/courses/{course}/settings?done={done}#join-code", HTTPStatus.SEE_OTHER)


def _ask_for_course(
    request: Request, *, caller: Caller, typed: Mapping[str, str], error: InvalidRequest | Conflict | None = None
) -> Response:
    facts = {"typed": typed, "zones": _zones(), "note": None if error is None else error.note}
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("course_new.html", request, caller=caller, status=status, facts=facts)


def _show_settings(
    course: str,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    typed: CourseSettings | None = None,
    error: InvalidRequest | None = None,
    done: str = "",
) -> Response:
    view = read_settings(course, stores=services.stores, by=caller)
    path = f"/join?code={view.join_code}"
    facts = {
        "course": view.course,
        "role": caller.role_in(view.course.course_id),
        "here": "settings",
        "typed": typed or view.settings,
        "zones": _zones(),
        "note": None if error is None else error.note,
        "done": Note(code=f"course.done_{done}") if done in _DONE else None,
        "code": view.join_code,
        "join_address": public_address(path, request, services=services),
    }
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("course_settings.html", request, caller=caller, status=status, facts=facts)


@cache
def _zones() -> tuple[str, ...]:
    """Names such as Asia/Tokyo, to choose from."""
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))
