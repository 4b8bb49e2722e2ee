"""The first page: the caller's courses and what they offer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from grader.domain.ids import OfferingId
from grader.domain.publishing import Offering
from grader.flow.own_work import OwnWork, read_own_work
from grader.flow.progress import CourseView, OfferingView, list_assignments, list_courses
from grader.web.access import AppServices, PageCaller
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A course with what it offers."""

    view: CourseView
    offerings: tuple[OfferingView, ...]
    work: Mapping[OfferingId, OwnWork]
    """The caller's, who is a student."""


@router.get("/")
def get_home(request: Request, services: AppServices, caller: PageCaller) -> Response:
    """The caller's courses with their assignments; an empty one says what to do next."""
    stores = services.stores
    shelves = []
    for view in list_courses(caller=caller, stores=stores):
        offerings = list_assignments(view.course.slug, caller=caller, stores=stores)
        work = read_own_work(offerings, caller=caller, stores=stores)
        shelves.append(Shelf(view=view, offerings=offerings, work=work))
    facts = {"shelves": shelves, "now": stores.clock.now(), "stage_of": stage_of}
    return render_page("home.html", request, caller=caller, facts=facts)


def stage_of(offering: Offering, at: datetime) -> str:
    """Where in its life an offering is: 'soon', 'open', 'late' (late hand-ins are taken) or 'closed'."""
    dates = offering.dates
    if dates.opens_at is not None and at < dates.opens_at:
        return "soon"
    if not dates.is_open(at=at):
        return "closed"
    return "late" if offering.is_late(at=at) else "open"
