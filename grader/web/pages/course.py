"""A course's first page: what it offers, and what the caller has of it."""

from fastapi import APIRouter, Request, Response

from grader.flow.own_work import read_own_work
from grader.flow.progress import list_assignments, read_course
from grader.web.access import AppServices, PageCaller
from grader.web.pages.home import stage_of
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)


@router.get("/courses/{course}")
def get_course(course: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """The course with its assignments, by due date."""
    stores = services.stores
    view = read_course(course, caller=caller, stores=stores)
    offerings = list_assignments(course, caller=caller, stores=stores)
    facts = {
        "course": view.course,
        "role": view.role,
        "here": "assignments",
        "offerings": offerings,
        "work": read_own_work(offerings, caller=caller, stores=stores),
        "now": stores.clock.now(),
        "stage_of": stage_of,
    }
    return render_page("course.html", request, caller=caller, facts=facts)
