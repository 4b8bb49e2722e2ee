"""Courses, their members, and the assignments they offer."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from grader.domain.people import Member
from grader.flow.people import NewMember, add_course, add_member
from grader.flow.progress import (
    CourseView,
    list_assignments,
    list_courses,
    list_members,
    read_assignment,
    read_course,
)
from grader.flow.prompts import load_prompt_outputs, render_prompt
from grader.web.access import AppServices, SignedIn
from grader.web.api.schemas import (
    AssignmentDetailOut,
    AssignmentOut,
    CourseIn,
    CourseOut,
    MemberIn,
    MemberOut,
    PageOut,
    Problem,
    QuestionOut,
)
from grader.web.language import RequestLanguage

router = APIRouter(
    prefix="/courses",
    tags=["courses"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}},
)

Limit = Annotated[int, Query(ge=1, le=200, description="Most items in one answer.")]
After = Annotated[str | None, Query(description="`next_after` of the answer before.")]


@router.get("")
def get_courses(services: AppServices, caller: SignedIn) -> list[CourseOut]:
    """The caller's courses; all of them for an admin."""
    return [CourseOut.of(view) for view in list_courses(caller=caller, stores=services.stores)]


@router.post("", status_code=HTTPStatus.CREATED)
def post_course(body: CourseIn, services: AppServices, caller: SignedIn) -> CourseOut:
    """Add a course (admins)."""
    course = add_course(
        body.slug,
        title=body.title,
        time_zone=body.time_zone,
        counting=body.counting,
        stores=services.stores,
        by=caller,
    )
    return CourseOut.of(CourseView(course=course, role=None))


@router.get("/{course}")
def get_course(course: str, services: AppServices, caller: SignedIn) -> CourseOut:
    """One course."""
    return CourseOut.of(read_course(course, caller=caller, stores=services.stores))


@router.get("/{course}/members")
def get_members(
    course: str, services: AppServices, caller: SignedIn, after: After = None, limit: Limit = 50
) -> PageOut[MemberOut]:
    """The roster, by login (staff)."""
    page = list_members(course, caller=caller, stores=services.stores, after=after, limit=limit)
    return PageOut(items=[MemberOut.of(member) for member in page.items], next_after=page.next_after)


@router.post("/{course}/members", status_code=HTTPStatus.CREATED)
def post_member(course: str, body: MemberIn, services: AppServices, caller: SignedIn) -> MemberOut:
    """Add a member or change a role (instructors)."""
    new = NewMember(login=body.login, name=body.name, role=body.role, student_number=body.student_number)
    person, membership = add_member(new, course=course, stores=services.stores, by=caller)
    return MemberOut.of(Member(person=person, membership=membership))


@router.get("/{course}/assignments")
def get_assignments(
    course: str, services: AppServices, caller: SignedIn, language: RequestLanguage
) -> list[AssignmentOut]:
    """What the course offers, by due date."""
    views = list_assignments(course, caller=caller, stores=services.stores)
    return [AssignmentOut.of(view, language) for view in views]


@router.get("/{course}/assignments/{slug}")
def get_assignment(
    course: str, slug: str, services: AppServices, caller: SignedIn, language: RequestLanguage
) -> AssignmentDetailOut:
    """One assignment with its questions; prompts show what the reference prints once it has run."""
    view = read_assignment(course, slug, caller=caller, stores=services.stores)
    loaded = services.assignments.load(view.offering.version, revision=view.offering.revision)
    outputs = load_prompt_outputs(view.offering.version, stores=services.stores)
    questions = [
        QuestionOut(
            id=question.question_id,
            title=question.title.in_language(language),
            prompt=render_prompt(question.prompt, outputs.get(question.question_id, {})).in_language(language),
            points=question.points,
        )
        for question in loaded.assignment.questions
    ]
    return AssignmentDetailOut(**AssignmentOut.of(view, language).model_dump(), questions=questions)
