"""See or correct which cells answer which question."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.ids import QuestionId, SubmissionId
from grader.errors import InvalidRequest
from grader.flow.point import Desk, point_at_cells, read_cells
from grader.web.access import AppServices, PageCaller
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False, prefix="/submissions/{submission_id}/cells")

Ticked = Annotated[list[str], Form(default_factory=list)]
"""A question's id and a cell's number, such as 'q1:3'."""


@router.get("")
def get_cells(submission_id: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Which cells are graded for each question, and all that could be."""
    found = read_cells(SubmissionId(submission_id), caller=caller, desk=_desk(services))
    view = found.submission
    facts: Mapping[str, object] = {
        "course": view.course,
        "role": caller.role_in(view.course.course_id),
        "here": "assignments",
        "view": view,
        "found": found,
        "first_line": _first_line,
        "now": services.stores.clock.now(),
    }
    return render_page("cells.html", request, caller=caller, facts=facts)


@router.post("")
def post_cells(submission_id: str, services: AppServices, caller: PageCaller, cell: Ticked) -> Response:
    """Keep what was chosen, have it graded, and go back to the result."""
    chosen: dict[QuestionId, list[int]] = {}
    for ticked in cell:
        question_id, _, number = ticked.rpartition(":")
        if not number.isdecimal() or len(number) > _DIGITS:
            raise InvalidRequest(what="cell", value=ticked)
        chosen.setdefault(QuestionId(question_id), []).append(int(number) - 1)
    point_at_cells(chosen, submission_id=SubmissionId(submission_id), caller=caller, desk=_desk(services))
    return RedirectResponse(f"/submissions/{submission_id}", HTTPStatus.SEE_OTHER)


_DIGITS = 6
_SHOWN_CHARACTERS = 80


def _first_line(source: str) -> str:
    """What a cell is recognised by."""
    lines = (line.strip() for line in source.splitlines())
    return next((line for line in lines if line), "")[:_SHOWN_CHARACTERS]


def _desk(services: Services) -> Desk:
    intake = services.intake
    return Desk(
        stores=services.stores,
        assignments=services.assignments,
        read_notebook=intake.read_notebook,
        limit=intake.limit,
        most_bytes=intake.most_bytes,
    )
