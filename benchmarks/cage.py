"""What the cage costs: processor time of homework 8 in a forked kernel with namespaces and seccomp, and without.

    .venv/bin/python benchmarks/cage.py [--rounds N]

Each round runs the notebook in both, so that the ratio holds on a machine that is shared and noisy. Counted is what
the kernel and the fork server took from the fork until the notebook was done, as Linux' scheduler counts it.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from places import KERNEL_PYTHON, homework_8
from rows import Row, print_table

from grader.domain.execution import Limits
from grader.domain.notebook import Notebook
from grader.notebook.read import read
from grader.sandbox.box import KERNEL_FOLDER, Box, Proc, inner_environment
from grader.sandbox.cells import CellSequence
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel_client import Kernel

WANTED_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class NoBox(Box):
    """In place of the cage's command line that of a fork server which locks nobody in."""

    scratch: Path

    def command(self, *, control_fd: int) -> list[str]:
        variables = inner_environment() | {"HOME": str(self.scratch), "PATH": "/usr/bin:/bin"}
        program = Path(__file__).with_name("uncaged.py")
        return [
            *("env", *(f"{name}={value}" for name, value in variables.items())),
            *(str(self.kernel_python), "-I", "-X", "frozen_modules=on", str(program), str(control_fd)),
            *(str(KERNEL_FOLDER), str(self.scratch)),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    print_table(measure(rounds=parser.parse_args().rounds))


def measure(*, rounds: int) -> list[Row]:
    notebook = read(homework_8())
    with tempfile.TemporaryDirectory() as folder:
        boxes = {
            "caged": Box(kernel_python=KERNEL_PYTHON),
            "not caged": NoBox(kernel_python=KERNEL_PYTHON, wanted_proc=Proc.EMPTY, scratch=Path(folder)),
        }
        caged, bare = asyncio.run(measure_pairs(notebook, list(boxes.values()), rounds=rounds))
    share = statistics.median(one / other for one, other in zip(caged, bare, strict=True)) - 1
    against = {"baseline": 1000 * statistics.median(bare), "beside": "without a cage"}
    return [
        Row(name="kernel's processor time, homework 8", value=1000 * statistics.median(caged), unit="ms", **against),
        Row(name="what the cage adds, median of pairs", value=100 * share, unit="%", wanted=100 * WANTED_SHARE),
    ]


async def measure_pairs(notebook: Notebook, boxes: list[Box], *, rounds: int) -> tuple[list[float], ...]:
    servers = [ForkServer(box) for box in boxes]
    try:
        found: tuple[list[float], ...] = tuple([] for _ in servers)
        trees = [await started(server) for server in servers]
        for number in range(rounds + 1):
            for server, tree, seconds in zip(servers, trees, found, strict=True):
                spent_s = await run_once(server, tree, notebook)
                if number:  # the first of each fills caches
                    seconds.append(spent_s)
        return found
    finally:
        for server in servers:
            server.close()


async def started(server: ForkServer) -> list[int]:
    """Start it; gives the processes that it is made of."""
    before = processes_below_us()
    await server.start()
    return sorted(processes_below_us() - before)


async def run_once(server: ForkServer, tree: list[int], notebook: Notebook) -> float:
    before = sum(map(scheduled_s, tree))
    kernel = Kernel(await server.fork(Limits()))
    try:
        await kernel.open()
        await CellSequence(notebook, kernel=kernel, plan=(), limits=Limits()).async_execute()
        return scheduled_s(kernel.host_pid) + sum(map(scheduled_s, tree)) - before
    finally:
        await kernel.close()


def processes_below_us() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def scheduled_s(pid: int | None) -> float:
    """Seconds on a processor of all threads that live."""
    return sum(nanoseconds(task) for task in tasks(pid)) / 1e9


def tasks(pid: int | None) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from Path(f"/proc/{pid}/task").iterdir()


def nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except OSError:
        return 0  # the thread ended meanwhile


if __name__ == "__main__":
    main()
