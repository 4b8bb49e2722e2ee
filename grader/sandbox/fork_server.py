"""Starts the fork server in its cage, asks it for kernels, and puts another in its place before or after it ends."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import tempfile
from collections.abc import Callable
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
    environment: EnvironmentHash
    """What it runs in."""
    on_gone: Callable[[], None]
    """To be called once when the process and all below it have ended."""


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """When a fork server is worn out. Nothing in it is known to grow; this bounds what is not known."""

    forks: int = 20_000
    growth_bytes: int = 256 * 1024**2


class ForkServer:
    """One fork server at a time; used from one asyncio loop, in a thread that lives as long as it is needed.

    bubblewrap's --die-with-parent follows the thread that started it, so a thread that ends takes the cage with it.
    A fork server that ends takes its kernels along. So one that is to be replaced while some of them live is retired:
    it forks no more, and ends when the last of them has.
    """

    def __init__(self, box: Box, *, lifetime: Lifetime | None = None) -> None:
        self._box = box
        self._lifetime = lifetime or Lifetime()
        self._running: _Running | None = None
        self._retired: set[_Running] = set()
        self._successor: asyncio.Task[None] | None = None
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
                    fork = await running.fork(limits)
                except asyncio.CancelledError:
                    self._retire()  # its answer is still to come, and the next to ask would take it for theirs
                    raise
                except OSError:
                    self._running = None
                    running.close()
                    continue
                if running.has_outlived(self._lifetime) and (self._successor is None or self._successor.done()):
                    self._successor = asyncio.create_task(self._succeed(running))
                return fork
        raise SandboxFailed(what="the fork server dies when it is asked for a kernel")

    async def renew(self) -> None:
        """Have the next kernel come from a fork server that is started then; those that live go on."""
        async with self._asking:
            self._box = self._box.looked_at_again()
            self._retire()

    def close(self) -> None:
        """End it and every kernel."""
        if self._successor is not None:
            self._successor.cancel()
        for running in (*self._retired, self._running):
            if running is not None:
                running.close()
        self._retired.clear()
        self._running = None

    async def _started(self) -> "_Running":
        if self._running is not None and self._running.process.poll() is not None:
            self._running.close()
            self._running = None
        if self._running is None:
            self._box.check()
            self._running = await _start(self._box)
        return self._running

    async def _succeed(self, worn: "_Running") -> None:
        """Start the next one beside the one that is worn out, which serves until then."""
        try:
            fresh = await _start(self._box)
        except SandboxUnavailable:
            worn.forgive()
            return
        if self._running is worn:
            self._retire()
            self._running = fresh
        else:
            fresh.close()  # it has died or was renewed meanwhile, and has its successor

    def _retire(self) -> None:
        retired, self._running = self._running, None
        if retired is not None:
            self._retired.add(retired)
            retired.retire(on_empty=self._retired.discard)


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
        self._forks = self._kernels = self._held_bytes = 0
        self._first_held_bytes: int | None = None
        self._on_empty: Callable[[_Running], None] | None = None

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
            answer = json.loads(message)
            if not descriptors:
                raise SandboxFailed(what=str(answer["error"]))
        except BaseException:
            ours.close()
            raise
        self._forks += 1
        self._kernels += 1
        self._held_bytes = int(answer["held_bytes"])
        if self._first_held_bytes is None:
            self._first_held_bytes = self._held_bytes
        return Fork(sock=ours, pidfd=descriptors[0], environment=self.environment, on_gone=self._count_gone)

    def has_outlived(self, lifetime: Lifetime) -> bool:
        grown_bytes = self._held_bytes - (self._first_held_bytes or self._held_bytes)
        return self._forks >= lifetime.forks or grown_bytes >= lifetime.growth_bytes

    def forgive(self) -> None:
        """Let it live once more from here on: there is no other."""
        self._forks, self._first_held_bytes = 0, None

    def retire(self, *, on_empty: Callable[["_Running"], None]) -> None:
        """End it with its last kernel."""
        self._on_empty = on_empty
        self._end_if_empty()

    def close(self) -> None:
        self._control.close()  # the fork server ends when its control socket does
        _end(self.process)

    def _count_gone(self) -> None:
        self._kernels -= 1
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._on_empty is not None and self._kernels == 0:
            self.close()
            self._on_empty(self)

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
    proc = await asyncio.to_thread(lambda: box.proc)  # a fraction of a second the first time, and others are running
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
        ready = json.loads(message)
        if box.gpu is not None:
            ready["environment"] |= box.gpu.traits
        running = _Running(process=process, control=ours, ready=ready, proc=proc)
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
