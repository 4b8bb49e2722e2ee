"""Keeps a kernel within its memory and its share of the processor while it runs."""

import asyncio
from typing import Final

from grader.domain.execution import Limits, Outcome
from grader.errors import SandboxFailed
from grader.sandbox.kernel_client import Kernel
from grader.sandbox.memory import Watchdog
from grader.sandbox.shares import share_evenly

_PERIOD_S: Final = 0.1


async def watch(kernel: Kernel, *, limits: Limits) -> None:
    """Kill the kernel when it has run out of memory; returns when it is gone.

    What a control group does for us is only looked at.
    """
    pid, group = kernel.host_pid, kernel.group
    if pid is None:
        return
    bounded = group if group is not None and group.bounds_memory else None
    watchdog = None if bounded else await Watchdog.begin(pid, limit_bytes=limits.memory_bytes)
    while kernel.outcome is None:
        await asyncio.sleep(_PERIOD_S)
        if kernel.host_pid is None:
            return
        if group is None or not group.shares_processor:
            share_evenly(pid)
        if kernel.has_run_out() if watchdog is None else await watchdog.has_run_out():
            kernel.kill(Outcome.OUT_OF_MEMORY)


async def stop_watching(watching: asyncio.Task[None]) -> None:
    """Raises SandboxFailed where it broke off: an execution that nobody watched is not worth anything."""
    watching.cancel()
    try:
        await watching
    except asyncio.CancelledError:
        return
    except OSError as error:
        raise SandboxFailed(what=f"the memory of a kernel could not be watched: {error}") from error
