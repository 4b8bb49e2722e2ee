"""A submission's page: its result in words, or how far its grading is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from grader.domain.ids import SubmissionId
from grader.domain.text import Language, Note
from grader.feedback.catalogue import point_out
from grader.flow.digest import CheckDigest, Digest, QuestionDigest, read_digest
from grader.flow.own_work import note_visit
from grader.flow.people import Caller, judges_own
from grader.flow.ports import Stores
from grader.flow.progress import list_submissions, read_notebook
from grader.flow.report import ResultReport, report_result
from grader.flow.waiting import read_waiting
from grader.rendering.attachments import read_attachments
from grader.rendering.images import Image
from grader.rendering.notebook import order_headings, render_notebook
from grader.web.access import AppServices, PageCaller
from grader.web.language import RequestLanguage
from grader.web.pages.notebook import Kept, address_images
from grader.web.prose import PagePlaces, find_cell_ids, link_places
from grader.web.templating import render_page
from grader.web.times import write_moment

router = APIRouter(include_in_schema=False)

Pictures: TypeAlias = Mapping[int, Mapping[str, Image]]
"""By a cell's place and by name."""

_LISTED = 20
_LATE, _BY_PEOPLE = "late.", "review."
"""How the codes of notes begin that are about being late, and of those by people."""
_FORMULA = 'class="math'


@dataclass(frozen=True, kw_only=True)
class ShownCheck:
    digest: CheckDigest
    message: Markup


@dataclass(frozen=True, kw_only=True)
class ShownQuestion:
    """One question with its sentences in the reader's language."""

    digest: QuestionDigest
    checks: tuple[ShownCheck, ...]
    said: tuple[Markup, ...]
    """By people."""
    notes: tuple[Markup, ...]
    cells: Markup
    """The graded cells that no question before has shown."""


@router.get("/submissions/{submission_id}")
def get_result(
    submission_id: str, request: Request, services: AppServices, caller: PageCaller, language: RequestLanguage
) -> Response:
    """The result of one submission; while there is none, how far it is."""
    stores = services.stores
    now = stores.clock.now()
    digest = read_digest(SubmissionId(submission_id), caller=caller, stores=stores, assignments=services.assignments)
    view = digest.view.submission
    note_visit(view.offering, caller=caller, stores=stores)
    course, slug, login = view.course, view.offering.slug, view.person.login
    report, deductions = _report(digest, language), _deductions(digest, language)
    pictures = _read_pictures(digest, caller=caller, stores=stores)
    cells = _render_cells(digest, pictures=pictures, language=language)
    places = _find_places(digest, cells)
    questions = _show_questions(digest, report, cells=cells, places=places, language=language)
    facts: Mapping[str, object] = {
        "course": course,
        "role": caller.role_in(course.course_id),
        "here": "assignments",
        "root": f"/courses/{course.slug}/assignments/{slug}",
        "view": view,
        "waiting": read_waiting(view.submission.submission_id, caller=caller, stores=stores),
        "digest": digest,
        "is_own": view.person.person_id == caller.person.person_id,
        "is_staff": caller.is_staff_in(course.course_id),
        "judges_own": judges_own(view.submission, course_id=course.course_id, caller=caller),
        "questions": questions,
        "notes": [
            link_places(line, find=places.find)
            for line in (report["notes"] if report else ())
            if line not in deductions
        ],
        "deductions": [link_places(line, find=places.find) for line in deductions],
        "has_formulas": any(_FORMULA in question.cells for question in questions),
        "own": list_submissions(
            course.slug, slug, caller=caller, stores=stores, login=login, limit=_LISTED, with_counting=True
        ),
        "after": None,
        "now": now,
        "written": partial(write_moment, zone=course.time_zone, language=language, now=now),
    }
    return render_page("result.html", request, caller=caller, facts=facts)


def _find_places(digest: Digest, cells: Mapping[int, Markup]) -> PagePlaces:
    submission_id = digest.view.submission.submission.submission_id
    return PagePlaces(
        cell_ids=find_cell_ids("".join(cells.values())),
        questions={one.question.number: one.question.question_id for one in digest.questions},
        notebook=None if digest.executed is None else f"/submissions/{submission_id}/{Kept.EXECUTED}",
    )


def _show_questions(
    digest: Digest, report: ResultReport | None, *, cells: dict[int, Markup], places: PagePlaces, language: Language
) -> list[ShownQuestion]:
    """Each question, its sentences those of the report."""
    if report is None:
        return []
    again = point_out(Note(code="check.as_above"), language)

    def show(said: str, *, own: int) -> Markup:
        return link_places(said, find=partial(places.find, own=own))

    shown = []
    for one, told in zip(digest.questions, report["questions"], strict=True):
        number = one.question.number
        by_people = {point_out(note, language) for note in one.result.notes if note.code.startswith(_BY_PEOPLE)}
        question = ShownQuestion(
            digest=one,
            checks=tuple(
                ShownCheck(digest=check, message=show(said["message"], own=number))
                for check, said in zip(one.checks, told["checks"], strict=True)
                if said["message"] != again
            ),
            said=tuple(show(note, own=number) for note in told["notes"] if note in by_people),
            notes=tuple(show(note, own=number) for note in told["notes"] if note not in by_people),
            # Once on the page: a cell of several questions has one place that can be pointed at.
            cells=Markup().join(cells.pop(cell) for cell in one.cells if cell in cells),
        )
        shown.append(question)
    return shown


def _read_pictures(digest: Digest, *, caller: Caller, stores: Stores) -> Pictures:
    """What was pasted into the cells that are shown; the upload is read for it only where there is any."""
    if digest.executed is None or b"attachment:" not in digest.executed:
        return {}
    submission_id = digest.view.submission.submission.submission_id
    return read_attachments(read_notebook(submission_id, caller=caller, stores=stores))


def _render_cells(digest: Digest, *, pictures: Pictures, language: Language) -> dict[int, Markup]:
    """The graded cells with what they put out in our run, by number."""
    submission = digest.view.submission.submission
    numbers = frozenset(number for one in digest.questions for number in one.cells)
    if digest.executed is None or not numbers:
        return {}
    rendered = render_notebook(
        digest.executed,
        language=language,
        attachments=pictures,
        image_address=address_images(submission.submission_id, Kept.EXECUTED),
        numbers=numbers,
    )
    return {
        cell.number: Markup(order_headings(cell.html, below=2))  # noqa: S704  # the renderer's promise is safe HTML
        for cell in rendered.cells
    }


def _report(digest: Digest, language: Language) -> ResultReport | None:
    """The result as the API tells it, where the caller may read one."""
    result = digest.view.result
    if result is None:
        return None
    file_name = digest.view.submission.submission.file_name
    return report_result(result, assignment=digest.assignment, notebook=file_name, language=language, write=point_out)


def _deductions(digest: Digest, language: Language) -> list[str]:
    """What being late cost."""
    notes = () if digest.view.result is None else digest.view.result.notes
    return [point_out(note, language) for note in notes if note.code.startswith(_LATE)]
