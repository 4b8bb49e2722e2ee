"""Notebooks from plain strings."""

from collections.abc import Callable

import pytest

from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import Probe
from grader.sandbox.runner import SandboxRunner

RunCells = Callable[..., Execution]


def notebook_of(*sources: str) -> Notebook:
    cells = [
        Cell(index=index, kind=CellKind.CODE, source=source, cell_id=f"cell-{index}")
        for index, source in enumerate(sources)
    ]
    return Notebook(cells=tuple(cells))


@pytest.fixture
def run_cells(sandbox_runner: SandboxRunner) -> RunCells:
    """Run sources as the cells of a notebook, none of them in a question unless `questions` says so."""

    def run(
        *sources: str,
        limits: Limits | None = None,
        questions: dict[str, tuple[int, ...]] | None = None,
        probes: dict[str, tuple[Probe, ...]] | None = None,
    ) -> Execution:
        plan = [
            QuestionPlan(question_id=QuestionId(name), code_cells=cells, probes=(probes or {}).get(name, ()))
            for name, cells in (questions or {}).items()
        ]
        return sandbox_runner.run(notebook_of(*sources), plan=plan, limits=limits or Limits())

    return run


@pytest.fixture
def printed() -> Callable[[Execution, int], str]:
    def printed(execution: Execution, index: int) -> str:
        return "".join(output.text for output in execution.cells[index].outputs)

    return printed
