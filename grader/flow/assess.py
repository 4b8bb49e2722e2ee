"""One notebook against one assignment: locate, run, compare, score and explain, with nothing stored."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.domain.assignment import Assignment, Check, Question
from grader.domain.execution import CellRun, CellState, Execution
from grader.domain.ids import CheckId
from grader.domain.location import Location
from grader.domain.notebook import Notebook
from grader.domain.probe import Probe
from grader.domain.result import Finding, QuestionResult, Result
from grader.domain.text import Fact, Note
from grader.feedback.diagnose import diagnose
from grader.flow.case import Case, Judge
from grader.flow.expected import POOL_SIZE, Expected, check_path
from grader.flow.follow import follow_through
from grader.flow.ports import Runner
from grader.flow.self_contained import AskedAlone, ask_alone
from grader.flow.sources import joined, plain_sources, until
from grader.grading.saved import compare_saved
from grader.grading.score import score_question, total
from grader.notebook.locate import locate


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A graded notebook: its result and all that is needed to compare it again without running it again."""

    result: Result
    execution: Execution
    location: Location
    draws: Mapping[str, int]
    """Which set of hidden inputs each check had, by check path."""


def assess(
    notebook: Notebook,
    *,
    assignment: Assignment,
    expected: Expected,
    runner: Runner,
    key: bytes,
    location: Location | None = None,
    on_phase: Callable[[str], None] | None = None,
) -> Assessment:
    """Grade a notebook.

    Args:
        notebook: as notebook.read gave it.
        assignment: the version that `expected` belongs to.
        expected: the reference's answers in the runner's environment.
        runner: the sandbox.
        key: secret that picks the hidden inputs; the same key, version and code always pick the same ones.
        location: where its answers are, if that is known already.
        on_phase: told 'executing' and 'comparing' as the work proceeds.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure; there is no result.
    """
    sources = plain_sources(notebook)
    case = Case(
        notebook=notebook,
        assignment=assignment,
        location=locate(notebook, expected.wanted) if location is None else location,
        sources=sources,
        expected=expected,
        draws=draw_inputs(assignment, sources, key=key),
    )
    execution = _execute(case, runner=runner, on_phase=on_phase)
    alone = ask_alone(_asked_alone(case), assignment=assignment, sources=sources, runner=runner)
    if on_phase:
        on_phase("comparing")
    judge = Judge(case=case, execution=execution, alone=alone)
    findings = {question.question_id: judge.findings(question) for question in assignment.questions}
    followed = follow_through(case, findings, runner=runner)
    scored = [
        _score(judge, question, {**findings[question.question_id], **followed[question.question_id].findings})
        for question in assignment.questions
    ]
    told_once, common = _with_notes_told_once(scored)
    questions = [replace(one, notes=(*one.notes, *followed[one.question_id].notes)) for one in told_once]
    notes = (*notebook.repairs, *case.location.notes, *execution.notes, *common)
    return Assessment(
        result=total(execution.outcome, questions, notes),
        execution=replace(execution, replies={**execution.replies, **alone}),
        location=case.location,
        draws=case.draws,
    )


def draw_inputs(assignment: Assignment, sources: Mapping[int, str], *, key: bytes) -> Mapping[str, int]:
    """Pick a set of hidden inputs for each check, as a keyed function of the version and the notebook's code.

    A regrade of the same code therefore never changes a score by luck, and nobody without the key can tell the draw.
    """
    code = hashlib.sha256("\0".join(sources[index] for index in sorted(sources)).encode("utf-8", "surrogatepass"))
    draws: dict[str, int] = {}
    for question in assignment.questions:
        for check in question.checks:
            path = check_path(question.question_id, check.check_id)
            if check.logic.has_hidden_inputs:
                message = b"\0".join((assignment.version.encode(), path.encode(), code.digest()))
                digest = hmac.digest(key, message, "sha256")
                draws[path] = int.from_bytes(digest[:8]) % POOL_SIZE
            else:
                draws[path] = 0
    return draws


def _execute(case: Case, *, runner: Runner, on_phase: Callable[[str], None] | None) -> Execution:
    plan = [
        case.plan(question, probes=[probe for check in question.checks for probe in _asked(case, question, check)])
        for question in case.assignment.questions
    ]
    limits, files = case.assignment.limits, case.assignment.files
    return runner.run(case.notebook, plan=plan, limits=limits, files=files, on_phase=on_phase)


def _asked(case: Case, question: Question, check: Check) -> tuple[Probe, ...]:
    return case.probes(question, check) if case.answer(question.question_id).code_cells else ()


def _asked_alone(case: Case) -> list[AskedAlone]:
    return [
        AskedAlone(
            question=question,
            code_cells=case.answer(question.question_id).code_cells,
            probes=tuple(
                probe
                for check in question.checks
                if check.logic.is_self_contained
                for probe in _asked(case, question, check)
            ),
        )
        for question in case.assignment.questions
    ]


def _score(judge: Judge, question: Question, findings: Mapping[CheckId, Finding]) -> QuestionResult:
    """The question's points, and what is told about its cells and its mistakes."""
    case = judge.case
    answer, runs = case.answer(question.question_id), judge.runs(question)
    source = joined(case.sources, answer.code_cells)
    cells = [(index + 1, case.sources[index]) for index in answer.code_cells]
    diagnoses = {check_id: diagnose(finding, source=source, cells=cells) for check_id, finding in findings.items()}
    saved = {cell.index: cell.saved for cell in case.notebook.code_cells}
    before = until(case.sources, answer.code_cells)
    stale = compare_saved(saved, runs=runs, source=source, notebook_source=before)
    return score_question(
        question,
        findings,
        diagnoses={check_id: diagnosis for check_id, diagnosis in diagnoses.items() if diagnosis is not None},
        notes=(*answer.notes, *_cell_notes(runs, told=judge.execution.notes), *stale),
        cells=tuple(index + 1 for index in answer.code_cells),
    )


def _with_notes_told_once(questions: Sequence[QuestionResult]) -> tuple[list[QuestionResult], tuple[Note, ...]]:
    """The questions without the notes that several of them have, and those notes: one cell may answer them all."""
    common: list[Note] = []
    for question in questions:
        others = [other for other in questions if other is not question]
        common += [note for note in question.notes if note not in common and any(note in o.notes for o in others)]
    kept = [
        replace(question, notes=tuple(note for note in question.notes if note not in common)) for question in questions
    ]
    return kept, tuple(common)


def _cell_notes(runs: Sequence[CellRun], *, told: Sequence[Note]) -> list[Note]:
    """What happened to cells, but for what `told` says in words of our own."""
    asked_for_input = [note.facts.get("cells") for note in told if note.code == "execution.no_input"]
    notes = []
    for run in runs:
        if any(isinstance(cells, list) and run.index + 1 in cells for cells in asked_for_input):
            continue
        if run.state is CellState.RAISED and run.error is not None:
            error = run.error
            message = error.message[:500].strip()
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": error.name, "message": message}
            facts["place"] = [{"cell": run.index + 1, "line": error.line}]
            notes.append(Note(code="cell.raised" if message else "cell.raised_silently", facts=facts))
        elif run.state is CellState.TIMED_OUT:
            notes.append(Note(code="cell.timed_out", facts={"cell": run.index + 1}))
        elif run.state is CellState.ENDED_KERNEL:
            notes.append(Note(code="cell.ended_kernel", facts={"cell": run.index + 1}))
    return notes
