"""An assignment that is being written, tried out: as students see it, its self-test, publishing, and what that does."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from grader.catalog.bundle import TEMPLATES, Bundle
from grader.catalog.load import parse
from grader.domain.assignment import Assignment
from grader.domain.ids import QuestionId, VersionHash
from grader.domain.text import Language, Note
from grader.errors import Conflict, InvalidAssignment, InvalidRequest, MarkerAlone, Mistake
from grader.flow import manuscripts
from grader.flow.adopting import Effect, ask_effect, move_to, read_effect
from grader.flow.manuscripts import Writing, read_files, read_writing
from grader.flow.people import Caller
from grader.flow.prompts import load_prompt_outputs, render_prompt
from grader.flow.publish import read_self_test, read_version
from grader.flow.student_notebook import make_student_notebooks
from grader.rendering.markdown import render_markdown
from grader.web.access import AppServices, PageCaller
from grader.web.language import request_language
from grader.web.pages.authoring import Told, TypedForm, base_facts, edition_in, read_assignment
from grader.web.pages.schedule import ScheduleForm, ScheduleReading, Wrong
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

_NOTHING_TOLD = Told()
_NO_DATES = ScheduleForm()


@router.get("/courses/{course}/assignments/{slug}/edit/student")
def get_student_view(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """The questions as students will read them; gaps are filled once the reference has run."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show_student_view(writing, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/edit/student")
def post_student_notebooks(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Make the notebooks that students start from, anew where there are some."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    files = read_files(writing.manuscript, stores=services.stores)
    try:
        loaded = services.assignments.read(files, slug)
        made = make_student_notebooks(loaded, outputs=_outputs(writing, services=services))
        manuscripts.save(course, slug, made, edition=edition_in(form), caller=caller, stores=services.stores)
    except (Conflict, InvalidAssignment, MarkerAlone) as error:
        return _show_student_view(writing, request, services=services, caller=caller, told=Told.of(error))
    return RedirectResponse(f"{request.url.path}?saved=1", HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/assignments/{slug}/edit/trial")
def get_trial(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """How far the self-test is, or what it found."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show_trial(writing, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/edit/trial")
def post_trial(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Have a worker run the reference and the self-test."""
    try:
        manuscripts.ask_for_trial(
            course,
            slug,
            edition=edition_in(form),
            caller=caller,
            stores=services.stores,
            assignments=services.assignments,
        )
    except (Conflict, InvalidAssignment) as error:
        writing = read_writing(course, slug, caller=caller, stores=services.stores)
        return _show_trial(writing, request, services=services, caller=caller, told=Told.of(error))
    return RedirectResponse(request.url.path, HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/assignments/{slug}/edit/publish")
def get_publish(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """What publishing would do."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show_publish(writing, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/edit/publish")
def post_publish(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Publish; on to the dates of what is new, to the effect of what grades otherwise, back to the rest."""
    stores = services.stores
    writing = read_writing(course, slug, caller=caller, stores=stores)
    typed = ScheduleForm(opens=str(form.get("opens", "")), due=str(form.get("due", "")))
    reading = ScheduleReading(typed, zone=ZoneInfo(writing.course.time_zone))
    dates = reading.dates()
    if reading.wrong:
        return _show_publish(writing, request, services=services, caller=caller, typed=typed, wrong=reading.wrong)
    try:
        done = manuscripts.publish_writing(
            course,
            slug,
            edition=edition_in(form),
            caller=caller,
            stores=stores,
            assignments=services.assignments,
            dates=dates,
        )
    except InvalidRequest:
        wrong = (Wrong(field="due", note=Note(code="authoring_page.wrong_order")),)
        return _show_publish(writing, request, services=services, caller=caller, typed=typed, wrong=wrong)
    except (Conflict, InvalidAssignment) as error:
        writing = read_writing(course, slug, caller=caller, stores=stores)
        return _show_publish(writing, request, services=services, caller=caller, told=Told.of(error), typed=typed)
    address = f"/courses/{course}/assignments/{slug}"
    if done.is_first:
        return RedirectResponse(f"{address}/dates?published=1", HTTPStatus.SEE_OTHER)
    if done.update is not None:
        return RedirectResponse(f"{address}/edit/publish?published=1", HTTPStatus.SEE_OTHER)
    ask_effect(course, slug, done.version.version, caller=caller, stores=stores)
    return RedirectResponse(f"{address}/versions/{done.version.version}", HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/assignments/{slug}/versions/{version}")
def get_version(
    course: str, slug: str, version: str, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Who would gain or lose by another version."""
    effect = read_effect(course, slug, VersionHash(version), caller=caller, stores=services.stores)
    return _show_effect(effect, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/versions/{version}")
def post_version(
    course: str,
    slug: str,
    version: str,
    form: TypedForm,
    request: Request,
    services: AppServices,
    caller: PageCaller,
) -> Response:
    """Look at what came since, or let the course offer it: with the points of earlier submissions or without."""
    wanted, stores = VersionHash(version), services.stores
    if "look" in form:
        ask_effect(course, slug, wanted, caller=caller, stores=stores)
        return RedirectResponse(request.url.path, HTTPStatus.SEE_OTHER)
    try:
        regrade = move_to(course, slug, wanted, counts="apply" in form, caller=caller, stores=stores)
    except Conflict:
        effect = read_effect(course, slug, wanted, caller=caller, stores=stores)
        note = Note(code="regrade_page.not_now")
        return _show_effect(effect, request, services=services, caller=caller, note=note)
    address = request.url.path if regrade is None else f"/regrades/{regrade.regrade.regrade_id}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _show_effect(
    effect: Effect, request: Request, *, services: Services, caller: Caller, note: Note | None = None
) -> Response:
    facts = {
        "course": effect.course,
        "role": caller.role_in(effect.course.course_id),
        "here": "authoring",
        "now": services.stores.clock.now(),
        "effect": effect,
        "note": note,
        "address": f"/courses/{effect.course.slug}/assignments/{effect.offering.slug}",
    }
    status = HTTPStatus.OK if note is None else HTTPStatus.CONFLICT
    return render_page("authoring_version.html", request, caller=caller, status=status, facts=facts)


def _show_student_view(
    writing: Writing, request: Request, *, services: Services, caller: Caller, told: Told = _NOTHING_TOLD
) -> Response:
    slug = writing.manuscript.slug
    files = read_files(writing.manuscript, stores=services.stores)
    reading = read_assignment(files, slug=slug, services=services)
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "mistakes": reading.mistakes,
        "assignment": None,
        "prompts": {},
        "templates": [name for name in TEMPLATES if name in files],
        "told": told,
        "is_saved": told.note is None and "saved" in request.query_params,
    }
    if reading.loaded is not None:
        assignment = reading.loaded.assignment
        prompts = _prompts(assignment, request_language(request), outputs=_outputs(writing, services=services))
        facts |= {"assignment": assignment, "prompts": prompts}
    return render_page("authoring_student.html", request, caller=caller, status=told.status, facts=facts)


def _outputs(writing: Writing, *, services: Services) -> Mapping[str, Mapping[str, str]]:
    """What the reference prints for the prompts' gaps, as far as it has run."""
    if writing.manuscript.trial is not None:
        return writing.manuscript.trial.prompt_outputs
    if writing.offering is not None:
        return load_prompt_outputs(writing.offering.version, stores=services.stores)
    return {}


def _prompts(
    assignment: Assignment, language: Language, *, outputs: Mapping[str, Mapping[str, str]]
) -> dict[QuestionId, Markup]:
    """Each question's prompt as it is read, by its id."""
    return {
        question.question_id: Markup(  # noqa: S704  # the renderer's promise is safe HTML
            render_markdown(
                render_prompt(question.prompt, outputs.get(question.question_id, {})).in_language(language),
                language=language,
            )
        )
        for question in assignment.questions
    }


def _show_trial(
    writing: Writing, request: Request, *, services: Services, caller: Caller, told: Told = _NOTHING_TOLD
) -> Response:
    trial = writing.manuscript.trial
    report = None if trial is None else trial.report
    findings = () if trial is None else trial.findings
    if not writing.is_changed and writing.offering is not None:
        report = read_self_test(writing.offering.version, stores=services.stores)
        findings = read_version(writing.offering.version, stores=services.stores).findings
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "trial": trial,
        "report": report,
        "findings": findings,
        "placed": _place(findings, writing, services=services),
        "told": told,
        "mistakes": told.mistakes,
    }
    return render_page("authoring_trial.html", request, caller=caller, status=told.status, facts=facts)


def _place(findings: Sequence[Note], writing: Writing, *, services: Services) -> tuple[Mistake, ...]:
    """Where in the files each of them belongs; nowhere while these cannot be read."""
    if not findings:
        return ()
    files = read_files(writing.manuscript, stores=services.stores)
    try:
        return parse(Bundle(slug=writing.manuscript.slug, files=files)).place(findings)
    except InvalidAssignment:
        return ()


def _show_publish(
    writing: Writing,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    told: Told = _NOTHING_TOLD,
    typed: ScheduleForm = _NO_DATES,
    wrong: Sequence[Wrong] = (),
) -> Response:
    slug, offering = writing.manuscript.slug, writing.offering
    files = read_files(writing.manuscript, stores=services.stores)
    reading = read_assignment(files, slug=slug, services=services)
    effect = "nothing"
    if reading.loaded is not None and writing.is_changed:
        version = reading.loaded.assignment.version
        effect = "new" if offering is None else "words" if offering.version == version else "version"
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "mistakes": told.mistakes or reading.mistakes,
        "effect": effect,
        "trial": writing.manuscript.trial,
        "told": told,
        "form": typed,
        "wrong": {each.field: each.note for each in wrong},
        "is_published": told.note is None and "published" in request.query_params,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else told.status
    return render_page("authoring_publish.html", request, caller=caller, status=status, facts=facts)
