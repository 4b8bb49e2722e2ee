"""The files of an assignment that is being written: what each is for, and others in their place."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from grader.catalog.dropped import read_added, read_replacement
from grader.catalog.inventory import find_file, list_files
from grader.domain.text import Note
from grader.errors import Conflict, InvalidAssignment, NotFound
from grader.flow import manuscripts
from grader.flow.manuscripts import Writing, read_files, read_writing
from grader.flow.people import Caller
from grader.web.access import AppServices, PageCaller
from grader.web.pages.authoring import SentFiles, Told, base_facts, read_assignment
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False, prefix="/courses/{course}/assignments/{slug}/edit/files")

Typed = Annotated[str, Form()]
Edition = Annotated[int, Form()]
_NOTHING_TOLD = Told()
_NOT_SEEN = -1
"""The edition of a form that says none: nobody's."""


@router.get("")
def get_files(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """What there is, what ought to be, and what is wrong with all of it together."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    return _show(writing, request, services=services, caller=caller)


@router.post("")
def post_files(
    course: str,
    slug: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    uploads: SentFiles,
    edition: Edition = _NOT_SEEN,
    path: Typed = "",
    folder: Typed = "",
) -> Response:
    """Put what was chosen in the place of one file (`path`), or beside all of them."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    there = read_files(writing.manuscript, stores=services.stores)
    try:
        if not uploads:
            note = Note(code="authoring_page.no_file_chosen")
            told = Told(note=note, status=HTTPStatus.UNPROCESSABLE_ENTITY)
            return _show(writing, request, services=services, caller=caller, told=told, folder=folder)
        if path:
            changed = read_replacement(uploads[0][1], path=find_file(path, files=there).path, files=there)
        else:
            changed = read_added(uploads, files=there, folder=folder)
        _save(writing, changed, edition=edition, services=services, caller=caller)
    except (Conflict, InvalidAssignment, NotFound) as error:
        writing = read_writing(course, slug, caller=caller, stores=services.stores)
        return _show(writing, request, services=services, caller=caller, told=_told_of(error), folder=folder)
    return RedirectResponse(f"{request.url.path}?saved=1", HTTPStatus.SEE_OTHER)


@router.post("/remove")
def post_remove(
    course: str,
    slug: str,
    request: Request,
    services: AppServices,
    caller: PageCaller,
    edition: Edition = _NOT_SEEN,
    path: Typed = "",
) -> Response:
    """Take a file away that nothing needs."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    try:
        found = find_file(path, files=read_files(writing.manuscript, stores=services.stores))
        if found.is_needed:
            note = Note(code=f"authoring_page.needed_{found.purpose}", facts={"name": path})
            told = Told(note=note, status=HTTPStatus.CONFLICT)
            return _show(writing, request, services=services, caller=caller, told=told)
        _save(writing, {}, removed=(path,), edition=edition, services=services, caller=caller)
    except (Conflict, NotFound) as error:
        writing = read_writing(course, slug, caller=caller, stores=services.stores)
        return _show(writing, request, services=services, caller=caller, told=_told_of(error))
    return RedirectResponse(f"{request.url.path.removesuffix('/remove')}?saved=1", HTTPStatus.SEE_OTHER)


@router.get("/{path:path}")
def get_file(course: str, slug: str, path: str, services: AppServices, caller: PageCaller) -> Response:
    """One file, to keep."""
    writing = read_writing(course, slug, caller=caller, stores=services.stores)
    key = writing.manuscript.files.get(path)
    if key is None:
        raise NotFound(what="file", name=path)
    # Always a download: no browser may show an author's bytes as a page of this site.
    name = quote(path.rpartition("/")[2], safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(services.stores.blobs.get(key), media_type="application/octet-stream", headers=headers)


def _told_of(error: Conflict | InvalidAssignment | NotFound) -> Told:
    """No browser keeps chosen files: whoever was overtaken chooses again, on a page that is up to date."""
    told = Told.of(error)
    if not isinstance(error, Conflict):
        return told
    return replace(told, note=Note(code="authoring_page.files_meanwhile", facts={"name": error.facts["name"]}))


def _save(
    writing: Writing,
    changed: Mapping[str, bytes],
    *,
    edition: int,
    services: Services,
    caller: Caller,
    removed: Collection[str] = (),
) -> None:
    manuscripts.save(
        writing.course.slug,
        writing.manuscript.slug,
        changed,
        removed=removed,
        edition=edition,
        caller=caller,
        stores=services.stores,
    )


def _show(
    writing: Writing,
    request: Request,
    *,
    services: Services,
    caller: Caller,
    told: Told = _NOTHING_TOLD,
    folder: str = "",
) -> Response:
    files = read_files(writing.manuscript, stores=services.stores)
    facts = {
        **base_facts(writing, caller=caller, services=services),
        "files": list_files(files),
        "mistakes": read_assignment(files, slug=writing.manuscript.slug, services=services).mistakes if files else (),
        "told": told,
        "folder": folder,
        "most_bytes": services.max_upload_bytes,
        "is_saved": told.note is None and "saved" in request.query_params,
    }
    return render_page("authoring_files.html", request, caller=caller, status=told.status, facts=facts)
