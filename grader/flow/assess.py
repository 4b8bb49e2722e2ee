"""One notebook against one assignment: locate, run, compare, score and explain, with nothing stored."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.domain.assignment import Assignment, Check, Question
from grader.domain.execution import CellRun, CellState, Evidence, Execution, QuestionPlan
from grader.domain.ids import CheckId
from grader.domain.location import FoundBy, LocatedAnswer, Location
from grader.domain.notebook import Notebook
from grader.domain.probe import Probe
from grader.domain.result import Finding, QuestionResult, Result, Verdict
from grader.domain.text import Fact, Note
from grader.feedback.diagnose import diagnose
from grader.flow.excuse import Circumstances, excuse
from grader.flow.expected import POOL_SIZE, Expected, check_path, with_replies
from grader.flow.ports import Runner
from grader.grading.score import score_question, total
from grader.notebook.locate import locate
from grader.notebook.magics import plain_python


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
    on_phase: Callable[[str], None] | None = None,
) -> Assessment:
    """Grade a notebook.

    Args:
        notebook: as notebook.read gave it.
        assignment: the version that `expected` belongs to.
        expected: the reference's answers in the runner's environment.
        runner: the sandbox.
        key: secret that picks the hidden inputs; the same key, version and code always pick the same ones.
        on_phase: told 'executing' and 'comparing' as the work proceeds.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure; there is no result.
    """
    location = locate(notebook, expected.wanted)
    sources = plain_sources(notebook)
    draws = draw_inputs(assignment, sources, key=key)
    plan = [
        QuestionPlan(
            question_id=question.question_id,
            code_cells=location.answers[question.question_id].code_cells,
            probes=_probes(question, location.answers[question.question_id], sources, expected, draws),
        )
        for question in assignment.questions
    ]
    execution = runner.run(notebook, plan=plan, limits=assignment.limits, on_phase=on_phase)
    if on_phase:
        on_phase("comparing")
    judge = _Judge(location=location, sources=sources, execution=execution, expected=expected, draws=draws)
    questions, common = _with_notes_told_once([judge.question(question) for question in assignment.questions])
    notes = (*notebook.repairs, *location.notes, *execution.notes, *common)
    result = total(execution.outcome, questions, notes)
    return Assessment(result=result, execution=execution, location=location, draws=draws)


def plain_sources(notebook: Notebook) -> Mapping[int, str]:
    """Each code cell as plain Python, by cell index."""
    return {cell.index: plain_python(cell.source) for cell in notebook.code_cells}


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


def joined(sources: Mapping[int, str], indexes: Sequence[int]) -> str:
    return "\n".join(sources[index] for index in indexes)


def until(sources: Mapping[int, str], code_cells: Sequence[int]) -> str:
    """All code up to the last of these cells: what has run when their probe is asked."""
    last = max(code_cells, default=-1)
    return joined(sources, [index for index in sorted(sources) if index <= last])


def with_prefix(probes: Sequence[Probe], prefix: str) -> list[Probe]:
    """A check's probes under keys that are unique within the notebook."""
    return [replace(probe, key=prefix + probe.key) for probe in probes]


def _probes(
    question: Question,
    answer: LocatedAnswer,
    sources: Mapping[int, str],
    expected: Expected,
    draws: Mapping[str, int],
) -> tuple[Probe, ...]:
    if not answer.code_cells:
        return ()
    source, before = joined(sources, answer.code_cells), until(sources, answer.code_cells)
    probes: list[Probe] = []
    for check in question.checks:
        path = check_path(question.question_id, check.check_id)
        draw = draws[path]
        inputs = expected.inputs(path, draw)
        asked = check.logic.probes(source=source, notebook_source=before, inputs=inputs)
        probes.extend(with_prefix(asked, f"{path}/{draw}/"))
    return tuple(probes)


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Compares what one execution brought with what is expected, question by question."""

    location: Location
    sources: Mapping[int, str]
    execution: Execution
    expected: Expected
    draws: Mapping[str, int]

    def question(self, question: Question) -> QuestionResult:
        answer = self.location.answers[question.question_id]
        runs = [run for run in self.execution.cells if run.index in answer.code_cells]
        circumstances = self._circumstances(answer, runs)
        evidence = self._evidence(answer, runs)
        own_cells = [(index + 1, self.sources[index]) for index in answer.code_cells]
        findings: dict[CheckId, Finding] = {}
        diagnoses: dict[CheckId, Note] = {}
        for check in question.checks:
            finding = self._finding(question, check, evidence, answer, circumstances)
            findings[check.check_id] = finding
            diagnosis = diagnose(finding, source=evidence.source, cells=own_cells)
            if diagnosis is not None:
                diagnoses[check.check_id] = diagnosis
        return score_question(
            question,
            findings,
            diagnoses=diagnoses,
            notes=(*answer.notes, *_cell_notes(runs, told=self.execution.notes)),
            cells=tuple(index + 1 for index in answer.code_cells),
        )

    def _finding(
        self,
        question: Question,
        check: Check,
        evidence: Evidence,
        answer: LocatedAnswer,
        circumstances: Circumstances,
    ) -> Finding:
        if answer.found_by is FoundBy.NOT_FOUND:
            return Finding(verdict=Verdict.NOT_FOUND, code="check.not_found", facts={"number": question.number})
        path = check_path(question.question_id, check.check_id)
        expected = self.expected.evidence(question.question_id, check.check_id, draw=self.draws[path])
        actual = with_replies(evidence, self.execution.replies, f"{path}/{self.draws[path]}/")
        if check.kind == "written":
            return check.logic.evaluate(actual=actual, expected=expected)
        if not answer.code_cells:
            return Finding(verdict=Verdict.NOT_FOUND, code="check.no_code", facts={"number": question.number})
        return excuse(
            lambda: check.logic.evaluate(actual=actual, expected=expected),
            circumstances,
            has_all_replies=expected.replies.keys() <= actual.replies.keys(),
        )

    def _evidence(self, answer: LocatedAnswer, runs: Sequence[CellRun]) -> Evidence:
        return Evidence(
            source=joined(self.sources, answer.code_cells),
            notebook_source=until(self.sources, answer.code_cells),
            outputs=tuple(output for run in runs for output in run.outputs),
            cell_runs=tuple(runs),
            replies={},
            written=answer.written,
            has_attachments=answer.has_attachments,
        )

    def _circumstances(self, answer: LocatedAnswer, runs: Sequence[CellRun]) -> Circumstances:
        return Circumstances.of(code_cells=answer.code_cells, runs=runs, sources=self.sources, execution=self.execution)


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
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": error.name, "message": error.message[:500]}
            notes.append(Note(code="cell.raised", facts=facts))
        elif run.state is CellState.TIMED_OUT:
            notes.append(Note(code="cell.timed_out", facts={"cell": run.index + 1}))
        elif run.state is CellState.ENDED_KERNEL:
            notes.append(Note(code="cell.ended_kernel", facts={"cell": run.index + 1}))
    return notes
