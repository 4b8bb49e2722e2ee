"""The memory watchdog: what a kernel's whole process tree holds, its files in memory counted.

For machines on which no control group bounds it.
"""

import asyncio
import os
from pathlib import Path
from typing import Final

from grader.sandbox.process_tree import list_processes

_PROC = Path("/proc")
_TABLES: Final = "VmPTE:"
"""Page tables: who only looks at every 512th page of a huge empty mapping fills them and nothing else."""
_SOCKET_BYTES: Final = 2 * 212992
"""SO_SNDBUF as large as Linux lets it be unless the machine's owner has changed net.core.wmem_max."""


class Watchdog:
    """Looks how much a kernel's tree holds beyond what it was forked with.

    RLIMIT_DATA bounds each process at once; this bounds their sum, and what is shared between them.
    """

    def __init__(self, pid: int, *, limit_bytes: int, inherited_bytes: int) -> None:
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._inherited_bytes = inherited_bytes

    @classmethod
    async def begin(cls, pid: int, *, limit_bytes: int) -> "Watchdog":
        """Called before the kernel runs anybody's code."""
        return cls(pid, limit_bytes=limit_bytes, inherited_bytes=await asyncio.to_thread(_processes_bytes, pid))

    async def has_run_out(self) -> bool:
        if estimate_tree(self._pid) <= self._limit_bytes:
            return False
        return await asyncio.to_thread(measure_tree, self._pid) - self._inherited_bytes > self._limit_bytes


def estimate_tree(pid: int) -> int:
    """Count what `measure_tree` counts, and never less; shared pages count once for every process.

    Linux keeps these numbers ready, whereas for Pss it walks through every page table: milliseconds, ten times a
    second.
    """
    resident = sum(map(_resident_bytes, list_processes(pid)))
    return resident + _files_bytes(pid) + _sockets_bytes(pid)


def measure_tree(pid: int) -> int:
    """Count the memory of a process and everything below it, the files in its private tmpfs and what its sockets hold.

    Pss and not Rss: every fork shares the fork server's pages, and Rss would count them once per process.
    """
    return _processes_bytes(pid) + _files_bytes(pid) + _sockets_bytes(pid)


def _processes_bytes(pid: int) -> int:
    return sum(_process_bytes(one) for one in list_processes(pid))


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
