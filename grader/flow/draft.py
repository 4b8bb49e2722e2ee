"""A draft of an assignment from a notebook that is solved already: run, look, propose, and prove the proposal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.authoring.drafting import (
    Candidate,
    DraftQuestion,
    Seen,
    find_candidates,
    language_of,
    propose,
    title_of,
    write_reference,
    write_spec,
)
from grader.domain.execution import CellState, Execution, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, Notebook
from grader.domain.probe import CallFunction, Probe, TakeNames
from grader.domain.python import parse_python
from grader.domain.text import Note
from grader.domain.values import ArrayValue, CallReply, CallsReply, NamesReply, OpaqueValue, Value
from grader.errors import InvalidAssignment, NothingToDraft, SpecDoesNotHold
from grader.flow.ports import AssignmentReader, Runner
from grader.flow.prove import prove
from grader.grading.arrays import array_value
from grader.grading.compare import Tolerance
from grader.grading.difference import find_difference, find_numbers
from grader.notebook.magics import plain_python

_ROUNDS = 8
"""Each takes out what the proof before did not like."""
_CALL_AT = (0.5, -1.25, 1.75)
_CALL_SECONDS = 3.0
_SEED = "import random, numpy, torch; random.seed({0}); numpy.random.seed({0}); torch.manual_seed({0})"
_LIMITS = Limits(question_s=60.0, outside_s=120.0, total_s=300.0)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The files of a proposal that holds, and what the author should know of it."""

    files: Mapping[str, bytes]
    notes: tuple[Note, ...]


