"""One single-use kernel, as the manager and the client that nbclient drives.

One inherited socket is the only way in and out. Whatever arrives on it is hostile: frames are bounded before they are
read, checked before they are believed, and a kernel that breaks the protocol is killed.
"""

import asyncio
import contextlib
import json
import os
import queue
import secrets
import signal
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nbclient.exceptions import DeadKernelError

from grader.domain.execution import Given, Outcome
from grader.domain.probe import Probe
from grader.domain.values import Reply
from grader.errors import BadWireBytes, SandboxFailed
from grader.sandbox import wire
from grader.sandbox.cgroups.groups import Group
from grader.sandbox.fork_server import Fork
from grader.sandbox.messages import FRAME_MAX_BYTES, Message, ProtocolError, parse_message

READY_S: Final = 30.0
_GONE_S: Final = 10.0
_MESSAGES_MAX_BYTES: Final = 32 * 1024**2
_MESSAGES_MAX: Final = 20_000
_REPLIES_MAX_BYTES: Final = 96 * 1024**2
_DISPLAY_IDS_MAX: Final = 256
"""nbclient walks over all of them for each update."""
_HEADER: Final = struct.Struct("<cI")
_REPLY_FRAME, _MESSAGE_FRAME, _FAILURE_FRAME = b"R", b"J", b"X"
_LANGUAGE: Final = {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"}


class _Request:
    """What was sent last, and what has come back for it."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        # Unguessable: a reply for a cell that was not sent yet cannot be forged.
        self.request_id = secrets.token_hex(12)
        self.unanswered = [probe.key for probe in probes]
        self.probes_s = 0.0
        self.is_cell_done = False
        self.reply: dict[str, Any] | None = None


class Kernel:
    """A kernel from its fork to its death. Fits what nbclient calls `km` and `kc`."""

    allow_stdin = False
    has_kernel = True
    ipykernel = False

    def __init__(self, fork: Fork) -> None:
        self._pidfd = fork.pidfd
        self._socket = fork.sock
        self._on_gone = fork.on_gone
        self.environment = fork.environment
        self.group: Group | None = None
        """What bounds its processes together; None where this machine has no groups for us."""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request: _Request | None = None
        self._waiting_probes: Sequence[Probe] = ()
        self._is_pool = False
        self._message_bytes = self._messages = self._reply_bytes = 0
        self._display_ids: set[str] = set()
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.shell_channel = _Channel()
        self.iopub_channel = _Channel()
        self.replies: dict[str, Reply] = {}
        """Answers to probes, by key; a later answer takes an earlier one's place."""
        self.outcome: Outcome | None = None
        """Why the kernel is gone; None while it lives."""
        self.on_cell_done: Callable[[float], None] = _ignore
        """Called when a request's cell has ended, with the seconds its probes may take."""

    async def open(self) -> None:
        """Wait until the kernel is locked in and waits for cells.

        Raises:
            SandboxFailed: it never came so far.
        """
        self._socket.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=self._socket, limit=1 << 18)
        self._reading = asyncio.create_task(self._read_frames(reader))
        try:
            async with asyncio.timeout(READY_S):
                await self._ready
        except TimeoutError as error:
            raise SandboxFailed(what="the kernel was not ready in time") from error

    @property
    def last_reply(self) -> dict[str, Any]:
        """Content of the reply to the last request, checked. Raises DeadKernelError when there was none."""
        if self._request is None or self._request.reply is None:
            raise DeadKernelError("no reply")
        return self._request.reply

    @property
    def host_pid(self) -> int | None:
        """The kernel's process number outside; None when it has gone."""
        if self._pidfd < 0:
            return None
        with open(f"/proc/self/fdinfo/{self._pidfd}", encoding="ascii") as lines:  # noqa: PTH123 - not a file
            pid = next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
        return pid if pid > 0 else None

    def attach(self, probes: Sequence[Probe], *, is_pool: bool = False) -> None:
        """Ask these at the end of the next cell; a pool's may be answered together."""
        self._waiting_probes, self._is_pool = probes, is_pool

    async def ask(self, probes: Sequence[Probe], *, is_pool: bool = False) -> None:
        """Ask probes without a cell. Raises DeadKernelError."""
        self.attach(probes, is_pool=is_pool)
        await self._answered(self._send(code=None))

    async def ask_last(self, probe: Probe) -> None:
        """Ask what may leave the kernel in any state, or end it. Raises DeadKernelError."""
        self.attach([probe])
        await self._answered(self._send(code=None, is_last=True))

    async def place(self, files: Mapping[str, bytes]) -> None:
        """Put files into the kernel's working folder; asked before the first cell.

        Raises:
            SandboxFailed: they are not there.
        """
        request_id = self._send(code=None, files=files)
        try:
            async with asyncio.timeout(READY_S):
                await self._answered(request_id)
        except (DeadKernelError, TimeoutError) as error:
            raise SandboxFailed(what="the data files could not be put into a kernel") from error

    async def give(self, given: Given) -> bool:
        """Put the reference's values into the student's namespace; False where the kernel could not.

        Raises:
            DeadKernelError: it has gone, perhaps because of this.
        """
        await self._answered(self._send(code=None, given=given))
        return bool(self.last_reply["status"] == "ok")

    def has_run_out(self) -> bool:
        """Whether its group had no memory left for one of its processes, which Linux then ended.

        Raises:
            SandboxFailed: the group does not say.
        """
        try:
            return self.group is not None and self.group.has_run_out()
        except OSError as error:
            raise SandboxFailed(what=f"the memory of a kernel could not be watched: {error}") from error

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def kill(self, outcome: Outcome) -> None:
        """End it now; `outcome` holds unless another reason came first."""
        self._signal(signal.SIGKILL)
        self._mark_dead(outcome)

    async def close(self) -> None:
        """Kill it and wait until everything in its process tree is gone."""
        if self._pidfd < 0:
            return
        self.kill(Outcome.COMPLETED)
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        await self._wait_gone()
        if self._writer is not None:
            self._writer.close()
        self._socket.close()
        os.close(self._pidfd)
        self._pidfd = -1
        if self.group is not None:
            self.group.release()
        self._on_gone()

    async def _wait_gone(self) -> None:
        # Readable when process 1 of the namespace has gone, and with it everything below.
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, gone.set)
        try:
            async with asyncio.timeout(_GONE_S):
                await gone.wait()
        except TimeoutError as error:
            raise SandboxFailed(what="a killed kernel did not end") from error
        finally:
            loop.remove_reader(self._pidfd)

    # --- sending ---------------------------------------------------------------------------------------------------

    async def _answered(self, request_id: str) -> None:
        while True:
            message = await self.shell_channel.get_msg()
            if message["parent_header"]["msg_id"] == request_id:
                return

    def _send(
        self,
        *,
        code: str | None,
        files: Mapping[str, bytes] | None = None,
        given: Given | None = None,
        is_last: bool = False,
    ) -> str:
        probes, self._waiting_probes = self._waiting_probes, ()
        request = self._request = _Request(probes)
        asked, raw = [], bytearray()
        for probe in probes:
            question, buffers = wire.request(probe)
            request.probes_s += float(str(question["seconds"]))
            asked.append({"request": question, "buffers": [len(buffer) for buffer in buffers]})
            raw += b"".join(buffers)
        listed = [{"path": path, "bytes": len(data)} for path, data in (files or {}).items()]
        content: dict[str, Any] = {"id": request.request_id, "code": code, "probes": asked, "files": listed}
        content |= {"is_pool": self._is_pool, "is_last": is_last}
        if given is not None:
            content["given"] = {"source": given.source, "names": given.names, "seconds": given.seconds}
        header = json.dumps(content).encode("utf-8", "replace")
        if self._writer is not None and self.outcome is None:
            self._writer.write(struct.pack("<I", len(header)) + header + bytes(raw))
            for data in (files or {}).values():
                self._writer.write(data)
        return request.request_id

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    # --- receiving -------------------------------------------------------------------------------------------------

    async def _read_frames(self, reader: asyncio.StreamReader) -> None:
        try:
            while self.outcome is None:
                kind, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                if kind == _MESSAGE_FRAME:
                    await self._receive_message(reader, length)
                elif kind == _REPLY_FRAME:
                    await self._receive_reply(reader, length)
                elif kind == _FAILURE_FRAME and not self._ready.done():
                    report = await reader.read(4000)
                    self._ready.set_exception(SandboxFailed(what=report.decode("utf-8", "replace")[-500:]))
                else:
                    raise ProtocolError("unknown kind of frame")
        except (ProtocolError, BadWireBytes):
            self.kill(Outcome.DIED)
        except (asyncio.IncompleteReadError, ConnectionError):
            with contextlib.suppress(SandboxFailed):
                if self.has_run_out():
                    self.kill(Outcome.OUT_OF_MEMORY)
            self.kill(Outcome.DIED)

    async def _receive_message(self, reader: asyncio.StreamReader, length: int) -> None:
        self._messages += 1
        self._message_bytes += length
        too_long = length > FRAME_MAX_BYTES or self._message_bytes > _MESSAGES_MAX_BYTES
        if too_long or self._messages > _MESSAGES_MAX:
            self.kill(Outcome.OUTPUT_LIMIT)
            return
        message = parse_message(await reader.readexactly(length))
        if message is not None:
            self._dispatch(message)

    async def _receive_reply(self, reader: asyncio.StreamReader, length: int) -> None:
        self._reply_bytes += length
        request = self._request
        if request is None or not request.is_cell_done or not request.unanswered:
            raise ProtocolError("an answer that nobody asked for")
        if length > wire.FRAME_MAX_BYTES or self._reply_bytes > _REPLIES_MAX_BYTES:
            self.kill(Outcome.OUTPUT_LIMIT)
            return
        key, reply = wire.read_reply(await reader.readexactly(length))
        if key not in request.unanswered:
            raise ProtocolError("an answer to another question")
        request.unanswered.remove(key)
        self.replies[key] = reply

    def _dispatch(self, message: Message) -> None:
        request = self._request
        if message.kind == "ready":
            if not self._ready.done():
                self._ready.set_result(None)
        elif message.kind == "execute_reply":
            if request is None or message.parent != request.request_id or request.reply is not None:
                raise ProtocolError("a reply to no request")  # forged for a cell still to come
            request.reply = message.content
            self.shell_channel.put(message)
        elif request is None or message.parent != request.request_id:
            return  # a thread that an earlier cell left behind still prints
        elif message.kind == "cell_done":
            if not request.is_cell_done:
                request.is_cell_done = True
                self.on_cell_done(request.probes_s)
        else:
            self._bound_display_ids(message)
            self.iopub_channel.put(message)

    def _bound_display_ids(self, message: Message) -> None:
        transient = message.content.get("transient")
        if transient is not None:
            self._display_ids.add(transient["display_id"])
            if len(self._display_ids) > _DISPLAY_IDS_MAX:
                self._display_ids.discard(transient["display_id"])
                del message.content["transient"]

    def _mark_dead(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        if not self._ready.done():
            self._ready.set_exception(SandboxFailed(what="the kernel ended before it was ready"))
        if self._request is not None:
            # nbclient waits for idle in a task of its own, which must end too.
            idle = {"execution_state": "idle"}
            self.iopub_channel.put(Message(kind="status", parent=self._request.request_id, content=idle))
        self.shell_channel.close()

    # --- what nbclient calls on its kernel manager and kernel client --------------------------------------------------

    def client(self) -> "Kernel":
        return self

    def execute(self, code: str, **options: object) -> str:
        """Send a cell, with the probes that were attached; gives the request's id."""
        return self._send(code=code.encode("utf-8", "replace").decode("utf-8"))  # Python refuses lone surrogates

    def kernel_info(self) -> str:
        content = {"status": "ok", "language_info": dict(_LANGUAGE)}
        self.shell_channel.put(Message(kind="kernel_info_reply", parent="info", content=content))
        return "info"

    async def is_alive(self) -> bool:
        return self.outcome is None

    async def interrupt_kernel(self) -> None:
        self.interrupt()

    def start_channels(self) -> None:
        """The socket is open already."""

    def stop_channels(self) -> None:
        """`close` does it."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """`open` has waited."""

    async def shutdown_kernel(self, **options: object) -> None:
        """`close` does it."""

    async def cleanup_resources(self, **options: object) -> None:
        """`close` does it."""


class _Channel:
    """Messages on their way to nbclient."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False

    def put(self, message: Message) -> None:
        self._messages.append(message)
        self._changed.set()

    def close(self) -> None:
        self._is_closed = True
        self._changed.set()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """Give the next message; raises queue.Empty after `timeout`, DeadKernelError when nothing can come any more."""
        try:
            async with asyncio.timeout(timeout):
                while not self._messages:
                    if self._is_closed:
                        raise DeadKernelError("the kernel is gone")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise queue.Empty from None
        return self._messages.popleft().as_jupyter()


def _ignore(_seconds: float) -> None:
    """Nobody listens yet."""
