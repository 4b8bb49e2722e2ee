"""Writing an assignment: begin it from files or a solved notebook, and change its words, points and YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from grader.catalog.bundle import bundled, read_bundle
from grader.catalog.dropped import read_dropped, suggest_slug
from grader.catalog.paths import SPEC_FILE
from grader.catalog.texts import (
    FieldKind,
    FormField,
    FormSection,
    Item,
    Typed,
    Words,
    changed_fields,
    compare_lines,
    read_form,
    with_total,
    write_form,
)
from grader.domain.text import Note
from grader.errors import Conflict, GraderError, InvalidAssignment, InvalidRequest, Mistake, NotebookRefused
from grader.flow import manuscripts
from grader.flow.manuscripts import Writing, list_writings, read_files, read_writing
from grader.flow.people import Caller
from grader.flow.ports import LoadedAssignment
from grader.flow.progress import list_assignments
from grader.web.access import AppServices, PageCaller
from grader.web.errors import status_of
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

_NOTEBOOK = ".ipynb"
_MOST_FIELDS = 20_000
_SPARE_ITEMS = 2
"""Empty lines under a rubric, for new items."""


async def _typed_form(request: Request) -> FormData:
    return await request.form(max_fields=_MOST_FIELDS)


TypedForm = Annotated[FormData, Depends(_typed_form)]


def _sent_files(files: Annotated[list[UploadFile] | None, File()] = None) -> list[tuple[str, bytes]]:
    # Where nothing was chosen browsers send a file without a name.
    return [(file.filename, file.file.read()) for file in files or () if file.filename]


SentFiles = Annotated[list[tuple[str, bytes]], Depends(_sent_files)]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """What somebody else has saved since the reader's page was made."""

    name: str
    edition: int
    difference: str
    """What it would change in that to save the reader's own; '' for nothing."""
    is_shortened: bool
    """It would change more than is told."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a page says of the files or of what was just tried."""

    note: Note | None = None
    mistakes: Sequence[Mistake] = ()
    status: HTTPStatus = HTTPStatus.OK
    rival: Rival | None = None

    @classmethod
    def of(cls, error: GraderError) -> "Told":
        mistakes = error.mistakes if isinstance(error, InvalidAssignment) else ()
        return cls(note=note_of(error), mistakes=mistakes, status=status_of(error))


def note_of(error: GraderError) -> Note:
    """An error's sentence, where authors read another one than programs."""
    if isinstance(error, Conflict) and error.facts["what"] == "edition":
        return Note(code="authoring_page.edited_meanwhile", facts={"name": error.facts["name"]})
    if isinstance(error, Conflict):
        return Note(code="authoring_page.slug_taken", facts={"slug": error.facts["name"]})
    if isinstance(error, InvalidRequest):
        return Note(code="authoring_page.slug_wrong")
    return error.note


_NOTHING_TOLD = Told()


