"""Point at the cells that answer a question, where the grader took others or found none; it costs nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grader.domain.assignment import Question
from grader.domain.choice import CellChoice, ChoiceId
from grader.domain.ids import QuestionId, RunId, SubmissionId
from grader.domain.jobs import JobKind
from grader.domain.location import FoundBy, LocatedAnswer, Location, Wanted
from grader.domain.notebook import Cell, Notebook
from grader.domain.people import Person
from grader.domain.submission import Run, RunCause, RunState, Submission
from grader.errors import InvalidRequest
from grader.flow.assignments import StoredAssignments
from grader.flow.names import new_id
from grader.flow.pauses import UploadLimit, hold_back, limit_of, pause_s
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.progress import SubmissionView, view_submission
from grader.flow.room import MOST_BYTES, check_room
from grader.flow.standing import counting_run
from grader.notebook.chosen import choosable, with_chosen
from grader.notebook.locate import locate

Chosen = Mapping[QuestionId, Sequence[int]]
"""Indexes into Notebook.cells by question."""

_TOLD = 30
"""Choices that a page lists: nobody keeps a student from making thousands."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What pointing needs of the world."""

    stores: Stores
    assignments: StoredAssignments
    read_notebook: Callable[[bytes], Notebook]
    """notebook.read with the service's limits."""
    limit: UploadLimit = field(default_factory=UploadLimit)
    most_bytes: int = MOST_BYTES
    """What one person's work for one assignment may take of the disk."""


@dataclass(frozen=True, kw_only=True)
class QuestionCells:
    """Which cells answer one question."""

    question: Question
    answer: LocatedAnswer
    found: LocatedAnswer
    """What the grader finds by itself."""

    @property
    def is_chosen(self) -> bool:
        return self.answer.found_by is FoundBy.CHOSEN

    @property
    def indexes(self) -> frozenset[int]:
        return _indexes(self.answer)

    @property
    def numbers(self) -> list[int]:
        """What to call them by: the numbers of the code cells, or of the others where there is no code."""
        return [index + 1 for index in self.answer.code_cells or self.answer.markdown_cells]

    def numbers_in(self, choice: CellChoice) -> list[int]:
        """What somebody pointed at for this question."""
        return [index + 1 for index in choice.cells.get(self.question.question_id, ())]


@dataclass(frozen=True, kw_only=True)
class CellsView:
    """Where a submission's answers are, and everything that could be one."""

    submission: SubmissionView
    questions: tuple[QuestionCells, ...]
    cells: tuple[Cell, ...]
    """Those that may be chosen."""
    history: tuple[tuple[CellChoice, Person], ...]
    """Who pointed at what: the newest choices, the oldest of them first."""
    earlier: int
    """How many there were before those."""


