"""A submission's notebook to read: as it was handed in and as it was executed, with what is shown inside of it."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from grader.domain.ids import SubmissionId
from grader.domain.text import Language
from grader.errors import NotFound
from grader.flow.people import Caller
from grader.flow.progress import read_executed, read_notebook, read_submission
from grader.rendering.attachments import read_attachments
from grader.rendering.frames import FRAME_HEADERS
from grader.rendering.images import Image, ImageAddress
from grader.rendering.notebook import RenderedNotebook, order_headings, render_notebook, render_upload
from grader.rendering.pictures import list_images, list_images_of_upload
from grader.web.access import AppServices, PageCaller
from grader.web.language import RequestLanguage
from grader.web.security import FRAMING_POLICY
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False, prefix="/submissions/{submission_id}")

_NOTEBOOK_TYPE = "application/x-ipynb+json"
_IMAGE_POLICY = "default-src 'none'; sandbox"


class Kept(StrEnum):
    """What there is to read of a submission, as it stands in addresses."""

    NOTEBOOK = "notebook"
    """The original, with the outputs that it was saved with."""
    EXECUTED = "executed"


@router.get("/notebook")
def get_notebook(
    submission_id: str, request: Request, services: AppServices, caller: PageCaller, language: RequestLanguage
) -> Response:
    """The notebook as it was handed in."""
    reading = _Reading(SubmissionId(submission_id), Kept.NOTEBOOK, caller=caller, services=services)
    return _show(reading, request, language=language)


@router.get("/executed")
def get_executed(
    submission_id: str, request: Request, services: AppServices, caller: PageCaller, language: RequestLanguage
) -> Response:
    """The notebook with the outputs of our run."""
    reading = _Reading(SubmissionId(submission_id), Kept.EXECUTED, caller=caller, services=services)
    return _show(reading, request, language=language)


@router.get("/{kept}/download")
def get_download(submission_id: str, kept: Kept, services: AppServices, caller: PageCaller) -> Response:
    """The notebook as a file."""
    data = _Reading(SubmissionId(submission_id), kept, caller=caller, services=services).read()
    ending = "-executed" if kept is Kept.EXECUTED else ""
    # Always a download under a name of ours: a browser must never show a student's bytes as a page of this site.
    headers = {"Content-Disposition": f'attachment; filename="{submission_id}{ending}.ipynb"'}
    return Response(data, media_type=_NOTEBOOK_TYPE, headers=headers)


@router.get("/{kept}/frames/{number}/{name}")
def get_frame(
    submission_id: str, kept: Kept, number: int, name: str, services: AppServices, caller: PageCaller
) -> Response:
    """What a cell put out as HTML or SVG, which is hostile: it may do nothing, and knows nothing of this origin."""
    reading = _Reading(SubmissionId(submission_id), kept, caller=caller, services=services)
    frame = reading.render(Language.EN, numbers=(number,)).find_frame(name)
    if frame is None:
        raise NotFound(what="output", name=name)
    return Response(frame.document, headers=dict(FRAME_HEADERS))


@router.get("/{kept}/images/{digest}")
def get_image(submission_id: str, kept: Kept, digest: str, services: AppServices, caller: PageCaller) -> Response:
    """One picture of the notebook; its type is what its own bytes say."""
    images = _Reading(SubmissionId(submission_id), kept, caller=caller, services=services).list_images()
    image = next((image for image in images if digest_of(image) == digest), None)
    if image is None:
        raise NotFound(what="picture", name=digest)
    headers = {"Cache-Control": "private, max-age=86400, immutable", "Content-Security-Policy": _IMAGE_POLICY}
    return Response(image.data, media_type=image.media_type, headers=headers)


def digest_of(image: Image) -> str:
    """What a picture is called in its address."""
    return hashlib.sha256(image.data).hexdigest()[:32]


def address_images(submission_id: str, kept: Kept) -> ImageAddress:
    """Where the pages about a submission find its pictures."""
    return lambda image: f"/submissions/{submission_id}/{kept}/images/{digest_of(image)}"


class _Reading:
    """One of a submission's notebooks, read for a caller who may."""

    def __init__(self, submission_id: SubmissionId, kept: Kept, *, caller: Caller, services: Services) -> None:
        self.submission_id = submission_id
        self.kept = kept
        self.caller = caller
        self.stores = services.stores

    def read(self) -> bytes:
        """Raises NotFound: it is not there, or not for the caller."""
        read = read_executed if self.kept is Kept.EXECUTED else read_notebook
        return read(self.submission_id, caller=self.caller, stores=self.stores)

    def list_images(self) -> Iterator[Image]:
        """Raises NotFound: it is not there, or not for the caller."""
        if self.kept is Kept.EXECUTED:
            yield from list_images(self.read())
        yield from list_images_of_upload(read_notebook(self.submission_id, caller=self.caller, stores=self.stores))

    def render(self, language: Language, *, numbers: Collection[int] | None = None) -> RenderedNotebook:
        """Raises NotFound: it is not there, or not for the caller."""
        data = self.read()
        image_address = address_images(self.submission_id, self.kept)
        if self.kept is Kept.NOTEBOOK:
            return render_upload(
                data,
                language=language,
                image_address=image_address,
                frame_address=self._frame_address,
                numbers=numbers,
            )
        upload = read_notebook(self.submission_id, caller=self.caller, stores=self.stores)
        return render_notebook(
            data,
            language=language,
            attachments=read_attachments(upload),
            image_address=image_address,
            frame_address=self._frame_address,
            numbers=numbers,
        )

    def _frame_address(self, name: str) -> str:
        number = name.split("-")[1]
        return f"/submissions/{self.submission_id}/{self.kept}/frames/{number}/{name}"


def _show(reading: _Reading, request: Request, *, language: Language) -> Response:
    """The notebook as a page; what is active in it stands in frames without any right."""
    view = read_submission(reading.submission_id, caller=reading.caller, stores=reading.stores)
    html = order_headings(reading.render(language).html, below=2)
    facts: Mapping[str, object] = {
        "course": view.course,
        "role": reading.caller.role_in(view.course.course_id),
        "here": "assignments",
        "view": view,
        "kept": reading.kept.value,
        "has_executed": view.run.executed is not None,
        "notebook": Markup(html),  # noqa: S704  # the renderer's promise is safe HTML
        "now": reading.stores.clock.now(),
    }
    response = render_page("notebook.html", request, caller=reading.caller, facts=facts)
    response.headers["Content-Security-Policy"] = FRAMING_POLICY
    return response
