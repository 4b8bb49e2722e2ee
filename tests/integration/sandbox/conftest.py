"""Notebooks from plain strings, and a neighbour kernel that an attack must not reach."""

from collections.abc import Callable, Iterator

import pytest

from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import Probe
from grader.sandbox.cells import CellSequence
from grader.sandbox.kernel_client import Kernel
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


_SETTLE_IN = """
import os, socket, threading
os.environ['NEIGHBOUR_SECRET'] = secret = 'neighbour-' + 'secret'
for place in ('/work/neighbour', '/tmp/neighbour', '/dev/shm/neighbour'):
    open(place, 'w').write(secret)
server = socket.socket(socket.AF_UNIX)
server.bind('\\0neighbour')
server.listen()
visitors = []
def accept():
    while True:
        visitors.append(server.accept())
threading.Thread(target=accept, daemon=True).start()
"""
_IS_INTACT = """
assert not visitors and all(open(f'{place}/neighbour').read() == secret for place in ('/work', '/tmp', '/dev/shm'))
assert sorted(os.listdir('/work')) == ['neighbour']
"""


class Neighbour:
    """Another submission's kernel, forked from the same fork server and alive during an attack."""

    def __init__(self, runner: SandboxRunner) -> None:
        self._runner = runner
        self._kernel = runner._call(self._open())
        self._ask(_SETTLE_IN)

    def assert_intact(self) -> None:
        self._ask(_IS_INTACT)

    def close(self) -> None:
        self._runner._call(self._kernel.close())

    async def _open(self) -> Kernel:
        kernel = Kernel(await self._runner._server.fork(Limits()))
        await kernel.open()
        return kernel

    def _ask(self, source: str) -> None:
        async def execute() -> CellSequence:
            cells = CellSequence(notebook_of(source), kernel=self._kernel, plan=(), limits=Limits())
            await cells.async_execute()
            return cells

        run = self._runner._call(execute()).cell_runs[0]
        assert run.error is None, run


@pytest.fixture(scope="package")
def neighbour(sandbox_runner: SandboxRunner) -> Iterator[Neighbour]:
    neighbour = Neighbour(sandbox_runner)
    yield neighbour
    neighbour.close()
