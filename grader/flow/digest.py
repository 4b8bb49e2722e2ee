"""A result as its student reads it: what is worth doing next, each question's mark, and what counts besides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from grader.domain.assignment import Assignment, Question, Visibility
from grader.domain.choice import CellChoice
from grader.domain.ids import QuestionId, SubmissionId
from grader.domain.people import Person
from grader.domain.result import CheckResult, Points, QuestionResult, Verdict
from grader.domain.submission import DecisionKind, LocatedCells, RunState
from grader.domain.text import Note
from grader.feedback.grid import Grid, visible_grid
from grader.flow.assignments import StoredAssignments
from grader.flow.people import Caller
from grader.flow.ports import Stores
from grader.flow.progress import ResultView, read_result, tell_state
from grader.grading.score import sum_points
from grader.notebook.marks import split_lines
from grader.notebook.words import markdown_words, read_prompts

_JUST_NOW = timedelta(minutes=2)


class Mark(StrEnum):
    """A question or a check at a glance; what waits is neither right nor wrong."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class CheckDigest:
    result: CheckResult
    mark: Mark
    grid: Grid | None
    """What was compared, element by element, where that is small and may be shown."""


@dataclass(frozen=True, kw_only=True)
class QuestionDigest:
    question: Question
    result: QuestionResult
    mark: Mark
    checks: tuple[CheckDigest, ...]
    gain: Points
    """What the student could still win by handing in again."""
    cells: tuple[int, ...]
    """Numbers of the cells that hold the answer: code, and words of a written one."""

    @property
    def waits_for_reader(self) -> bool:
        """Is all that waits a written answer? Nobody can tell without the checks, which are details."""
        return bool(self.checks) and all(
            check.result.kind == "written" for check in self.checks if check.result.pending
        )


@dataclass(frozen=True, kw_only=True)
class Digest:
    view: ResultView
    assignment: Assignment
    questions: tuple[QuestionDigest, ...]
    """Without any while there is no result for the caller."""
    executed: bytes | None
    """The executed notebook; hostile."""
    waits: Note | None
    """How far a newer run of the same submission is, which will take this result's place."""
    is_awaited: bool
    """Somebody pointed at cells just now, and sees the new result in a moment."""
    choice: CellChoice | None
    """The cells that somebody pointed at."""
    chosen_by: Person | None
    takes_uploads: bool
    """May the caller still hand in another one?"""
    until: datetime | None
    """The next moment at which that changes: it is late from then on, or not taken any more."""

    @property
    def worth_fixing(self) -> tuple[QuestionDigest, ...]:
        """Questions that lost points, those that lost most first."""
        return tuple(sorted((one for one in self.questions if one.gain), key=lambda one: -one.gain))

    @property
    def waits_for_reader(self) -> bool:
        """Is all that waits a written answer?"""
        return all(one.waits_for_reader for one in self.questions)


def read_digest(
    submission_id: SubmissionId, *, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> Digest:
    """Everything that the page of a submission tells.

    Raises:
        NotFound: no such submission, or not for the caller.
    """
    view = read_result(submission_id, caller=caller, stores=stores)
    submission = view.submission
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        newest = tx.runs.get_newest(submission_id)
        is_newer = newest.run_id != submission.run.run_id and newest.state is not RunState.FINISHED
        is_under_way = is_newer and newest.state is not RunState.FAILED
        waits = tell_state(tx, newest, device=tx.versions.get(newest.version).device, at=now) if is_newer else None
        choice = tx.cell_choices.find_newest(submission_id)
        chosen_by = None if choice is None else tx.people.get(choice.chosen_by)
        located = {} if view.result is None else tx.runs.load_graded(submission.run.run_id).located
    assignment = assignments.load(submission.run.version, revision=submission.revision).assignment
    dates = submission.offering.dates
    key = submission.run.executed
    executed = None if key is None or view.result is None else stores.blobs.get(key)
    words = {} if executed is None else _find_words(executed, assignment=assignment, located=located)
    return Digest(
        view=view,
        assignment=assignment,
        questions=_digest_questions(view, assignment, words=words),
        executed=executed,
        waits=waits,
        is_awaited=is_under_way and choice is not None and choice.chosen_at > now - _JUST_NOW,
        choice=choice if choice is not None and choice.cells else None,
        chosen_by=chosen_by,
        takes_uploads=dates.is_open(at=now) and submission.person.person_id == caller.person.person_id,
        until=next((at for at in (dates.due_at, dates.closes_at) if at is not None and at > now), None),
    )


def mark_of(*, score: Points, decided: Points, points: Points) -> Mark:
    """How it stands: nothing decided of what could be is waiting; a question without points has nothing wrong."""
    if points and not decided:
        return Mark.WAITING
    if score == decided:
        return Mark.RIGHT
    return Mark.PARTIAL if score else Mark.WRONG


def _find_words(
    executed: bytes, *, assignment: Assignment, located: Mapping[QuestionId, LocatedCells]
) -> Mapping[QuestionId, tuple[int, ...]]:
    """Numbers of the Markdown cells that say something, for questions that ask for words."""
    cells = json.loads(executed)["cells"]
    prompts = read_prompts(tuple(text for one in assignment.questions for text in (one.prompt.ja, one.prompt.en)))

    def speaks(index: int) -> bool:
        return index < len(cells) and bool(markdown_words(split_lines(str(cells[index]["source"])), prompts))

    return {
        one.question_id: tuple(index + 1 for index in located[one.question_id].markdown_cells if speaks(index))
        for one in assignment.questions
        if one.question_id in located and any(check.kind == "written" for check in one.checks)
    }


def _digest_questions(
    view: ResultView, assignment: Assignment, *, words: Mapping[QuestionId, tuple[int, ...]]
) -> tuple[QuestionDigest, ...]:
    if view.result is None:
        return ()
    known = {question.question_id: question for question in assignment.questions}
    settled = {decision.question_id for decision in view.decisions if decision.kind is DecisionKind.OVERRIDE}
    return tuple(
        QuestionDigest(
            question=known[one.question_id],
            result=one,
            mark=mark_of(score=one.score, decided=one.decided, points=one.points),
            checks=tuple(_digest_check(check, visibility=known[one.question_id].visibility) for check in one.checks),
            gain=0 if one.question_id in settled else sum_points((one.decided, -one.score)),
            cells=tuple(sorted({*one.cells, *words.get(one.question_id, ())})),
        )
        for one in view.result.questions
    )


def _digest_check(result: CheckResult, *, visibility: Visibility) -> CheckDigest:
    return CheckDigest(result=result, mark=_mark_of_check(result), grid=visible_grid(result, visibility))


def _mark_of_check(result: CheckResult) -> Mark:
    if result.verdict.is_pending:
        return Mark.WAITING
    if result.verdict is Verdict.PASSED:
        return Mark.RIGHT
    return Mark.PARTIAL if result.verdict is Verdict.PARTIAL else Mark.WRONG
