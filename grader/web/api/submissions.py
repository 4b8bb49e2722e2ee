"""Handing in, and reading what came of it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from grader.domain.ids import SubmissionId
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.errors import FeedbackHeldBack, InvalidRequest, NotGradedYet
from grader.feedback.catalogue import sentence
from grader.flow.progress import (
    list_submissions,
    read_executed,
    read_notebook,
    read_result,
    read_submission,
)
from grader.flow.report import ResultReport, report_result
from grader.flow.submit import Upload, submit
from grader.web.access import AppServices, SignedIn
from grader.web.api.courses import After, Limit
from grader.web.api.schemas import PageOut, Problem, SubmissionOut
from grader.web.language import RequestLanguage
from grader.web.times import write_moment

router = APIRouter(
    tags=["submissions"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}},
)

_NOTEBOOK_TYPE = "application/x-ipynb+json"


@router.post(
    "/courses/{course}/assignments/{slug}/submissions",
    status_code=HTTPStatus.ACCEPTED,
    response_model=SubmissionOut,
    responses={
        200: {"model": SubmissionOut, "description": "The bytes of the newest submission, which stands."},
        413: {"model": Problem},
        507: {"model": Problem},
    },
)
def post_submission(
    course: str,
    slug: str,
    file: Annotated[list[UploadFile], File(description="The notebook (.ipynb): one file.")],
    request: Request,
    services: AppServices,
    caller: SignedIn,
    language: RequestLanguage,
) -> Response:
    """Hand a notebook in. After a 202 it cannot be lost; a refused file costs nothing."""
    if len(file) != 1:
        raise InvalidRequest(what=f"file ({len(file)})")
    upload = Upload(
        data=file[0].file.read(),
        file_name=file[0].filename or "",
        course=course,
        assignment=slug,
        received_at=request.state.received_at,
    )
    receipt = submit(upload, caller=caller, intake=services.intake)
    body = SubmissionOut.of(receipt.view, message=sentence(receipt.view.state, language))
    return JSONResponse(
        body.model_dump(mode="json"),
        status_code=HTTPStatus.ACCEPTED if receipt.created else HTTPStatus.OK,
        headers={"Location": f"/api/v1/submissions/{receipt.submission.submission_id}"},
    )


@router.get("/courses/{course}/assignments/{slug}/submissions")
def get_submissions(
    course: str,
    slug: str,
    services: AppServices,
    caller: SignedIn,
    language: RequestLanguage,
    login: Annotated[str | None, Query(description="Whose; all that the caller may see by default.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[SubmissionOut]:
    """Submissions for an assignment, newest first: everyone's for staff, one's own for a student."""
    page = list_submissions(course, slug, caller=caller, stores=services.stores, login=login, after=after, limit=limit)
    items = [SubmissionOut.of(view, message=sentence(view.state, language)) for view in page.items]
    return PageOut(items=items, next_after=page.next_after)


@router.get("/submissions/{submission_id}")
def get_submission(
    submission_id: str, services: AppServices, caller: SignedIn, language: RequestLanguage
) -> SubmissionOut:
    """One submission and how far its grading is."""
    view = read_submission(SubmissionId(submission_id), caller=caller, stores=services.stores)
    return SubmissionOut.of(view, message=sentence(view.state, language))


@router.get("/submissions/{submission_id}/result", responses={409: {"model": Problem}})
def get_result(
    submission_id: str, services: AppServices, caller: SignedIn, language: RequestLanguage, response: Response
) -> ResultReport:
    """The result in the reader's language, the same object as `grader grade --json`; 409 until there is one.

    403 while its points are held back. While only its details are, questions have points but no checks and no notes.
    """
    view = read_result(SubmissionId(submission_id), caller=caller, stores=services.stores)
    submission = view.submission
    offering = submission.offering

    def write(moment: datetime) -> str:
        now = services.stores.clock.now()
        return write_moment(moment, zone=submission.course.time_zone, language=language, now=now)

    if submission.run.state is RunState.FINISHED and not submission.is_released:
        raise FeedbackHeldBack(at=None if offering.points_from is None else write(offering.points_from))
    if view.result is None:
        raise NotGradedYet(state=sentence(submission.state, language))
    loaded = services.assignments.load(submission.run.version, revision=submission.revision)
    response.headers["Content-Language"] = language.value
    response.headers["Vary"] = "Accept-Language"
    report = report_result(
        view.result,
        assignment=loaded.assignment,
        notebook=submission.submission.file_name,
        language=language,
    )
    if not submission.shows_details:
        since = offering.details_from
        waits = (
            Note(code="release.details_wait_for_somebody")
            if since is None
            else Note(code="release.details_wait_until", facts={"at": write(since)})
        )
        report["notes"].append(sentence(waits, language))
    return report


@router.get("/submissions/{submission_id}/notebook", response_class=Response)
def get_notebook(submission_id: str, services: AppServices, caller: SignedIn) -> Response:
    """The original bytes."""
    data = read_notebook(SubmissionId(submission_id), caller=caller, stores=services.stores)
    return _download(data, f"{submission_id}.ipynb")


@router.get("/submissions/{submission_id}/executed", response_class=Response)
def get_executed(submission_id: str, services: AppServices, caller: SignedIn) -> Response:
    """The notebook with the outputs of our run. They are the student's: treat them as hostile."""
    data = read_executed(SubmissionId(submission_id), caller=caller, stores=services.stores)
    return _download(data, f"{submission_id}-executed.ipynb")


def _download(data: bytes, name: str) -> Response:
    # Always a download under a name of ours: a browser must never show a student's bytes as a page of this site.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=_NOTEBOOK_TYPE, headers=headers)
