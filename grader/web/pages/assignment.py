"""A student's way in: an assignment, a look at a file before it is handed in, and handing it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from grader.domain.ids import QuestionId
from grader.domain.result import Points
from grader.domain.text import Language, Note
from grader.errors import Conflict, NotebookRefused, NotFound, NotOpen, TooManyTries
from grader.flow.look import look
from grader.flow.own_work import note_visit
from grader.flow.people import Caller
from grader.flow.progress import OfferingView, list_submissions, read_assignment
from grader.flow.prompts import load_prompt_outputs, render_prompt
from grader.flow.submit import Upload, submit
from grader.rendering.markdown import render_markdown
from grader.web.access import AppServices, PageCaller
from grader.web.errors import status_of
from grader.web.language import RequestLanguage, request_language
from grader.web.pages.home import stage_of
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False, prefix="/courses/{course}/assignments/{slug}")

Files = Annotated[list[UploadFile], File(default_factory=list)]

_LISTED = 20
_FORMULA = 'class="math'
_NOTEBOOK_TYPE = "application/x-ipynb+json"


@dataclass(frozen=True, kw_only=True)
class AskedQuestion:
    """One question as a page shows it."""

    question_id: QuestionId
    number: int
    title: str
    points: Points
    prompt: Markup


@router.get("")
def get_assignment(
    course: str,
    slug: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    after: str | None = None,
    same: int | None = None,
) -> Response:
    """What is asked, where to hand it in, and what the caller handed in so far."""
    note = None if same is None else Note(code="student.same_bytes", facts={"number": same})
    view = read_assignment(course, slug, caller=caller, stores=services.stores)
    note_visit(view.offering, caller=caller, stores=services.stores)
    return _show(view, request, services=services, caller=caller, after=after, note=note)


@router.get("/template")
def get_template(
    course: str, slug: str, services: AppServices, caller: PageCaller, language: RequestLanguage
) -> Response:
    """The notebook to fill in, in the reader's language where there is one."""
    view = read_assignment(course, slug, caller=caller, stores=services.stores)
    name = _template_of(view, language)
    if name is None:
        raise NotFound(what="template", name=slug)
    data = services.stores.blobs.get(view.revision.files[name])
    headers = {"Content-Disposition": f'attachment; filename="{slug}.ipynb"'}
    return Response(data, media_type=_NOTEBOOK_TYPE, headers=headers)


@router.post("/look")
def post_look(
    course: str, slug: str, request: Request, services: AppServices, caller: PageCaller, file: Files
) -> Response:
    """What handing this file in would mean: part of a page. Where there is no look, it says why, and is no error."""
    try:
        upload = _upload_of(file, course=course, slug=slug, request=request)
        seen = look(
            upload, caller=caller, intake=services.intake, assignments=services.assignments, looks=services.looks
        )
    except NotebookRefused as error:
        return render_page("look.html", request, caller=caller, facts={"note": error.note, "is_refused": True})
    except (Conflict, TooManyTries) as error:
        is_early = isinstance(error, Conflict)
        note = Note(code="student.look_under_way" if is_early else "student.look_too_often", facts=error.facts)
        return render_page("look.html", request, caller=caller, facts={"note": note, "is_refused": False})
    return render_page("look.html", request, caller=caller, facts={"look": seen, "note": None})


@router.post("/submissions")
def post_submission(
    course: str, slug: str, request: Request, services: AppServices, caller: PageCaller, file: Files
) -> Response:
    """Hand a notebook in and go on to how its grading goes; otherwise say on this page why not."""
    try:
        upload = _upload_of(file, course=course, slug=slug, request=request)
        receipt = submit(upload, caller=caller, intake=services.intake)
    except (NotebookRefused, NotOpen) as error:
        view = read_assignment(course, slug, caller=caller, stores=services.stores)
        return _show(view, request, services=services, caller=caller, note=error.note, status=status_of(error))
    if receipt.created:
        return RedirectResponse(f"/submissions/{receipt.submission.submission_id}", HTTPStatus.SEE_OTHER)
    back = f"/courses/{course}/assignments/{slug}?same={receipt.submission.number}"
    return RedirectResponse(back, HTTPStatus.SEE_OTHER)


def _upload_of(files: list[UploadFile], *, course: str, slug: str, request: Request) -> Upload:
    # Browsers send a nameless, empty file where none was chosen.
    chosen = [file for file in files if file.filename or file.size]
    if not chosen:
        raise NotebookRefused("no_file")
    if len(chosen) > 1:
        raise NotebookRefused("several_files")
    return Upload(
        data=chosen[0].file.read(),
        file_name=chosen[0].filename or "",
        course=course,
        assignment=slug,
        received_at=request.state.received_at,
    )


def _show(
    view: OfferingView,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    after: str | None = None,
    note: Note | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    stores = services.stores
    now = stores.clock.now()
    course, offering, login = view.course, view.offering, caller.person.login
    own = list_submissions(
        course.slug, offering.slug, caller=caller, stores=stores, login=login, after=after, limit=_LISTED
    )
    questions = _read_questions(view, language=request_language(request), services=services)
    facts: Mapping[str, object] = {
        "course": course,
        "role": caller.role_in(course.course_id),
        "here": "assignments",
        "view": view,
        "questions": questions,
        "has_formulas": any(_FORMULA in question.prompt for question in questions),
        "has_template": _template_of(view, request_language(request)) is not None,
        "own": own,
        "after": after,
        "stage": stage_of(offering, now),
        "now": now,
        "note": note,
        "most_bytes": services.max_upload_bytes,
        "is_refused": status is not HTTPStatus.OK,
    }
    return render_page("assignment.html", request, caller=caller, status=status, facts=facts)


def _read_questions(view: OfferingView, *, language: Language, services: Services) -> list[AskedQuestion]:
    version = view.offering.version
    loaded = services.assignments.load(version, revision=view.offering.revision)
    outputs = load_prompt_outputs(version, stores=services.stores)
    return [
        AskedQuestion(
            question_id=question.question_id,
            number=question.number,
            title=question.title.in_language(language),
            points=question.points,
            prompt=_format(
                render_prompt(question.prompt, outputs.get(question.question_id, {})).in_language(language), language
            ),
        )
        for question in loaded.assignment.questions
    ]


def _format(markdown: str, language: Language) -> Markup:
    return Markup(render_markdown(markdown, language=language))  # noqa: S704  # the renderer's promise is safe HTML


def _template_of(view: OfferingView, language: Language) -> str | None:
    """The file's name within the bundle; in the other language where there is none in this one."""
    names = [f"template.{each.value}.ipynb" for each in sorted(Language, key=lambda each: each is not language)]
    return next((name for name in names if name in view.revision.files), None)