def read_cells(submission_id: SubmissionId, *, caller: Caller, desk: Desk) -> CellsView:
    """Where the answers of a submission are, by the version that its result is of.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    stores = desk.stores
    with stores.storage.reading() as tx:
        view = view_submission(tx, tx.submissions.get(submission_id), caller=caller, at=stores.clock.now())
        choices = tx.cell_choices.list_of(submission_id)
        history = tuple((choice, tx.people.get(choice.chosen_by)) for choice in choices[-_TOLD:])
    notebook = desk.read_notebook(stores.blobs.get(view.submission.notebook))
    loaded = desk.assignments.load(view.run.version, revision=view.revision)
    found = locate(notebook, loaded.wanted)
    chosen = history[-1][0].cells if history else {}
    located = with_chosen(found, notebook, wanted=loaded.wanted, chosen=chosen)
    questions = tuple(
        QuestionCells(
            question=question,
            answer=located.answers[question.question_id],
            found=found.answers[question.question_id],
        )
        for question in loaded.assignment.questions
    )
    return CellsView(
        submission=view,
        questions=questions,
        cells=choosable(notebook),
        history=history,
        earlier=len(choices) - len(history),
    )


def point_at_cells(chosen: Chosen, *, submission_id: SubmissionId, caller: Caller, desk: Desk) -> Run | None:
    """Keep which cells answer which question and grade the submission again with them; None where nothing changes.

    Neither a new submission nor a new time: what was handed in stays as it is. A question without cells is left to
    the grader, and so is one whose cells are just those that the grader finds. Students who do it, or hand in, very
    often in a short time wait for the result.

    Raises:
        NotFound: no such submission, or not for the caller.
        InvalidRequest: no such question, or no such cell that could answer anything.
        NotebookRefused: the student has no room for more results.
    """
    before = read_cells(submission_id, caller=caller, desk=desk)
    wanted = _check(chosen, before=before)
    stores = desk.stores
    choice = CellChoice(
        choice_id=ChoiceId(new_id()),
        submission_id=submission_id,
        cells=wanted,
        chosen_by=caller.person.person_id,
        chosen_at=stores.clock.now(),
    )
    with stores.storage.writing() as tx:
        valid = tx.cell_choices.find_newest(submission_id)
        if wanted == ({} if valid is None else valid.cells):
            return None
        is_staff = caller.is_staff_in(before.submission.course.course_id)
        if not is_staff:
            _check_room(tx, before.submission.submission, desk=desk)
        tx.cell_choices.add(choice)
        return _queue_run(tx, choice, limit=None if is_staff else desk.limit, stores=stores)


def _check_room(tx: Transaction, submission: Submission, *, desk: Desk) -> None:
    """Each new run leaves files, too."""
    check_room(
        tx,
        submission.offering_id,
        person_id=submission.person_id,
        adding=b"",
        most_bytes=desk.most_bytes,
        blobs=desk.stores.blobs,
    )


def locate_as_chosen(notebook: Notebook, choice: CellChoice | None, *, wanted: Sequence[Wanted]) -> Location:
    """Where the answers are: as the grader finds them, but for the questions that somebody pointed at cells for."""
    location = locate(notebook, wanted)
    return location if choice is None else with_chosen(location, notebook, wanted=wanted, chosen=choice.cells)


def _check(chosen: Chosen, *, before: CellsView) -> dict[QuestionId, tuple[int, ...]]:
    """What of a choice differs from what the grader finds by itself."""
    found = {one.question.question_id: _indexes(one.found) for one in before.questions}
    possible = {cell.index for cell in before.cells}
    for question_id, indexes in chosen.items():
        if question_id not in found:
            raise InvalidRequest(what="question", value=question_id)
        if not possible.issuperset(indexes):
            raise InvalidRequest(what="cell", value=", ".join(str(index + 1) for index in indexes))
    return {
        question_id: tuple(sorted(set(indexes)))
        for question_id, indexes in chosen.items()
        if indexes and set(indexes) != found[question_id]
    }


def _indexes(answer: LocatedAnswer) -> frozenset[int]:
    return frozenset((*answer.code_cells, *answer.markdown_cells))


def _queue_run(tx: Transaction, choice: CellChoice, *, limit: UploadLimit | None, stores: Stores) -> Run:
    """A run that nobody has begun yet reads the newest choice when it begins; otherwise there is a new one."""
    submission = tx.submissions.get(choice.submission_id)
    newest = tx.runs.get_newest(submission.submission_id)
    if newest.state is RunState.QUEUED:
        return newest
    # The version by which the submission stands, or will in a moment: a newer one is for a regrade to bring.
    graded = newest if newest.state is RunState.RUNNING else counting_run(tx, submission.submission_id)
    run = Run(
        run_id=RunId(new_id()),
        submission_id=submission.submission_id,
        version=graded.version,
        cause=RunCause.REGRADED,
        state=RunState.QUEUED,
        created_at=stores.clock.now(),
    )
    tx.runs.add(run)
    wait_s = 0.0
    if limit is not None:
        limit = limit_of(tx.offerings.get(submission.offering_id), default=limit)
        own, at = submission.person_id, choice.chosen_at
        wait_s = pause_s(tx, submission.offering_id, person_id=own, limit=limit, at=at)
        if wait_s:
            hold_back(tx, run.run_id, pause_s=wait_s, limit=limit, at=at)
    # Somebody waits for it, as for a fresh submission.
    device = tx.versions.get(run.version).device
    stores.queue.enqueue(tx, kind=JobKind.GRADE, subject=run.run_id, device=device, after_s=wait_s)
    return run
