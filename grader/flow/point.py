"""Point at the cells that answer a question, where the grader took others or found none; it costs nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grader.domain.assignment import Question
from grader.domain.choice import CellChoice, ChoiceId
from grader.domain.ids import QuestionId, RunId, SubmissionId
from grader.domain.jobs import JobKind
from grader.domain.location import FoundBy, LocatedAnswer, Location, Wanted
from grader.domain.notebook import Cell, Notebook
from grader.domain.people import Person
from grader.domain.submission import Run, RunCause, RunState
from grader.errors import InvalidRequest
from grader.flow.assignments import StoredAssignments
from grader.flow.names import new_id
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.progress import SubmissionView, view_submission
from grader.notebook.chosen import choosable, with_chosen
from grader.notebook.locate import locate

Chosen = Mapping[QuestionId, Sequence[int]]
"""Indexes into Notebook.cells by question."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What pointing needs of the world."""

    stores: Stores
    assignments: StoredAssignments
    read_notebook: Callable[[bytes], Notebook]
    """notebook.read with the service's limits."""


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
    """Who pointed at what, oldest first."""


def read_cells(submission_id: SubmissionId, *, caller: Caller, desk: Desk) -> CellsView:
    """Where the answers of a submission are, as its next grading run would take them.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    stores = desk.stores
    with stores.storage.reading() as tx:
        view = view_submission(tx, tx.submissions.get(submission_id), caller=caller, at=stores.clock.now())
        history = tuple((choice, tx.people.get(choice.chosen_by)) for choice in tx.cell_choices.list_of(submission_id))
    notebook = desk.read_notebook(stores.blobs.get(view.submission.notebook))
    loaded = desk.assignments.load(view.offering.version, revision=view.offering.revision)
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
    return CellsView(submission=view, questions=questions, cells=choosable(notebook), history=history)


def point_at_cells(chosen: Chosen, *, submission_id: SubmissionId, caller: Caller, desk: Desk) -> Run | None:
    """Keep which cells answer which question and grade the submission again with them; None where nothing changes.

    Neither a new submission nor a new time: what was handed in stays as it is. A question without cells is left to
    the grader, and so is one whose cells are just those that the grader finds.

    Raises:
        NotFound: no such submission, or not for the caller.
        InvalidRequest: no such question, or no such cell that could answer anything.
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
        tx.cell_choices.add(choice)
        return _queue_run(tx, submission_id, stores=stores)


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


def _queue_run(tx: Transaction, submission_id: SubmissionId, *, stores: Stores) -> Run:
    """A run that nobody has begun yet reads the newest choice when it begins; otherwise there is a new one."""
    newest = tx.runs.get_newest(submission_id)
    if newest.state is RunState.QUEUED:
        return newest
    version = tx.offerings.get(tx.submissions.get(submission_id).offering_id).version
    run = Run(
        run_id=RunId(new_id()),
        submission_id=submission_id,
        version=version,
        cause=RunCause.REGRADED,
        state=RunState.QUEUED,
        created_at=stores.clock.now(),
    )
    tx.runs.add(run)
    # Somebody waits for it, as for a fresh submission.
    device = tx.versions.get(version).device
    stores.queue.enqueue(tx, kind=JobKind.GRADE, subject=run.run_id, device=device)
    return run
