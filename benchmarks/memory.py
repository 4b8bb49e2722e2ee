"""Private memory of kernels that wait, and of one that runs homework 8.

.venv/bin/python benchmarks/memory.py
"""

import statistics
import threading
import time

import psutil
from places import KERNEL_PYTHON, homework_8
from processes import private_bytes
from rows import Row, print_table

from grader.domain.execution import Limits
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.read import read
from grader.sandbox.runner import SandboxRunner

WAITING = 8
WANTED_WAITING_MB, WANTED_RUNNING_MB = 5, 60
KERNEL = "kernel"
"""What a kernel's process calls itself once it is locked in."""
PATIENCE_S = 30.0
LINGER_CELL = "import time\ntime.sleep(1)"
"""So that the end of the notebook can be measured, where most memory is held."""


def main() -> None:
    print_table(measure())


def measure() -> list[Row]:
    notebook = lingering(read(homework_8()))
    with SandboxRunner(KERNEL_PYTHON, ready=WAITING) as runner:
        runner.run(notebook, plan=[], limits=Limits())
        waiting = [private_bytes(pid) for pid in wait_for_kernels(WAITING)]
    with SandboxRunner(KERNEL_PYTHON) as runner:
        most_bytes = peak_private_bytes(runner, notebook)
    waiting_mb = statistics.median(waiting) / 1e6
    return [
        Row(name="private memory of a kernel that waits", value=waiting_mb, unit="MB", wanted=WANTED_WAITING_MB),
        Row(name="... of one with homework 8", value=most_bytes / 1e6, unit="MB", wanted=WANTED_RUNNING_MB),
    ]


def lingering(notebook: Notebook) -> Notebook:
    last = Cell(index=len(notebook.cells), kind=CellKind.CODE, source=LINGER_CELL, cell_id="linger")
    return Notebook(cells=(*notebook.cells, last))


def wait_for_kernels(count: int) -> list[int]:
    deadline = time.monotonic() + PATIENCE_S
    while len(found := kernels()) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} kernels"
        time.sleep(0.05)  # nothing tells of a kernel that is ready
    return found


def kernels() -> list[int]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name() == KERNEL:
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def peak_private_bytes(runner: SandboxRunner, notebook: Notebook) -> int:
    running = threading.Thread(target=lambda: runner.run(notebook, plan=[], limits=Limits()))
    running.start()
    most_bytes = 0
    while running.is_alive():
        most_bytes = max([most_bytes, *map(private_bytes, kernels())])
        time.sleep(0.05)  # the peak of what is sampled: Linux keeps none of private memory
    running.join()
    return most_bytes


if __name__ == "__main__":
    main()
