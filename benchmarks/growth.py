"""What more of something costs: cells, bytes that come out, kernels at a time; cost of each and what is refused.

    .venv/bin/python benchmarks/growth.py [--quick]

The baseline is the smallest size of the same run: a ratio of 1 means that each costs what it costs there. What a run
costs that has nothing of it (an empty cell, a tensor of one number) is taken off before it is divided.
"""

import argparse
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from memory import WANTED_RUNNING_MB, kernels
from places import KERNEL_PYTHON, homework_8, timed
from processes import private_bytes
from rows import Row, print_table

from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import TakeNames
from grader.domain.values import ArrayValue, NamesReply, Value
from grader.notebook.read import read
from grader.sandbox.runner import SandboxRunner

CELLS, CELLS_QUICK = (1, 10, 100, 1000), (1, 10, 100)
MEGABYTES, MEGABYTES_QUICK = (1, 4, 16, 100), (1, 16)
KERNELS, KERNELS_QUICK = (1, 4, 16, 64), (1, 4)
EACH_KERNEL_RUNS = 3
FLOATS_IN_MB = 250_000
ROUNDS = 5
"""Of what takes no longer than noise; the median counts."""
WANTED_RATIO = 1 / 1.5
"""Each may cost half as much again as at the smallest size."""
LIMITS = Limits()
"""What an assignment has that says nothing else."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    print_table(measure(is_quick=parser.parse_args().quick))


def measure(*, is_quick: bool) -> list[Row]:
    with SandboxRunner(KERNEL_PYTHON, slots=max(KERNELS)) as runner:
        return [
            *more_cells(runner, CELLS_QUICK if is_quick else CELLS),
            *larger_tensors(runner, MEGABYTES_QUICK if is_quick else MEGABYTES),
            *more_kernels(runner, KERNELS_QUICK if is_quick else KERNELS),
        ]


def more_cells(runner: SandboxRunner, counts: tuple[int, ...]) -> list[Row]:
    """Seconds of one cell, without what a notebook of one empty cell takes."""
    source = "import torch\nx = torch.arange(6.0).reshape(2, 3)\nprint(x.sum())"
    empty_s = statistics.median(timed(lambda: run(runner, notebook_of("pass"))) for _ in range(ROUNDS))
    rows: list[Row] = []
    for count in counts[1:]:
        spent_s = timed(lambda count=count: run(runner, notebook_of(*[source] * count)))
        rows.append(as_row(f"each of {count} cells", 1000 * (spent_s - empty_s) / count, "ms", first=rows))
    return rows


def larger_tensors(runner: SandboxRunner, sizes_mb: tuple[int, ...]) -> list[Row]:
    """Seconds of one megabyte on its way out; above what may travel the value stays inside, and its shape is told."""
    empty_s = statistics.median(take_tensor(runner, 1)[0] for _ in range(ROUNDS))
    rows: list[Row] = []
    for size_mb in sizes_mb:
        taken = [take_tensor(runner, size_mb * FLOATS_IN_MB) for _ in range(ROUNDS)]
        spent_s = statistics.median(seconds for seconds, _ in taken)
        value = taken[0][1]
        if isinstance(value, ArrayValue):
            name = f"each megabyte of a tensor of {size_mb} MB"
            rows.append(as_row(name, 1000 * (spent_s - empty_s) / size_mb, "ms", first=rows))
        else:
            assert value.reason == "too_large"
            rows.append(Row(name=f"a tensor of {size_mb} MB, left out as too large", value=1000 * spent_s, unit="ms"))
    return rows


def take_tensor(runner: SandboxRunner, count: int) -> tuple[float, Value]:
    """Seconds of a run that hands out so many zeros, and what came of them."""
    notebook = notebook_of(f"import torch\nt = torch.zeros({count})")
    start = time.perf_counter()
    execution = run(runner, notebook, names=("t",))
    spent_s = time.perf_counter() - start
    reply = execution.replies["t"]
    assert isinstance(reply, NamesReply)
    return spent_s, reply.values["t"]


def more_kernels(runner: SandboxRunner, counts: tuple[int, ...]) -> list[Row]:
    rows: list[Row] = []
    peaks: list[Row] = []
    notebook = read(homework_8())
    for count in counts:
        peak = Peak()
        with ThreadPoolExecutor(count) as pool, peak:
            total = count * EACH_KERNEL_RUNS
            start = time.perf_counter()
            list(pool.map(lambda _: run(runner, notebook), range(total)))
            spent_s = time.perf_counter() - start
        rows.append(as_row(f"homework 8, {count} at a time", 1000 * spent_s / total, "ms each", first=rows))
        name = f"... memory of each kernel, {count} at a time"
        peaks.append(Row(name=name, value=peak.each_mb, unit="MB", wanted=WANTED_RUNNING_MB))
    return [*rows, *peaks]


class Peak:
    """The most private memory that kernels held together, by kernel."""

    def __init__(self) -> None:
        self.each_mb = 0.0
        self._is_over = threading.Event()
        self._watching = threading.Thread(target=self._watch)

    def __enter__(self) -> "Peak":
        self._watching.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.1):
            held = [held_bytes for pid in kernels() if (held_bytes := private_bytes(pid))]
            if held:
                self.each_mb = max(self.each_mb, statistics.mean(held) / 1e6)


def as_row(name: str, value: float, unit: str, *, first: list[Row]) -> Row:
    if not first:
        return Row(name=name, value=value, unit=unit)
    return Row(
        name=name, value=value, unit=unit, baseline=first[0].value, beside="at the smallest", wanted_ratio=WANTED_RATIO
    )


def run(runner: SandboxRunner, notebook: Notebook, *, names: tuple[str, ...] = ()) -> Execution:
    code_cells = tuple(cell.index for cell in notebook.cells if cell.kind is CellKind.CODE)
    probes = tuple(TakeNames(key=name, names=(name,)) for name in names)
    plan = [QuestionPlan(question_id=QuestionId("all"), code_cells=code_cells, probes=probes)]
    return runner.run(notebook, plan=plan, limits=LIMITS)


def notebook_of(*sources: str) -> Notebook:
    cells = [
        Cell(index=index, kind=CellKind.CODE, source=source, cell_id=f"cell-{index}")
        for index, source in enumerate(sources)
    ]
    return Notebook(cells=tuple(cells))


if __name__ == "__main__":
    main()
