"""A roster file: brought, looked at with what it would change, and imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from grader.domain.people import Member
from grader.domain.roster import RosterChange, RosterColumns, RosterLine, RosterPlan
from grader.errors import Conflict, GraderError, NotFound, RosterRefused
from grader.flow.people import Caller
from grader.flow.progress import read_course
from grader.flow.roster_file import MOST_BYTES
from grader.flow.roster_upload import UploadView, forget_upload, import_upload, keep_upload, preview_upload
from grader.web.access import AppServices, PageCaller
from grader.web.errors import status_of
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

Asked = Annotated[str, Query()]
Typed = Annotated[str, Form()]


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """A student as an import would leave them, and what the roster has by now."""

    name: str
    login: str
    number: str | None
    before: str = ""
    has_left: bool = False


@router.get("/courses/{course}/members/import")
def get_import(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    login: Asked = "",
    name: Asked = "",
    number: Asked = "",
) -> Response:
    """What the kept file would change, with the columns that are asked for; without a file, ask for one."""
    columns = _columns(login=login, name=name, number=number)
    return _show(course, request, services=services, caller=caller, columns=columns)


@router.post("/courses/{course}/members/import")
def post_import(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    roster: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep the file and show what it would change; otherwise ask for another one and say why."""
    data = b"" if roster is None else roster.file.read()
    file_name = "" if roster is None else roster.filename or ""
    try:
        keep_upload(data, file_name=file_name, course=course, by=caller, stores=services.stores)
    except RosterRefused as error:
        return _show(course, request, services=services, caller=caller, error=error)
    return RedirectResponse(f"/courses/{course}/members/import", HTTPStatus.SEE_OTHER)


@router.post("/courses/{course}/members/import/apply")
def post_apply(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    seen: Typed,
    login: Typed = "",
    name: Typed = "",
    number: Typed = "",
) -> Response:
    """Make the change that was shown; where it would be another one by now, show that."""
    columns = _columns(login=login, name=name, number=number)
    try:
        import_upload(course=course, columns=columns, seen=seen, by=caller, stores=services.stores)
    except (Conflict, RosterRefused) as error:
        return _show(course, request, services=services, caller=caller, columns=columns, error=error)
    return RedirectResponse(f"/courses/{course}/members?done=imported", HTTPStatus.SEE_OTHER)


@router.post("/courses/{course}/members/import/cancel")
def post_cancel(course: str, services: AppServices, caller: PageCaller) -> Response:
    """Forget the file."""
    forget_upload(course=course, by=caller, stores=services.stores)
    return RedirectResponse(f"/courses/{course}/members", HTTPStatus.SEE_OTHER)


def _columns(*, login: str, name: str, number: str) -> RosterColumns:
    return RosterColumns(login=login or None, name=name or None, student_number=number or None)


def _show(
    course: str,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    columns: RosterColumns | None = None,
    error: GraderError | None = None,
) -> Response:
    found = read_course(course, caller=caller, stores=services.stores)
    columns = columns or RosterColumns()
    upload = _find_preview(course, columns=columns, services=services, caller=caller)
    plan = None if upload is None or upload.preview is None else upload.preview.plan
    facts = {
        "course": found.course,
        "role": found.role,
        "here": "members",
        "upload": upload,
        "asked": {
            "login": columns.login or "",
            "name": columns.name or "",
            "number": columns.student_number or "",
        },
        **_rows_of(plan),
        "note": None if error is None else error.note,
        "most_bytes": min(MOST_BYTES, services.max_upload_bytes),
    }
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("roster_import.html", request, caller=caller, status=status, facts=facts)


def _find_preview(course: str, *, columns: RosterColumns, services: Services, caller: Caller) -> UploadView | None:
    """None where no file is kept."""
    try:
        return preview_upload(course=course, columns=columns, by=caller, stores=services.stores)
    except NotFound:
        return None


def _rows_of(plan: RosterPlan | None) -> Mapping[str, Sequence[PlanRow]]:
    if plan is None:
        return {"added": (), "changed": (), "left": ()}
    return {
        "added": [_row_of_line(line) for line in plan.added],
        "changed": [_row_of_change(change) for change in plan.changed],
        "left": [_row_of_member(member) for member in plan.left],
    }


def _row_of_line(line: RosterLine) -> PlanRow:
    return PlanRow(name=line.name, login=line.login, number=line.student_number)


def _row_of_change(change: RosterChange) -> PlanRow:
    line, member = change.line, change.before
    return PlanRow(
        name=line.name,
        login=line.login,
        number=line.student_number or member.membership.student_number,
        before=f"{member.person.name} · {member.membership.student_number or '–'}",
        has_left=change.has_left,
    )


def _row_of_member(member: Member) -> PlanRow:
    return PlanRow(name=member.person.name, login=member.person.login, number=member.membership.student_number)