@router.get("/courses/{course}/assignments/new")
def get_new(course: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """What there is, and the ways to begin another one."""
    return _show_new(course, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/new")
def post_new(
    course: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    uploads: SentFiles,
    slug: Annotated[str, Form()] = "",
    ready: Annotated[str, Form()] = "",
) -> Response:
    """Begin an assignment from what was dropped, or from one that comes with the service."""
    chosen = slug.strip() or ready or suggest_slug(uploads)
    stores = services.stores
    try:
        if ready:
            folder = bundled().get(ready)
            if folder is None:
                raise InvalidRequest(what="ready", value=ready)
            manuscripts.begin(course, chosen, read_bundle(folder).files, caller=caller, stores=stores)
        elif not uploads:
            note = Note(code="authoring_page.nothing_dropped")
            told = Told(note=note, status=HTTPStatus.UNPROCESSABLE_ENTITY)
            return _show_new(course, request, services=services, caller=caller, told=told, slug=slug)
        elif len(uploads) == 1 and uploads[0][0].lower().endswith(_NOTEBOOK):
            manuscripts.begin_from_solved(
                course,
                chosen,
                uploads[0][1],
                caller=caller,
                stores=stores,
                read_notebook=services.intake.read_notebook,
            )
        else:
            manuscripts.begin(course, chosen, read_dropped(uploads), caller=caller, stores=stores)
    except (Conflict, InvalidRequest, InvalidAssignment, NotebookRefused) as error:
        return _show_new(course, request, services=services, caller=caller, told=Told.of(error), slug=slug or chosen)
    return RedirectResponse(f"/courses/{course}/assignments/{chosen}/edit", HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/assignments/{slug}/edit")
def get_edit(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Points, words and rubrics in a form."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show_edit(writing, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/edit")
def post_edit(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Write what was typed into the YAML; the rest of it stays as it is written."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    files = read_files(writing.manuscript, stores=services.stores)
    data, edition = files.get(SPEC_FILE, b""), edition_in(form)
    try:
        sections = read_form(data)
        changes = changed_fields(sections, [_typed(form, field) for field in _fields(sections)])
        if changes:
            data = _with_right_total(write_form(data, changes), files=files, slug=slug, services=services)
        manuscripts.save(course, slug, {SPEC_FILE: data}, edition=edition, caller=caller, stores=services.stores)
    except (Conflict, InvalidAssignment) as error:
        told = Told.of(error)
        if isinstance(error, Conflict):
            writing = read_writing(course, slug, caller=caller, stores=services.stores)
            told = replace(told, rival=_rival(writing, ours=data, services=services))
        return _show_edit(writing, request, services=services, caller=caller, told=told, form=form)
    return RedirectResponse(f"{request.url.path}?saved=1", HTTPStatus.SEE_OTHER)


@router.get("/courses/{course}/assignments/{slug}/edit/yaml")
def get_yaml(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """The YAML as text, with what is wrong in it."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show_yaml(writing, request, services=services, caller=caller)


@router.post("/courses/{course}/assignments/{slug}/edit/yaml")
def post_yaml(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Keep the text, whatever mistakes are in it."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    text, edition = _text_in(form), edition_in(form)
    try:
        manuscripts.save(
            course, slug, {SPEC_FILE: text.encode()}, edition=edition, caller=caller, stores=services.stores
        )
    except Conflict as error:
        writing = read_writing(course, slug, caller=caller, stores=services.stores)
        told = replace(Told.of(error), rival=_rival(writing, ours=text.encode(), services=services))
        return _show_yaml(writing, request, services=services, caller=caller, told=told, form=form)
    return RedirectResponse(f"{request.url.path}?saved=1", HTTPStatus.SEE_OTHER)


@router.post("/courses/{course}/assignments/{slug}/edit/check")
def post_check(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """What is wrong with a text that is being typed; nothing is kept."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    files = read_files(writing.manuscript, stores=services.stores)
    mistakes = read_assignment({**files, SPEC_FILE: _text_in(form).encode()}, slug=slug, services=services).mistakes
    facts = {"mistakes": mistakes, "address": _address(writing)}
    return render_page("authoring_mistakes.html", request, caller=caller, facts=facts)


@router.post("/courses/{course}/assignments/{slug}/edit/discard")
def post_discard(
    course: str, slug: str, form: TypedForm, request: Request, services: AppServices, caller: PageCaller
) -> Response:
    """Throw away what was written, unless somebody has changed it since; what the course offers stays."""
    try:
        manuscripts.throw_away(course, slug, edition=edition_in(form), caller=caller, stores=services.stores)
    except Conflict as error:
        writing = read_writing(course, slug, caller=caller, stores=services.stores)
        note = Note(code="authoring_page.not_discarded", facts={"name": error.facts["name"]})
        told = Told(note=note, status=status_of(error))
        return _show_edit(writing, request, services=services, caller=caller, told=told)
    return RedirectResponse(f"/courses/{course}/assignments/new", HTTPStatus.SEE_OTHER)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the reader of the format makes of some files: an assignment, or mistakes."""

    loaded: LoadedAssignment | None = None
    mistakes: Sequence[Mistake] = ()


def read_assignment(files: Mapping[str, bytes], *, slug: str, services: Services) -> Reading:
    """Read them once: it takes tens of milliseconds."""
    try:
        return Reading(loaded=services.assignments.read(files, slug))
    except InvalidAssignment as error:
        return Reading(mistakes=error.mistakes)


def base_facts(writing: Writing, *, caller: Caller, services: Services) -> dict[str, object]:
    """What every page about one manuscript names."""
    return {
        "course": writing.course,
        "role": caller.role_in(writing.course.course_id),
        "here": "authoring",
        "now": services.stores.clock.now(),
        "writing": writing,
        "manuscript": writing.manuscript,
        "address": _address(writing),
    }


def _address(writing: Writing) -> str:
    return f"/courses/{writing.course.slug}/assignments/{writing.manuscript.slug}"


def _show_new(
    course: str,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    told: Told = _NOTHING_TOLD,
    slug: str = "",
) -> Response:
    stores = services.stores
    found = manuscripts.read_course(course, caller=caller, stores=stores)
    writings = list_writings(course, caller=caller, stores=stores)
    offered = list_assignments(course, caller=caller, stores=stores)
    known = {each.offering.slug for each in offered} | {each.manuscript.slug for each in writings}
    facts = {
        "course": found,
        "role": caller.role_in(found.course_id),
        "here": "authoring",
        "now": stores.clock.now(),
        "offered": offered,
        "writings": writings,
        "changing": {each.manuscript.slug for each in writings},
        "ready": [each for each in bundled() if each not in known],
        "told": told,
        "slug": slug,
        "most_bytes": services.max_upload_bytes,
    }
    return render_page("authoring_new.html", request, caller=caller, status=told.status, facts=facts)


def _show_edit(
    writing: Writing,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    told: Told = _NOTHING_TOLD,
    form: FormData | None = None,
) -> Response:
    files = read_files(writing.manuscript, stores=services.stores)
    sections: Sequence[FormSection] = ()
    mistakes: Sequence[Mistake] = ()
    if files:
        mistakes = read_assignment(files, slug=writing.manuscript.slug, services=services).mistakes
        try:
            sections = read_form(files.get(SPEC_FILE, b""))
        except InvalidAssignment:
            sections = ()  # it is said among the mistakes, and mended in the editor
    contents = [field.typed if form is None else _typed(form, field) for field in _fields(sections)]
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "edition": _edition_of(writing, form),
        "sections": sections,
        "contents": [_with_spare_items(each) for each in contents],
        "mistakes": told.mistakes or mistakes,
        "told": told,
        "is_saved": told.note is None and "saved" in request.query_params,
    }
    return render_page("authoring_edit.html", request, caller=caller, status=told.status, facts=facts)


def _show_yaml(
    writing: Writing,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    told: Told = _NOTHING_TOLD,
    form: FormData | None = None,
) -> Response:
    files = read_files(writing.manuscript, stores=services.stores)
    text = files.get(SPEC_FILE, b"").decode("utf-8-sig", "replace") if form is None else _text_in(form)
    written = {**files, SPEC_FILE: text.encode()}
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "edition": _edition_of(writing, form),
        "text": text,
        "mistakes": read_assignment(written, slug=writing.manuscript.slug, services=services).mistakes,
        "told": told,
        "is_saved": told.note is None and "saved" in request.query_params,
    }
    return render_page("authoring_yaml.html", request, caller=caller, status=told.status, facts=facts)


def _edition_of(writing: Writing, form: FormData | None) -> int:
    """Of which edition the page's form is a change: as long as it is not saved, of the one that its sender had read."""
    return writing.manuscript.edition if form is None else edition_in(form)


def _rival(writing: Writing, *, ours: bytes, services: Services) -> Rival:
    manuscript = writing.manuscript
    theirs = read_files(manuscript, stores=services.stores).get(SPEC_FILE, b"")
    difference = compare_lines(theirs, ours)
    return Rival(
        name=writing.editor.name,
        edition=manuscript.edition,
        difference=difference.text,
        is_shortened=difference.is_shortened,
    )


def _fields(sections: Sequence[FormSection]) -> Sequence[FormField]:
    return [field for section in sections for field in section.fields]


def _with_spare_items(typed: Typed) -> Typed:
    return (*typed, *[Item()] * _SPARE_ITEMS) if isinstance(typed, tuple) else typed


def _typed(form: FormData, field: FormField) -> Typed:
    """What stands in the field; one that the form lacks is as it was."""
    name = field.address
    if field.kind is FieldKind.POINTS:
        return _line(form, name, default=str(field.typed))
    if field.kind is FieldKind.RUBRIC:
        if f"{name}.points" not in form:
            return field.typed
        columns = [[str(each) for each in form.getlist(f"{name}.{column}")] for column in ("points", "ja", "en", "id")]
        items = (
            Item(points=points.strip(), words=Words(ja=_tidy(ja), en=_tidy(en)), key=key)
            for points, ja, en, key in zip(*columns, strict=False)
        )
        return tuple(item for item in items if not item.is_empty)
    words = field.typed if isinstance(field.typed, Words) else Words()
    return Words(ja=_line(form, f"{name}.ja", default=words.ja), en=_line(form, f"{name}.en", default=words.en))


def _line(form: FormData, name: str, *, default: str) -> str:
    return _tidy(str(form.get(name, default)))


def _tidy(text: str) -> str:
    """As YAML has it: forms send lines that end in two characters."""
    return text.replace("\r\n", "\n").strip()


def _text_in(form: FormData) -> str:
    text = str(form.get("text", "")).replace("\r\n", "\n")
    return text if text.endswith("\n") or not text else f"{text}\n"


def edition_in(form: FormData) -> int:
    """Which edition is to be changed: that of the form, or the newer one that its sender was told of."""
    edition = str(form.get("over", form.get("edition", "")))
    return int(edition) if edition.isdecimal() and len(edition) < 10 else -1


def _with_right_total(data: bytes, *, files: Mapping[str, bytes], slug: str, services: Services) -> bytes:
    """The YAML, where nothing but the sum of all points is wrong in it with the right one."""
    for mistake in read_assignment({**files, SPEC_FILE: data}, slug=slug, services=services).mistakes:
        if mistake.note.code == "catalog.points_sum" and mistake.field == "points":
            total = mistake.note.facts["total"]
            if isinstance(total, int | float):
                return with_total(data, total)
    return data
