"""Who is in a course: the roster, one member, links with which they choose passwords, and who asks to join."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.domain.accounts import JoinRequestId
from grader.domain.ids import PersonId
from grader.domain.people import Role
from grader.domain.text import Note
from grader.errors import Conflict, GraderError, InvalidRequest, MailRefused
from grader.flow import joining, members
from grader.flow.accounts import invite
from grader.flow.links import write_links
from grader.flow.mail_links import MailReport, mail_links
from grader.flow.people import Caller, NewMember, add_member
from grader.flow.roster import invite_newcomers
from grader.web.access import AppServices, PageCaller
from grader.web.addresses import invitation_address
from grader.web.errors import status_of
from grader.web.language import RequestLanguage
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]
_DONE = frozenset({"course_made", "imported", "admitted", "declined", "added", "saved", "removed", "taken_back"})
_NOBODY = NewMember(login="", name="")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whom the reader looks for, as it stands in the address."""

    q: str = ""
    left: bool = False
    page: int = 1
    waiting: int = 1
    """Which page of those who ask to join."""

    def address(self, *, page: int) -> str:
        """Of another page of the same."""
        asked = {"q": self.q, "left": "true" if self.left else "", "page": str(page) if page > 1 else ""}
        return "?" + urlencode({name: value for name, value in asked.items() if value})


_EVERYBODY = Question()


@router.get("/courses/{course}/members")
def get_members(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    q: str = "",
    left: bool = False,
    page: int = 1,
    waiting: int = 1,
    done: str = "",
    admitted: int | None = None,
) -> Response:
    """The roster with those who ask to join above it (staff)."""
    question = Question(q=q, left=left, page=page, waiting=waiting)
    note = _done(done) if admitted is None else Note(code="course.done_admitted_all", facts={"count": admitted})
    return _show_roster(course, request, services=services, caller=caller, question=question, done=note)


@router.post("/courses/{course}/members")
def post_member(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    login: Typed = "",
    name: Typed = "",
    role: Annotated[Role, Form()] = Role.STUDENT,
    student_number: Typed = "",
) -> Response:
    """Add one person and show them; otherwise ask again and say why."""
    new = NewMember(login=login.strip(), name=name.strip(), role=role, student_number=student_number.strip() or None)
    try:
        person, _ = add_member(new, course=course, stores=services.stores, by=caller)
    except (InvalidRequest, Conflict) as error:
        return _show_roster(course, request, services=services, caller=caller, typed=new, error=error)
    return _back(course, f"/{person.person_id}?done=added")


