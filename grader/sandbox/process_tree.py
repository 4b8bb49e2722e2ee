"""A process and everything below it, as /proc shows them."""

from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def list_processes(pid: int) -> Iterator[int]:
    """The process and all below it; one that ends meanwhile is left out, or listed as what it was."""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        for thread in list_threads(one):
            try:
                children = (_PROC / str(one) / "task" / str(thread) / "children").read_text()
            except OSError:
                continue
            waiting += map(int, children.split())


def list_threads(pid: int) -> tuple[int, ...]:
    """Of one process; none when it has gone."""
    try:
        return tuple(int(entry.name) for entry in (_PROC / str(pid) / "task").iterdir())
    except OSError:
        return ()
