"""The memory watchdog: what a kernel's whole process tree holds, its files in memory counted."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from grader.domain.execution import Outcome
from grader.sandbox.kernel_client import Kernel

_PERIOD_S: Final = 0.1
_PROC = Path("/proc")
_TABLES: Final = "VmPTE:"
"""Page tables: who only looks at every 512th page of a huge empty mapping fills them and nothing else."""
_SOCKET_BYTES: Final = 2 * 212992
"""SO_SNDBUF as large as Linux lets it be unless the machine's owner has changed net.core.wmem_max."""


async def watch_memory(kernel: Kernel, *, limit_bytes: int) -> None:
    """Kill the kernel when its tree holds more than the limit; returns when the kernel is gone.

    RLIMIT_DATA bounds each process at once; this bounds their sum, and what is shared between them.
    """
    loop = asyncio.get_running_loop()
    pid = kernel.host_pid
    if pid is None:
        return
    inherited_bytes = await loop.run_in_executor(None, _processes_bytes, pid)
    while kernel.outcome is None:
        await asyncio.sleep(_PERIOD_S)
        if kernel.host_pid is None:
            return
        if estimate_tree(pid) <= limit_bytes:
            continue
        held_bytes = await loop.run_in_executor(None, measure_tree, pid) - inherited_bytes
        if held_bytes > limit_bytes:
            kernel.kill(Outcome.OUT_OF_MEMORY)


def estimate_tree(pid: int) -> int:
    """Count what `measure_tree` counts, and never less; shared pages count once for every process.

    Linux keeps these numbers ready, whereas for Pss it walks through every page table: milliseconds, ten times a
    second.
    """
    resident = sum(map(_resident_bytes, _tree(pid)))
    return resident + _files_bytes(pid) + _sockets_bytes(pid)


def measure_tree(pid: int) -> int:
    """Count the memory of a process and everything below it, the files in its private tmpfs and what its sockets hold.

    Pss and not Rss: every fork shares the fork server's pages, and Rss would count them once per process.
    """
    return _processes_bytes(pid) + _files_bytes(pid) + _sockets_bytes(pid)


def _processes_bytes(pid: int) -> int:
    return sum(_process_bytes(one) for one in _tree(pid))


def _tree(pid: int) -> Iterator[int]:
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        try:
            tasks = list((_PROC / str(one) / "task").iterdir())
            for task in tasks:
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it ended while we looked


def _process_bytes(pid: int) -> int:
    return _sum_lines(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) + _sum_lines(pid, "status", (_TABLES,))


def _resident_bytes(pid: int) -> int:
    return _sum_lines(pid, "status", ("RssAnon:", "RssShmem:", _TABLES))


def _sum_lines(pid: int, file: str, counted: tuple[str, ...]) -> int:
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(counted))


def _files_bytes(pid: int) -> int:
    """/work, /tmp and /dev/shm of a kernel are one tmpfs."""
    try:
        place = os.statvfs(_PROC / str(pid) / "root" / "work")
    except OSError:
        return 0
    return (place.f_blocks - place.f_bfree) * place.f_frsize


def _sockets_bytes(pid: int) -> int:
    """What has been sent and not received yet, at most: Linux counts it nowhere that we could read."""
    try:
        with (_PROC / str(pid) / "net" / "unix").open("rb") as lines:
            return (sum(1 for _ in lines) - 1) * _SOCKET_BYTES
    except OSError:
        return 0
