"""Reviewing: the queue of what waits for a person, and mistakes that several students share."""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from grader.domain.ids import CheckId, QuestionId
from grader.domain.review import Failure
from grader.domain.submission import DecisionId
from grader.domain.text import Language, Note
from grader.errors import Conflict, InvalidRequest
from grader.flow.review_failures import FailureGroup, comment_failure, list_failures
from grader.flow.review_queue import read_queue
from grader.web.access import AppServices, PageCaller
from grader.web.errors import status_of
from grader.web.language import request_language
from grader.web.pages.review_place import Choices, Keys, Names, Whose, address_of_part, choices_of
from grader.web.pages.review_words import name_question, places_in, tell_check
from grader.web.security import keep_choice, own_path
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form()]


@router.get("/courses/{course}/review")
def get_queue(course: str, request: Request, services: AppServices, caller: PageCaller, early: str = "") -> Response:
    """What waits for a person, by assignment and question."""
    queue = read_queue(
        course,
        caller=caller,
        stores=services.stores,
        assignments=services.assignments,
        with_early=bool(early),
    )
    root = f"/courses/{queue.course.slug}/review"
    facts = {
        "course": queue.course,
        "role": caller.role_in(queue.course.course_id),
        "here": "review",
        "root": root,
        "now": services.stores.clock.now(),
        "queue": queue,
        "with_early": bool(early),
        "choices": choices_of(request),
        "name_of": lambda question: name_question(question, request_language(request)),
        "address_of": lambda slug, part, whose: address_of_part(f"{root}/{slug}", part, whose=Whose(whose)),
    }
    return render_page("review_queue.html", request, caller=caller, facts=facts)


@router.post("/review-preferences")
def post_preferences(
    services: AppServices,
    caller: PageCaller,
    names: Annotated[Names | None, Form()] = None,
    keys: Annotated[Keys | None, Form()] = None,
    next: Typed = "/",  # noqa: A002  # the field's name in every form
) -> Response:
    """Keep in the browser whether names are hidden and digits are keys, and show the page it was chosen on."""
    response = RedirectResponse(own_path(next), HTTPStatus.SEE_OTHER)
    for name, choice in ((Choices.NAMES_COOKIE, names), (Choices.KEYS_COOKIE, keys)):
        if choice is not None:
            keep_choice(response, name=name, value=choice.value, is_https=services.is_https)
    return response


@router.get("/courses/{course}/review/{assignment}")
def get_failures(
    course: str, assignment: str, request: Request, services: AppServices, caller: PageCaller, said: int = 0
) -> Response:
    """What several students got wrong in the same way, each with a field for one comment to all of them."""
    return _show_failures(course, assignment, request=request, services=services, caller=caller, said=said)


@router.post("/courses/{course}/review/{assignment}")
def post_failure(
    course: str,
    assignment: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    question: Typed = "",
    check: Typed = "",
    code: Typed = "",
    diagnosis: Typed = "",
    comment: Typed = "",
    seen: Typed = "",
) -> Response:
    """Say the same to everybody who made this mistake."""
    failure = Failure(question_id=QuestionId(question), check_id=CheckId(check), code=code, diagnosis=diagnosis or None)
    try:
        told = comment_failure(
            failure,
            comment,
            course=course,
            assignment=assignment,
            caller=caller,
            stores=services.stores,
            assignments=services.assignments,
            seen=DecisionId(seen),
        )
    except (InvalidRequest, Conflict) as error:
        failed = _Failed(failure=failure, comment=comment, error=error)
        return _show_failures(course, assignment, request=request, services=services, caller=caller, failed=failed)
    here = f"{request.url.path}?{urlencode({'said': len(told)})}"
    return RedirectResponse(here, HTTPStatus.SEE_OTHER)


@dataclass(frozen=True, kw_only=True)
class _Failed:
    """What was sent and not said."""

    failure: Failure
    comment: str
    error: InvalidRequest | Conflict

    @property
    def note(self) -> Note:
        is_late = isinstance(self.error, Conflict)
        return Note(code="review_page.said_meanwhile" if is_late else "review_page.bad_comment")


def _show_failures(
    course: str,
    assignment: str,
    *,
    request: Request,
    services: Services,
    caller: PageCaller,
    said: int = 0,
    failed: _Failed | None = None,
) -> Response:
    seen = list_failures(course, assignment, caller=caller, stores=services.stores, assignments=services.assignments)
    language = request_language(request)
    facts = {
        "course": seen.course,
        "role": caller.role_in(seen.course.course_id),
        "here": "review",
        "now": services.stores.clock.now(),
        "seen": seen,
        "said": said,
        "failed": failed,
        "name_of": lambda question: name_question(question, language),
        "tell_group": partial(_tell_group, language=language, hides_names=choices_of(request).names is Names.HIDDEN),
    }
    status = HTTPStatus.OK if failed is None else status_of(failed.error)
    return render_page("review_failures.html", request, caller=caller, status=status, facts=facts)


def _tell_group(group: FailureGroup, *, language: Language, hides_names: bool) -> Markup:
    places = places_in(group.sample, shown="", hides_names=hides_names)
    return tell_check(group.check, group.question, language, find=places.find)
