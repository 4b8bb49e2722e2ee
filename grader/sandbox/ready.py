"""Kernels that are forked ahead, so that a notebook finds one waiting."""

import asyncio
from collections import deque

from grader.domain.execution import Limits
from grader.errors import SandboxFailed, SandboxUnavailable
from grader.sandbox.cgroups.groups import Group, Groups
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel_client import Kernel


class ReadyKernels:
    """A few kernels under the limits that were asked for last: assignments come in runs. Used from one asyncio loop."""

    def __init__(self, *, size: int, groups: Groups) -> None:
        """Nothing is forked before the first kernel is asked for.

        Args:
            size: how many wait at most; 0 forks each when it is wanted.
            groups: each kernel is put into one of its own, where this machine has them.
        """
        self._size = size
        self._groups = groups
        self._origin: tuple[ForkServer, Limits] | None = None
        """Where those that wait come from."""
        self._waiting: deque[Kernel] = deque()
        self._filling: asyncio.Task[None] | None = None

    async def take(self, server: ForkServer, *, limits: Limits) -> Kernel:
        """Give a kernel that nobody has used; the caller closes it.

        Raises:
            SandboxUnavailable, SandboxFailed: there is none.
        """
        await server.start()  # one that has died is replaced, and its kernels have gone with it
        origin = (server, limits)
        if origin != self._origin:
            await self.discard()
            self._origin = origin
        while self._waiting:
            kernel = self._waiting.popleft()
            if kernel.outcome is None:
                break
            await kernel.close()
        else:
            kernel = await self._open(server, limits)
        if self._size and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill(server, limits))
        return kernel

    async def discard(self) -> None:
        """End those that wait."""
        self._origin = None
        if self._filling is not None:
            await self._filling  # cancelled in the middle of a question, it would cost the fork server
        while self._waiting:
            await self._waiting.popleft().close()

    async def _fill(self, server: ForkServer, limits: Limits) -> None:
        while len(self._waiting) < self._size and self._origin == (server, limits):
            try:
                self._waiting.append(await self._open(server, limits))
            except (SandboxUnavailable, SandboxFailed):
                return  # whoever asks for a kernel next is told

    async def _open(self, server: ForkServer, limits: Limits) -> Kernel:
        kernel = Kernel(await server.fork(limits))
        try:
            # Linux may wait for milliseconds before it moves a process: as long as it takes to be locked in.
            admitting = asyncio.create_task(asyncio.to_thread(self._admit, kernel.host_pid, limits))
            try:
                await kernel.open()
            finally:
                await asyncio.wait({admitting})
                kernel.group = admitting.result()
        except BaseException:
            await kernel.close()
            raise
        return kernel

    def _admit(self, pid: int | None, limits: Limits) -> Group | None:
        return None if pid is None else self._groups.admit(pid, limits)