@router.post("/courses/{course}/members/links")
def post_links(
    course: str, request: Request, services: AppServices, caller: PageCaller, language: RequestLanguage
) -> Response:
    """A file with a new link for each student who has no password yet."""
    issued = invite_newcomers(course, stores=services.stores, by=caller)
    data = write_links(
        issued, link_of=lambda secret: invitation_address(secret, request, services=services), language=language
    )
    headers = {"Content-Disposition": f'attachment; filename="{course}-links.csv"'}
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/courses/{course}/members/mail")
def post_mail(course: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Send each student who has no password yet a new link; tell whom no mail reaches."""
    try:
        report = mail_links(
            course,
            post=services.post,
            link_of=lambda secret: invitation_address(secret, request, services=services),
            stores=services.stores,
            by=caller,
        )
    except MailRefused as error:
        return _show_roster(course, request, services=services, caller=caller, error=error)
    return _show_roster(course, request, services=services, caller=caller, mailed=report)


@router.post("/courses/{course}/members/waiting")
def post_all_waiting(course: str, services: AppServices, caller: PageCaller) -> Response:
    """Let everybody in whom the roster has by number and name; the others go on waiting."""
    admitted = joining.admit_fitting(course, stores=services.stores, by=caller)
    return _back(course, f"?admitted={admitted}")


@router.post("/courses/{course}/members/waiting/{request_id}")
def post_waiting(
    course: str,
    request_id: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    answer: Annotated[Literal["admit", "decline"], Form()],
) -> Response:
    """Let somebody in who has asked to join, or turn them down."""
    asked, stores = JoinRequestId(request_id), services.stores
    if answer == "decline":
        joining.decline(asked, course=course, stores=stores, by=caller)
        return _back(course, "?done=declined")
    try:
        joining.admit(asked, course=course, stores=stores, by=caller)
    except Conflict as error:
        return _show_roster(course, request, services=services, caller=caller, error=error)
    return _back(course, "?done=admitted")


@router.get("/courses/{course}/members/{person}")
def get_member(
    course: str, person: str, request: Request, services: AppServices, caller: PageCaller, done: str = ""
) -> Response:
    """One member (staff)."""
    return _show_member(course, PersonId(person), request, services=services, caller=caller, done=done)


@router.post("/courses/{course}/members/{person}")
def post_change(
    course: str,
    person: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    name: Typed = "",
    role: Annotated[Role, Form()] = Role.STUDENT,
    student_number: Typed = "",
) -> Response:
    """Keep another name, role or number; otherwise ask again and say why."""
    person_id = PersonId(person)
    change = members.MemberChange(name=name, role=role, student_number=student_number)
    try:
        members.change_member(person_id, change, course=course, by=caller, stores=services.stores)
    except (InvalidRequest, Conflict) as error:
        return _show_member(course, person_id, request, services=services, caller=caller, typed=change, error=error)
    return _back(course, f"/{person}?done=saved")


@router.post("/courses/{course}/members/{person}/link")
def post_link(course: str, person: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Make a link with which the person chooses a password, and show it this once."""
    person_id = PersonId(person)
    view = members.read_member(person_id, course=course, by=caller, stores=services.stores)
    issued = invite(view.entry.member.person.login, stores=services.stores, by=caller)
    link = invitation_address(issued.secret, request, services=services)
    return _show_member(course, person_id, request, services=services, caller=caller, link=link)


@router.post("/courses/{course}/members/{person}/leave")
def post_leave(course: str, person: str, services: AppServices, caller: PageCaller) -> Response:
    """They are no member any more; nothing is deleted."""
    members.remove_member(PersonId(person), course=course, by=caller, stores=services.stores)
    return _back(course, f"/{person}?done=removed")


@router.post("/courses/{course}/members/{person}/return")
def post_return(course: str, person: str, services: AppServices, caller: PageCaller) -> Response:
    """Who has left is a member again."""
    members.take_back(PersonId(person), course=course, by=caller, stores=services.stores)
    return _back(course, f"/{person}?done=taken_back")


def _back(course: str, to: str) -> Response:
    return RedirectResponse(f"/courses/{course}/members{to}", HTTPStatus.SEE_OTHER)


def _show_roster(
    course: str,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    question: Question = _EVERYBODY,
    typed: NewMember = _NOBODY,
    error: GraderError | None = None,
    mailed: MailReport | None = None,
    done: Note | None = None,
) -> Response:
    stores = services.stores
    view = members.list_people(
        course, by=caller, stores=stores, search=question.q, has_left=question.left, page=question.page
    )
    facts = {
        "course": view.course,
        "role": caller.role_in(view.course.course_id),
        "here": "members",
        "view": view,
        "question": question,
        "waiting": joining.read_pending(course, page=question.waiting, stores=stores, by=caller),
        "code": joining.find_join_code(course, stores=stores, by=caller),
        "teaches": caller.is_instructor_in(view.course.course_id),
        "sends_mail": services.post is not None,
        "mailed": mailed,
        "typed": typed,
        "roles": tuple(Role),
        "note": None if error is None else error.note,
        "done": done,
        "now": stores.clock.now(),
    }
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("members.html", request, caller=caller, status=status, facts=facts)


def _show_member(
    course: str,
    person_id: PersonId,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    typed: members.MemberChange | None = None,
    error: GraderError | None = None,
    link: str | None = None,
    done: str = "",
) -> Response:
    view = members.read_member(person_id, course=course, by=caller, stores=services.stores)
    member = view.entry.member
    facts = {
        "course": view.course,
        "role": caller.role_in(view.course.course_id),
        "here": "members",
        "view": view,
        "person": member.person,
        "membership": member.membership,
        "typed": typed
        or members.MemberChange(
            name=member.person.name, role=member.membership.role, student_number=member.membership.student_number
        ),
        "roles": tuple(Role),
        "teaches": caller.is_instructor_in(view.course.course_id),
        "is_own": caller.person.person_id == person_id and not caller.person.is_admin,
        "link": link,
        "note": None if error is None else error.note,
        "done": _done(done),
        "now": services.stores.clock.now(),
    }
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("member.html", request, caller=caller, status=status, facts=facts)


def _done(done: str) -> Note | None:
    return Note(code=f"course.done_{done}") if done in _DONE else None
