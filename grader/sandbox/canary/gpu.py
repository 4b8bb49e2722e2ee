"""Tries a GPU as a notebook would use it, before notebooks do: CUDA must work in kernels, and be seen from outside."""

from pathlib import Path

from grader.domain.cage import CageLine, LineState
from grader.domain.execution import CellState, Limits
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.errors import GpuUnavailable, OperatorCanFix
from grader.sandbox.canary.cage import Canary
from grader.sandbox.gpu.gpu import Gpu
from grader.sandbox.runner import SandboxRunner

HELD_BYTES = 64 * 1024**2
_WORDS_MAX = 200
_LIMITS = Limits(gpu_memory_bytes=1024**3)
"""CUDA takes some hundred megabytes for itself."""
CELL = f"""
import time, torch
held = torch.ones({HELD_BYTES}, dtype=torch.uint8, device="cuda")
assert int(held[::1024**2].sum()) == {HELD_BYTES // 1024**2}
time.sleep(1)  # somebody looks ten times a second how much it holds
"""


class GpuTrial:
    """The canary of a cage with a GPU, which comes after the GPU itself. Fits flow.ports.Canary."""

    def __init__(self, canary: Canary, *, runner: SandboxRunner, gpu: Gpu, cell: str = CELL) -> None:
        """`cell` takes HELD_BYTES of the GPU's memory for a second."""
        self._canary = canary
        self._runner = runner
        self._gpu = gpu
        self._cell = cell

    def mark(self) -> str:
        return self._canary.mark()

    def renew(self) -> None:
        self._canary.renew()

    def try_cage(self) -> tuple[CageLine, ...]:
        """Raises GpuUnavailable where kernels cannot use it, or where nobody would see how much they take."""
        self.try_gpu()
        return self._canary.try_cage()

    def try_gpu(self) -> None:
        """The GPU alone. Raises as `try_cage` does."""
        cell = Cell(index=0, kind=CellKind.CODE, source=self._cell, cell_id="trial")
        execution = self._runner.run(Notebook(cells=(cell,)), plan=(), limits=_LIMITS)
        (run,) = execution.cells
        if run.state is not CellState.OK:
            what = run.state.value if run.error is None else f"{run.error.name}: {run.error.message}"
            raise GpuUnavailable("no_cuda", gpu=self._gpu.card.name, what=" ".join(what.split())[:_WORDS_MAX])
        if self._gpu.most_held_bytes < HELD_BYTES:
            raise GpuUnavailable("not_watched", gpu=self._gpu.card.name)


def examine_gpu(gpu: Gpu, *, kernel_python: Path) -> CageLine:
    """One line on whether kernels can use it; starts a fork server for that."""
    found = f"{gpu.card.name} {gpu.card.uuid} {gpu.card.memory_bytes / 1024**3:.1f} GiB"
    runner = SandboxRunner(kernel_python, gpu=gpu)
    try:
        GpuTrial(Canary(runner, kernel_python=kernel_python), runner=runner, gpu=gpu).try_gpu()
    except OperatorCanFix as error:
        return CageLine(name="gpu", state=LineState.NOT_OK, found=found, cure=error.note)
    finally:
        runner.close()
    return CageLine(name="gpu", state=LineState.OK, found=found)
