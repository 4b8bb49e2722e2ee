"""Kernels that are forked ahead, so that a notebook finds one waiting."""

import asyncio
from collections import deque

from grader.domain.execution import Limits
from grader.domain.ids import EnvironmentHash
from grader.errors import SandboxFailed, SandboxUnavailable
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel_client import Kernel


class ReadyKernels:
    """A few kernels under the limits that were asked for last: assignments come in runs. Used from one asyncio loop."""

    def __init__(self, server: ForkServer, *, size: int) -> None:
        """Nothing is forked before the first kernel is asked for.

        Args:
            server: where kernels come from.
            size: how many wait at most; 0 forks each when it is wanted.
        """
        self._server = server
        self._size = size
        self._limits: Limits | None = None
        self._waiting: deque[tuple[Kernel, EnvironmentHash]] = deque()
        self._filling: asyncio.Task[None] | None = None

    async def take(self, limits: Limits) -> tuple[Kernel, EnvironmentHash]:
        """Give a kernel that nobody has used, and the environment it was forked in; the caller closes it.

        Raises:
            SandboxUnavailable, SandboxFailed: there is none.
        """
        await self._server.start()  # one that has died is replaced, and its kernels have gone with it
        if limits != self._limits:
            await self.discard()
            self._limits = limits
        while self._waiting:
            kernel, environment = self._waiting.popleft()
            if kernel.outcome is None:
                break
            await kernel.close()
        else:
            kernel, environment = await self._open(limits)
        if self._size and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill(limits))
        return kernel, environment

    async def discard(self) -> None:
        """End those that wait."""
        self._limits = None
        if self._filling is not None:
            await self._filling  # cancelled, it could leave an answer of the fork server's behind for the next to read
        while self._waiting:
            kernel, _ = self._waiting.popleft()
            await kernel.close()

    async def _fill(self, limits: Limits) -> None:
        while len(self._waiting) < self._size and limits == self._limits:
            try:
                self._waiting.append(await self._open(limits))
            except (SandboxUnavailable, SandboxFailed):
                return  # whoever asks for a kernel next is told

    async def _open(self, limits: Limits) -> tuple[Kernel, EnvironmentHash]:
        environment = await self._server.start()
        kernel = Kernel(await self._server.fork(limits))
        try:
            await kernel.open()
        except BaseException:
            await kernel.close()
            raise
        return kernel, environment
