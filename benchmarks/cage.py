"""What the cage costs: processor time of homework 8 in a forked kernel with namespaces and seccomp, and without.

    .venv/bin/python benchmarks/cage.py [--rounds N]

Each round runs the notebook in both, so that the ratio holds on a machine that is shared and noisy. Counted is what
the kernel and its fork server took from the fork until the last of the kernel's processes was gone, the end of its
namespaces included, in a control group of their own. Where Linux lets us make none, its scheduler's count of the
processes that live, which ends when the notebook is done. What Linux clears away later by itself nobody counts.
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
from processes import CpuMeter
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
    with tempfile.TemporaryDirectory() as folder, CpuMeter("caged") as caged, CpuMeter("bare") as bare:
        servers = [
            Server(ForkServer(Box(kernel_python=KERNEL_PYTHON)), meter=caged),
            Server(
                ForkServer(NoBox(kernel_python=KERNEL_PYTHON, wanted_proc=Proc.EMPTY, scratch=Path(folder))),
                meter=bare,
            ),
        ]
        caged_s, bare_s = asyncio.run(measure_pairs(notebook, servers, rounds=rounds))
        how = "" if caged.is_exact else " without its end"
    share = statistics.median(one / other for one, other in zip(caged_s, bare_s, strict=True)) - 1
    against = {"baseline": 1000 * statistics.median(bare_s), "beside": "without a cage"}
    name = f"kernel's processor time{how}, homework 8"
    return [
        Row(name=name, value=1000 * statistics.median(caged_s), unit="ms", **against),
        Row(name="what the cage adds, median of pairs", value=100 * share, unit="%", wanted=100 * WANTED_SHARE),
    ]


class Server:
    """A fork server, and what it and its kernels spend."""

    def __init__(self, server: ForkServer, *, meter: CpuMeter) -> None:
        self._server = server
        self._meter = meter
        self._tree: list[int] = []

    async def start(self) -> None:
        before = processes_below_us()
        await self._server.start()
        self._tree = sorted(processes_below_us() - before)
        for pid in self._tree:
            self._meter.add(pid)

    async def run(self, notebook: Notebook) -> float:
        """Seconds on a processor of one kernel, from the fork to its end."""
        before = self._seconds()
        kernel = Kernel(await self._server.fork(Limits()))
        try:
            await kernel.open()
            await CellSequence(notebook, kernel=kernel, plan=(), limits=Limits()).async_execute()
            spent_s = self._seconds(kernel.host_pid) - before
        finally:
            await kernel.close()
        return self._seconds() - before if self._meter.is_exact else spent_s

    def _seconds(self, *pids: int | None) -> float:
        return self._meter.seconds() if self._meter.is_exact else sum(map(scheduled_s, [*self._tree, *pids]))

    def close(self) -> None:
        self._server.close()


async def measure_pairs(notebook: Notebook, servers: list[Server], *, rounds: int) -> tuple[list[float], ...]:
    try:
        found: tuple[list[float], ...] = tuple([] for _ in servers)
        for server in servers:
            await server.start()
        for number in range(rounds + 1):
            for server, seconds in zip(servers, found, strict=True):
                spent_s = await server.run(notebook)
                if number:  # the first of each fills caches
                    seconds.append(spent_s)
        return found
    finally:
        for server in servers:
            server.close()


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
