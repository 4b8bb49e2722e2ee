"""Starts the fork server in its cage, asks it for kernels and replaces it when it has died."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, Any

from grader.domain.execution import Limits
from grader.domain.ids import EnvironmentHash
from grader.errors import SandboxFailed, SandboxUnavailable
from grader.sandbox.box import Box, Proc, explain_failure, outer_environment
from grader.sandbox.environment import hash_environment

START_S = 180.0
"""torch and matplotlib from a cold disk on a busy machine; usually two to six seconds."""
_ANSWER_S = 30.0
_STDERR_BYTES = 8000
_CPU_RESERVE_S = 10
"""A backstop behind the wall limits: a kernel may burn every core for its whole time, and no longer."""


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A kernel that was just forked: the host's end of its socket, and a descriptor of its process."""

    sock: socket.socket
    pidfd: int


class ForkServer:
    """One fork server at a time; used from one asyncio loop, in a thread that lives as long as it is needed.

    bubblewrap's --die-with-parent follows the thread that started it, so a thread that ends takes the cage with it.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._running: _Running | None = None
        self._asking = asyncio.Lock()

    async def start(self) -> EnvironmentHash:
        """Start it unless it runs already; gives the hash of what kernels run in.

        Raises:
            SandboxUnavailable: no kernel can run on this machine.
        """
        async with self._asking:
            return (await self._started()).environment

    async def fork(self, limits: Limits) -> Fork:
        """Ask for a kernel under these limits; a fork server that has died is replaced once.

        Raises:
            SandboxUnavailable, SandboxFailed: there is none.
        """
        async with self._asking:  # one question at a time on the control socket, and one start
            for _ in range(2):
                running = await self._started()
                try:
                    return await running.fork(limits)
                except OSError:
                    self.close()
        raise SandboxFailed(what="the fork server dies when it is asked for a kernel")

    async def _started(self) -> "_Running":
        if self._running is not None and self._running.process.poll() is not None:
            self.close()
        if self._running is None:
            self._box.check()
            self._running = await _start(self._box)
        return self._running

    def close(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None


class _Running:
    """A fork server that has answered."""

    def __init__(
        self, *, process: subprocess.Popen[bytes], control: socket.socket, ready: dict[str, Any], proc: Proc
    ) -> None:
        self.process = process
        self.environment = hash_environment(ready["environment"])
        self._control = control
        self._data_bytes = int(ready["data_bytes"])
        self._proc = proc

    async def fork(self, limits: Limits) -> Fork:
        """Raises OSError when the fork server has gone, SandboxFailed when it cannot fork."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [json.dumps(self._bounds(limits)).encode()], [theirs.fileno()])
            await _wait_readable(self._control, _ANSWER_S)
            message, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
            if not message:
                raise BrokenPipeError("the fork server hung up")
            if not descriptors:
                raise SandboxFailed(what=str(json.loads(message)["error"]))
        except BaseException:
            ours.close()
            raise
        return Fork(sock=ours, pidfd=descriptors[0])

    def close(self) -> None:
        self._control.close()  # the fork server ends when its control socket does
        _end(self.process)

    def _bounds(self, limits: Limits) -> dict[str, int]:
        return {
            "own_proc": int(self._proc is Proc.OWN),
            "data_bytes": self._data_bytes + limits.memory_bytes,
            "files_bytes": limits.memory_bytes // 4,
            "processes": limits.processes,
            "cpu_s": int(limits.total_s * (os.cpu_count() or 1)) + _CPU_RESERVE_S,
        }


async def _start(box: Box) -> _Running:
    _allow_many_descriptors()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tempfile.TemporaryFile() as stderr, contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        with theirs:
            process = subprocess.Popen(
                box.command(control_fd=theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                cwd="/",
                env=outer_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for us to handle, not for the cage
            )
        undo.callback(_end, process)
        try:
            await _wait_readable(ours, START_S)
            message = ours.recv(1 << 20)
        except OSError as error:
            raise SandboxUnavailable(what=explain_failure(_tail(stderr))) from error
        if not message:
            process.wait(START_S)
            raise SandboxUnavailable(what=explain_failure(_tail(stderr)))
        running = _Running(process=process, control=ours, ready=json.loads(message), proc=box.proc)
        undo.pop_all()
    return running


def _allow_many_descriptors() -> None:
    """Raise our own limit, and so the fork server's, to what this process may have.

    Linux counts the descriptors that are on their way through sockets for all processes of a user together, and lets
    nobody send another whose own limit is below: kernels could keep us and the fork server from sending ours.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _wait_readable(sock: socket.socket, timeout_s: float) -> None:
    """Wait without blocking the loop; raises TimeoutError (an OSError) when nothing comes."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock.fileno(), readable.set)
    try:
        async with asyncio.timeout(timeout_s):
            await readable.wait()
    finally:
        loop.remove_reader(sock.fileno())


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the outermost process: --die-with-parent takes everything below it along."""
    process.kill()
    process.wait()


def _tail(file: IO[bytes]) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - _STDERR_BYTES))
    return file.read().decode("utf-8", "replace")
