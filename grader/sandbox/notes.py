"""What a student is told about an execution, beside the verdicts."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from grader.domain.execution import CellRun, CellState, Limits, Outcome, QuestionPlan
from grader.domain.notebook import Notebook
from grader.domain.text import Note

_NOTES_MAX: Final = 20
_PIP: Final = re.compile(
    r"^[ \t]*[!%]{1,2}[ \t]*(?:\S*python\S*[ \t]+-m[ \t]+)?(?:uv[ \t]+)?(?:pip3?|conda|mamba)\b", re.MULTILINE
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
    """Give one note for each cell that did not simply run, in the notebook's order, and one for the whole."""
    in_questions = {index for question in plan for index in question.code_cells}
    sources = {cell.index: cell.source for cell in notebook.code_cells}
    notes: list[Note] = []
    for run in runs:
        notes += _explain_cell(
            run, source=sources[run.index], is_outside=run.index not in in_questions, outcome=outcome
        )
    del notes[_NOTES_MAX:]
    if ran_out_of_time:
        notes.append(Note(code="execution.total_time_over", facts={"seconds": limits.total_s}))
    return tuple(notes)


def _explain_cell(run: CellRun, *, source: str, is_outside: bool, outcome: Outcome) -> Iterator[Note]:
    cell = run.index + 1
    if _PIP.search(source) and any(words in one.text for one in run.outputs for words in _PIP_FAILED):
        yield Note(code="execution.pip_refused", facts={"cell": cell})
    if run.missing_package is not None:
        yield Note(code="execution.missing_package", facts={"cell": cell, "package": run.missing_package})
    if run.state is CellState.ENDED_KERNEL:
        yield Note(code=f"execution.ended_{outcome.value}", facts={"cell": cell})
    elif run.state is CellState.TIMED_OUT:
        yield Note(code="execution.cell_timed_out", facts={"cell": cell})
    elif run.needs_gpu:
        yield Note(code="execution.needs_gpu", facts={"cell": cell})
    elif run.error is not None and run.error.name == "StdinNotImplementedError":
        yield Note(code="execution.no_input", facts={"cell": cell})
    elif run.error is not None and is_outside:
        yield Note(code="execution.cell_failed_outside", facts={"cell": cell, "error": run.error.name})