def draft(notebook: Notebook, *, slug: str, runner: Runner, read_assignment: AssignmentReader) -> Draft:
    """Propose an assignment whose reference is this notebook.

    The notebook runs twice, with other random numbers each time; what differs cannot be compared and is not proposed.
    A cell that raises here keeps what stands before that line, one that runs out of time is left out. The proposal is
    then proved as publishing does, and what fails is taken out until it holds.

    Raises:
        NothingToDraft: no question is left.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    candidates = find_candidates(notebook)
    first = _run(notebook, candidates, runner=runner, seed=1)
    running, left_out = _without_what_stops(notebook, first)
    again = _run(running, candidates, runner=runner, seed=2)
    # What is left out can stop another cell that built on it.
    while any(run.state is not CellState.OK for run in again.cells):
        running, more = _without_what_stops(running, again)
        left_out |= more
        again = _run(running, candidates, runner=runner, seed=2)
    questions = [propose(candidate, _seen(candidate, first, again)) for candidate in candidates]
    notes = [left_out[index] for index in sorted(left_out)]
    for _ in range(_ROUNDS):
        notes += [
            Note(code="draft.section_left_out", facts={"title": question.candidate.title})
            for question in questions
            if not question.checks and (question.candidate.value_names or question.candidate.functions)
        ]
        questions = [question for question in questions if question.checks]
        if not questions:
            raise NothingToDraft()
        files = {
            "assignment.yaml": write_spec(title_of(notebook) or slug, questions, language=language_of(notebook)),
            "reference.ipynb": write_reference(running, questions),
        }
        try:
            prove(read_assignment(files, slug), runner=runner, secret=b"draft")
        except InvalidAssignment as error:
            fields = [mistake.field.split(".") for mistake in error.mistakes]
            wrong = {field[1]: frozenset[str]() for field in fields if len(field) > 1}
            if not wrong:
                raise
        except SpecDoesNotHold as error:
            wrong = _blamed(error.findings)
            if not wrong:
                raise
        else:
            return Draft(files=files, notes=tuple(notes))
        questions = _mended(questions, wrong)
    raise NothingToDraft()


def _run(notebook: Notebook, candidates: Sequence[Candidate], *, runner: Runner, seed: int) -> Execution:
    """Run it with every generator seeded in one more line at the top."""
    cells = list(notebook.cells)
    place = _seeded(notebook)
    if place is not None:
        cells[place] = _with_source(cells[place], f"{_SEED.format(seed)}\n{cells[place].source}")
    seeded = Notebook(cells=tuple(cells))
    plan = [
        QuestionPlan(
            question_id=QuestionId(f"q{candidate.number}"),
            code_cells=candidate.code_cells,
            probes=tuple(_probes(candidate)),
        )
        for candidate in candidates
        if candidate.code_cells
    ]
    return runner.run(seeded, plan=plan, limits=_LIMITS)


def _probes(candidate: Candidate) -> list[Probe]:
    probes: list[Probe] = [TakeNames(key=f"{candidate.number}/names", names=candidate.value_names[:40])]
    for name, wanted in candidate.functions.items():
        calls = tuple(
            tuple(array_value(np.array(at + place, np.float32), type_name="Tensor") for place in range(wanted))
            for at in _CALL_AT
        )
        probes.append(
            CallFunction(
                key=f"{candidate.number}/{name}", names=(name,), calls=calls, gradients=True, seconds=_CALL_SECONDS
            )
        )
    return probes


def _seen(candidate: Candidate, first: Execution, again: Execution) -> Seen:
    """What both runs agree on."""
    ours, theirs = (_values(run, candidate) for run in (first, again))
    steady = [name for name, value in ours.items() if name in theirs and _is_same(value, theirs[name])]
    gradients = tuple(name for name in steady if _has_gradient(ours[name]) and _has_gradient(theirs[name]))
    calls = {
        name: (first.replies.get(f"{candidate.number}/{name}"), again.replies.get(f"{candidate.number}/{name}"))
        for name in candidate.functions
    }
    functions = tuple(name for name, (one, two) in calls.items() if _is_steady(one, two))
    texts = [_shown(run, candidate) for run in (first, again)]
    return Seen(
        values=tuple(steady),
        gradients=gradients if "grad" in candidate.source or "backward" in candidate.source else (),
        functions=functions,
        derivable=tuple(name for name in functions if _is_derivable(calls[name][0])),
        figures=min(_figures(run, candidate) for run in (first, again)),
        shows_text=bool(texts[0].strip()) and texts[0] == texts[1],
    )


def _values(execution: Execution, candidate: Candidate) -> Mapping[str, Value]:
    reply = execution.replies.get(f"{candidate.number}/names")
    return reply.values if isinstance(reply, NamesReply) else {}


def _is_same(one: Value, two: Value) -> bool:
    if isinstance(one, OpaqueValue) or isinstance(two, OpaqueValue):
        return False
    return find_difference(actual=one, expected=two, tolerance=Tolerance()) is None


def _has_gradient(value: Value) -> bool:
    return isinstance(value, ArrayValue) and isinstance(value.grad, ArrayValue)


def _is_steady(one: object, two: object) -> bool:
    """Every call gave numbers, the same ones in both runs."""
    if not (isinstance(one, CallsReply) and isinstance(two, CallsReply)) or len(one.calls) != len(_CALL_AT):
        return False
    pairs = list(zip(one.calls, two.calls, strict=False))
    return len(pairs) == len(_CALL_AT) and all(_is_same_call(ours, theirs) for ours, theirs in pairs)


def _is_same_call(ours: CallReply, theirs: CallReply) -> bool:
    if ours.output is None or theirs.output is None or find_numbers(ours.output) is None:
        return False
    return _is_same(ours.output, theirs.output)


def _is_derivable(reply: object) -> bool:
    return isinstance(reply, CallsReply) and all(any(call.gradients) for call in reply.calls)


def _shown(execution: Execution, candidate: Candidate) -> str:
    runs = [run for run in execution.cells if run.index in candidate.code_cells]
    return "".join(output.text for run in runs for output in run.outputs if output.kind in ("stdout", "result"))


def _figures(execution: Execution, candidate: Candidate) -> int:
    runs = [run for run in execution.cells if run.index in candidate.code_cells]
    return sum(output.has_image for run in runs for output in run.outputs)


def _blamed(findings: Sequence[Note]) -> dict[str, frozenset[str]]:
    """The questions that a proof found at fault, each with its checks at fault; none named means all of them."""
    wrong: dict[str, frozenset[str]] = {}
    for finding in findings:
        question, check = finding.facts.get("question"), finding.facts.get("check")
        if isinstance(question, str):
            wrong[question] = wrong.get(question, frozenset()) | (
                frozenset({check}) if isinstance(check, str) else frozenset()
            )
    return wrong


def _mended(questions: Sequence[DraftQuestion], wrong: Mapping[str, frozenset[str]]) -> list[DraftQuestion]:
    mended = []
    for number, question in enumerate(questions, start=1):
        blamed = wrong.get(f"q{number}")
        if blamed is None:
            mended.append(question)
        else:
            mended.append(question.without(blamed or frozenset(question.check_ids)))
    return mended


def _without_what_stops(notebook: Notebook, execution: Execution) -> tuple[Notebook, dict[int, Note]]:
    """The same cells, each at most up to where it stopped; by index, what was left out."""
    cells = list(notebook.cells)
    seeded = _seeded(notebook)
    left_out: dict[int, Note] = {}
    for run in execution.cells:
        if run.state is CellState.OK:
            continue
        line = 0 if run.error is None or run.error.line is None else run.error.line - (run.index == seeded)
        kept = _before(line, cells[run.index].source)
        cells[run.index] = _with_source(cells[run.index], kept)
        if kept:
            left_out[run.index] = Note(code="draft.cell_cut", facts={"cell": run.index + 1, "line": line})
        else:
            left_out[run.index] = Note(code="draft.cell_left_out", facts={"cell": run.index + 1})
    return Notebook(cells=tuple(cells)), left_out


def _before(line: int, source: str) -> str:
    """The statements that end above this line."""
    tree = parse_python(plain_python(source))
    ends = [] if tree is None else [node.end_lineno or 0 for node in tree.body]
    last = max((end for end in ends if end < line), default=0)
    return "\n".join(source.split("\n")[:last])


def _seeded(notebook: Notebook) -> int | None:
    """The cell that the seed rides in: cells must keep their indexes."""
    return next((cell.index for cell in notebook.code_cells), None)


def _with_source(cell: Cell, source: str) -> Cell:
    return Cell(index=cell.index, kind=cell.kind, source=source, cell_id=cell.cell_id)
