"""What a student is told about an execution, beside the verdicts."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from grader.domain.execution import CellRun, CellState, Limits, Outcome, QuestionPlan
from grader.domain.notebook import Notebook
from grader.domain.text import Fact, Note

_NOTES_MAX: Final = 20
_NO_INPUT: Final = "StdinNotImplementedError"
_PIP: Final = re.compile(
    r"^[ \t]*[!%]{1,2}[ \t]*(?:[\w./-]{1,100}[ \t]+-m[ \t]+)?(?:uv[ \t]+)?(?:pip3?|conda|mamba)\b", re.MULTILINE
)
_PIP_FAILED: Final = ("No matching distribution", "Could not find a version", "externally-managed", "not found")


def explain_execution(
    notebook: Notebook,
    runs: Sequence[CellRun],
    *,
    plan: Sequence[QuestionPlan],
    limits: Limits,
    outcome: Outcome,
    ran_out_of_time: bool,
) -> tuple[Note, ...]:
    """Give one note for each thing that happened to cells, with their numbers, and one for the whole.

    Cells to which the same happened share a note: a whole lecture may have dozens that want a GPU.
    """
    in_questions = {index for question in plan for index in question.code_cells}
    sources = {cell.index: cell.source for cell in notebook.code_cells}
    cells: dict[tuple[str, str], list[Fact]] = {}
    for run in runs:
        for event in _events(run, source=sources[run.index], is_outside=run.index not in in_questions, outcome=outcome):
            cells.setdefault(event, []).append(run.index + 1)
    notes = [
        Note(code=f"execution.{code}", facts={"cells": numbers, "what": what})
        for (code, what), numbers in list(cells.items())[:_NOTES_MAX]
    ]
    if ran_out_of_time:
        notes.append(Note(code="execution.total_time_over", facts={"seconds": limits.total_s}))
    return tuple(notes)


def _events(run: CellRun, *, source: str, is_outside: bool, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What happened in a cell: a code, and the package or exception it is about."""
    if _PIP.search(source) and any(words in one.text for one in run.outputs for words in _PIP_FAILED):
        yield "pip_refused", ""
    if run.missing_package is not None:
        yield "missing_package", run.missing_package
    if run.state is CellState.ENDED_KERNEL:
        yield f"ended_{outcome.value}", ""
    elif run.state is CellState.TIMED_OUT:
        yield "cell_timed_out", ""
    elif run.needs_gpu:
        yield "needs_gpu", ""
    elif run.error is not None and run.error.name == _NO_INPUT:
        yield "no_input", ""
    elif run.error is not None and is_outside:
        yield "cell_failed_outside", run.error.name
