"""What more of something costs: cells, bytes that come out, kernels at a time; cost of each and what is refused.

    .venv/bin/python benchmarks/growth.py [--quick]

The baseline is the smallest size of the same run: a ratio of 1 means that each costs what it costs there. What a run
costs that has nothing of it (an empty cell, a tensor of one number) is taken off before it is divided.
"""

import argparse
import random
import statistics
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from memory import WANTED_RUNNING_MB, kernels, lingering
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

CELLS, CELLS_QUICK = (10, 100, 1000), (10, 100)
MEGABYTES, MEGABYTES_QUICK = (4, 8, 16, 100), (4, 16)
"""Not fewer: one megabyte costs less than two runs of the same notebook differ by."""
KERNELS, KERNELS_QUICK = (1, 4, 16, 64), (1, 4)
EACH_KERNEL_RUNS = 3
FLOATS_IN_MB = 250_000
ROUNDS, TENSOR_ROUNDS = 5, 30
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
    notebooks = [notebook_of("pass"), *(notebook_of(*[source] * count) for count in counts)]
    empty_s, *spent = in_turn([partial(run, runner, notebook) for notebook in notebooks], rounds=ROUNDS)
    rows: list[Row] = []
    for count, spent_s in zip(counts, spent, strict=True):
        rows.append(as_row(f"each of {count} cells", 1000 * (spent_s - empty_s) / count, "ms", first=rows))
    return rows


def larger_tensors(runner: SandboxRunner, sizes_mb: tuple[int, ...]) -> list[Row]:
    """Seconds of one megabyte on its way out; above what may travel the value stays inside, and its shape is told."""
    values = [take_tensor(runner, size_mb * FLOATS_IN_MB) for size_mb in sizes_mb]
    counts = (1, *(size_mb * FLOATS_IN_MB for size_mb in sizes_mb))
    empty_s, *spent = in_turn([partial(take_tensor, runner, count) for count in counts], rounds=TENSOR_ROUNDS)
    rows: list[Row] = []
    for size_mb, value, spent_s in zip(sizes_mb, values, spent, strict=True):
        if isinstance(value, ArrayValue):
            name = f"each megabyte of a tensor of {size_mb} MB"
            rows.append(as_row(name, 1000 * (spent_s - empty_s) / size_mb, "ms", first=rows))
        else:
            assert value.reason == "too_large"
            rows.append(Row(name=f"a tensor of {size_mb} MB, left out as too large", value=1000 * spent_s, unit="ms"))
    return rows


def take_tensor(runner: SandboxRunner, count: int) -> Value:
    """What comes out of so many zeros."""
    notebook = notebook_of(f"import torch\nt = torch.zeros({count})")
    reply = run(runner, notebook, names=("t",)).replies["t"]
    assert isinstance(reply, NamesReply)
    return reply.values["t"]


def more_kernels(runner: SandboxRunner, counts: tuple[int, ...]) -> list[Row]:
    """Seconds of each run; and memory, looked at in runs of their own, because looking takes time."""
    rows: list[Row] = []
    peaks: list[Row] = []
    notebook = read(homework_8())
    for count in counts:
        runs = count * EACH_KERNEL_RUNS
        spent_s = timed(partial(run_many, runner, notebook, runs=runs, at_a_time=count))
        rows.append(as_row(f"homework 8, {count} at a time", 1000 * spent_s / runs, "ms each", first=rows))
        with Peak() as peak:
            run_many(runner, lingering(notebook), runs=count, at_a_time=count)
        name = f"... the most that one of {count} kernels holds"
        peaks.append(Row(name=name, value=peak.most_bytes / 1e6, unit="MB", wanted=WANTED_RUNNING_MB))
    return [*rows, *peaks]


def run_many(runner: SandboxRunner, notebook: Notebook, *, runs: int, at_a_time: int) -> None:
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda _: run(runner, notebook), range(runs)))


class Peak:
    """The most private memory that one kernel held."""

    def __init__(self) -> None:
        self.most_bytes = 0
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
            self.most_bytes = max([self.most_bytes, *map(private_bytes, kernels())])


def in_turn(actions: list[Callable[[], object]], *, rounds: int) -> list[float]:
    """Median seconds of each, so that a busy minute is none of one alone.

    In another order each round: what the run before leaves to clear away falls on the next.
    """
    order = list(range(len(actions)))
    seconds: list[list[float]] = [[] for _ in actions]
    shuffle = random.Random(0).shuffle  # noqa: S311  # the same orders in every run
    for _ in range(rounds):
        shuffle(order)
        for place in order:
            seconds[place].append(timed(actions[place]))
    return [statistics.median(of_one) for of_one in seconds]


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
