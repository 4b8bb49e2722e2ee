"""ipykernel's own kernel and shell, speaking over one inherited socket instead of ZeroMQ.

Cells behave as under Jupyter because it is Jupyter's code that runs them; only the ways in and out are replaced.
"""

import asyncio
import importlib
import io
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace, TracebackType
from typing import Any

import ipykernel.ipkernel
import ipykernel.zmqshell
from IPython.core.error import UsageError
from jupyter_client.session import Session
from tornado.ioloop import IOLoop
from traitlets import Any as AnyTrait
from traitlets.config import Config

from .files import place_files
from .frames import OUTPUT_CUT, FrameWriter, read_request
from .given import give
from .pool import answer_pool
from .probe import answer

SOCKET_FD = 3
_STREAM_CAP_CHARACTERS = 1 << 20
"""Per cell and stream: a courtesy to honest notebooks that print too much; the host has bounds of its own."""
_FLUSH_CHARACTERS = 1 << 16
_FLUSH_S = 0.2
_TIMEIT_OPTIONS = "n:r:"
"""How those of `%timeit` begin; no other magic has them."""
_TRACEBACK_ENDS = 50
"""Frames of an exception that are shown at most, at each end."""


class SocketSession(Session):
    """A Jupyter session whose messages leave through a FrameWriter; silent until it has one."""

    writer: FrameWriter | None = None

    def send(
        self,
        stream: Any,  # noqa: ANN401 - the stock signature: a channel's name stands for its ZeroMQ socket
        msg_or_type: dict[str, Any] | str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        ident: bytes | list[bytes] | None = None,
        buffers: list[Any] | None = None,
        track: bool = False,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send as Session.send does, over the socket; what belongs to ZeroMQ is ignored."""
        if isinstance(msg_or_type, dict):
            message = msg_or_type
        else:
            message = self.msg(msg_or_type, content=content, parent=parent, header=header, metadata=metadata)
        kind = message["header"]["msg_type"]
        if self.writer is not None and not (kind == "execute_input" or kind.startswith("comm_")):
            # The host knows what it sent, and nobody listens to widgets.
            request_id = (message.get("parent_header") or {}).get("msg_id")
            self.writer.send_message(
                {"channel": stream, "type": kind, "parent": request_id, "content": message["content"]}
            )
        return message


class CellStream(io.TextIOBase):
    """What `sys.stdout` or `sys.stderr` is: gathers text into a few messages, up to a cap per cell."""

    def __init__(self, name: str, *, fd: int, publish: Callable[[str, str], None]) -> None:
        self.name = name
        self._fd = fd
        self._publish = publish
        self._owner_pid = os.getpid()
        self._lock = threading.RLock()
        self._pieces: list[str] = []
        self._waiting_characters = 0
        self._sent_characters = 0
        self._gathering_since = 0.0
        self.sibling: CellStream | None = None
        os.register_at_fork(after_in_child=self._forget_inherited)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "UTF-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def start_cell(self, *, owner_pid: int) -> None:
        self._owner_pid = owner_pid
        self._sent_characters = 0

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != self._owner_pid:
            # A process that the student forked: the file behind fd 1 and 2 is read when the cell ends.
            os.write(self._fd, text[:_STREAM_CAP_CHARACTERS].encode("utf-8", "replace"))
            return len(text)
        with self._lock:
            if self.sibling is not None and self.sibling._pieces:
                self.sibling.flush()  # keeps stdout and stderr in the order in which they were written
            self._gather(text)
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._sent_characters += self._waiting_characters
            self._waiting_characters = 0
            if text:
                self._publish(self.name, text)

    def _gather(self, text: str) -> None:
        room = _STREAM_CAP_CHARACTERS - self._sent_characters - self._waiting_characters
        if room <= 0:
            return
        if not self._pieces:
            self._gathering_since = time.monotonic()
        self._pieces.append(text if len(text) <= room else text[:room] + OUTPUT_CUT)
        self._waiting_characters += len(text)
        late = time.monotonic() - self._gathering_since > _FLUSH_S
        if late or self._waiting_characters > _FLUSH_CHARACTERS:
            self.flush()

    def _forget_inherited(self) -> None:
        self._lock = threading.RLock()
        self._pieces, self._waiting_characters = [], 0


class ZMQInteractiveShell(ipykernel.zmqshell.ZMQInteractiveShell):  # type: ignore[misc]
    """IPython's shell for kernels, under the name by which libraries recognise a notebook."""

    _transformed: tuple[str | None, str] = (None, "")

    def transform_cell(self, raw_cell: str) -> str:
        """Transform a cell once: the kernel does it to learn who is to run it, and the shell would do it again."""
        source, transformed = self._transformed
        self._transformed = (None, "")
        if raw_cell is source:
            return transformed
        transformed = str(super().transform_cell(raw_cell))
        self._transformed = (raw_cell, transformed)
        return transformed

    def ask_exit(self) -> None:
        """Let `exit()` end its cell as `sys.exit()` does; the stock one stops the kernel's event loop."""
        raise SystemExit

    def enable_gui(self, gui: str | None = None) -> None:
        """Accept what `%matplotlib inline` asks for; there is no window system here."""
        if gui not in (None, "inline", "agg"):
            raise UsageError(f"no GUI here: {gui!r}")

    def _get_exc_info(self, exc_tuple: Any = None) -> Any:  # noqa: ANN401 - the stock signature
        """Leave out the middle of an endless recursion, which takes IPython ten seconds and more to describe."""
        kind, error, trace = super()._get_exc_info(exc_tuple)
        return kind, error, _without_middle(trace)


class SocketKernel(ipykernel.ipkernel.IPythonKernel):  # type: ignore[misc]
    """IPython's kernel without its channels and threads."""

    shell_class = AnyTrait(ZMQInteractiveShell)
    _execute_sleep = 0.0

    def prepare(self) -> None:
        """Take over standard output; done once, in the fork server."""
        self.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        self.shell.displayhook.get_execution_count = lambda: self.execution_count
        self._own_stdout = CellStream("stdout", fd=1, publish=self._publish_stream)
        self._own_stderr = CellStream("stderr", fd=2, publish=self._publish_stream)
        self._own_stdout.sibling, self._own_stderr.sibling = self._own_stderr, self._own_stdout
        sys.stdout, sys.stderr = self._own_stdout, self._own_stderr
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._probes: list[tuple[dict[str, Any], list[bytes]]] = []
        self._is_pool = self._is_last = False

    async def handle(self, request: dict[str, Any], buffers: list[list[bytes]]) -> None:
        """Run one request: a cell, its probes, probes alone, what is given; ends with a reply and status idle."""
        parent = _as_parent(request)
        self.set_parent(b"", parent, "shell")
        for stream in (self._own_stdout, self._own_stderr):
            stream.start_cell(owner_pid=os.getpid())
        self._probes = [(one["request"], raw) for one, raw in zip(request["probes"], buffers, strict=True)]
        self._is_pool, self._is_last = request.get("is_pool", False), request.get("is_last", False)
        if request["code"] is None:
            has_worked = "given" not in request or give(self.shell, request["given"])
            self._answer_probes()
            reply = {"status": "ok", "execution_count": None} if has_worked else _failed("NotGiven", 0)
            self.session.send("shell", "execute_reply", reply, parent)
        else:
            await self.execute_request("shell", b"", parent)
        self._publish_status("idle", "shell", parent)

    async def do_execute(self, code: str, silent: bool, **options: object) -> dict[str, Any]:
        """Run a cell as IPython does, interruptible; then answer the probes, before the reply is sent."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            try:
                reply: dict[str, Any] = await super().do_execute(code, silent, **options)
            finally:
                # An interrupt that comes too late must hit neither the probes nor the machinery around them.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            reply = _failed("KeyboardInterrupt", self.shell.execution_count - 1)
        except Exception as error:  # noqa: BLE001 - what the student's own objects raise while they are described
            reply = _failed(type(error).__name__, self.shell.execution_count - 1)
        self._settle_streams()
        self._answer_probes()
        return reply

    def _answer_probes(self) -> None:
        writer = self.session.writer
        if writer is None:
            return
        writer.send_message({"channel": "own", "type": "cell_done", "parent": self._request_id(), "content": {}})
        if self._is_pool:
            replies = answer_pool(self.shell, self._probes)
        else:
            last = self._is_last
            replies = (answer(self.shell, request, buffers, is_last=last) for request, buffers in self._probes)
        for reply in replies:
            writer.send_reply(reply)

    def _settle_streams(self) -> None:
        """Send what is left of the cell's output, also if the student replaced or closed sys.stdout."""
        for name, own in (("stdout", self._own_stdout), ("stderr", self._own_stderr)):
            try:
                getattr(sys, name).flush()
            except Exception:  # noqa: BLE001 - whatever object the student has put there
                setattr(sys, name, own)
        self._own_stdout.write(_take_written_to_fds())
        self._own_stdout.flush()
        self._own_stderr.flush()

    def _publish_stream(self, name: str, text: str) -> None:
        self.session.send("iopub", "stream", {"name": name, "text": text}, self.get_parent("shell"))

    def _request_id(self) -> str:
        return str(self.get_parent("shell")["header"]["msg_id"])

    @contextmanager
    def _cancel_on_sigint(self, future: "asyncio.Future[Any]") -> Iterator[None]:
        """Cancel an awaiting cell at an interrupt; the stock one does not wake a loop in which nothing else happens."""
        loop = asyncio.get_running_loop()
        previous = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(future.cancel))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Nothing waits behind a failed cell: the host sends one request at a time."""


def build_kernel() -> SocketKernel:
    """Make the kernel object that every fork carries; silent until `serve` gives it a socket."""
    config = Config()
    config.HistoryManager.enabled = False  # its thread and its SQLite file would not survive the fork
    config.IPCompleter.use_jedi = False
    config.InlineBackend.close_figures = True
    # Colouring a traceback takes 20 ms a frame, and who shows it later has to take escape sequences out anyway.
    config.InteractiveShell.colors = "nocolor"
    kernel: SocketKernel = SocketKernel.instance(
        session=SocketSession(key=b"", username="", check_pid=False),
        iopub_socket="iopub",
        config=config,
        log=logging.getLogger("kernel"),
    )
    kernel.prepare()
    _measure_once(kernel.shell.magics_manager.registry["ExecutionMagics"])
    return kernel


def _measure_once(magics: Any) -> None:  # noqa: ANN401 - IPython's, which has no types
    """Let `%timeit` run its code once, unless it is told how often.

    Ten seconds of every lecture's notebook would go into a number that is never the same twice and never counts.
    """
    parse = magics.parse_options

    def parse_options(arg_str: str, opt_str: str, *long_opts: str, **how: object) -> Any:  # noqa: ANN401 - the stock signature
        options, rest = parse(arg_str, opt_str, *long_opts, **how)
        if opt_str.startswith(_TIMEIT_OPTIONS):
            for name in "nr":
                options.setdefault(name, "1")
        return options, rest

    magics.parse_options = parse_options


def warm_up(kernel: SocketKernel, cells: tuple[str, ...]) -> None:
    """Run our own cells before any fork, so that forks find modules imported and caches filled; then forget them."""

    async def run_all() -> None:
        kernel._main_asyncio_lock = asyncio.Lock()
        kernel.io_loop = IOLoop.current()
        for code in cells:
            await kernel.handle({"id": "warm-up", "code": code, "probes": [], "files": []}, [])

    asyncio.run(run_all())
    shell = kernel.shell
    shell.reset(new_session=True)
    shell.execution_count = 1
    shell.user_ns_hidden.clear()
    shell.init_user_ns()
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)


def serve(kernel: SocketKernel, sock: socket.socket) -> None:
    """Say that the kernel is ready and run requests until the host hangs up. Student code runs in here."""
    kernel.session.writer = FrameWriter(sock)
    kernel.shell.execution_count = 1
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve_requests(kernel, sock))


async def _serve_requests(kernel: SocketKernel, sock: socket.socket) -> None:
    kernel._main_asyncio_lock = asyncio.Lock()
    stream = io.BufferedReader(socket.SocketIO(sock, "r"), 1 << 16)
    kernel.session.writer.send_message({"channel": "own", "type": "ready", "parent": None, "content": {}})
    await _until_readable(sock)
    kernel.io_loop = IOLoop.current()  # not before: what a kernel touches while it waits is copied for nothing
    while True:
        incoming = read_request(stream)
        if incoming is None:
            os._exit(0)
        request, buffers = incoming
        if request["files"]:
            place_files(request["files"], stream)
        await kernel.handle(request, buffers)
        await _until_readable(sock)


async def _until_readable(sock: socket.socket) -> None:
    """Wait for a request; tasks that a cell left behind go on meanwhile, as in Jupyter."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sock.fileno(), readable.set)
    await readable.wait()
    loop.remove_reader(sock.fileno())


def _without_middle(trace: TracebackType | None) -> TracebackType | None:
    entries: list[TracebackType] = []
    entry = trace
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    if len(entries) > 2 * _TRACEBACK_ENDS:
        entries[_TRACEBACK_ENDS - 1].tb_next = entries[-_TRACEBACK_ENDS]
    return trace


def _as_parent(request: dict[str, Any]) -> dict[str, Any]:
    content = {
        "code": request["code"],
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,  # input() raises at once instead of waiting for nobody
        "stop_on_error": False,
    }
    header = {"msg_id": request["id"], "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"}
    header["date"] = ""
    return {"header": header, "msg_id": request["id"], "parent_header": {}, "metadata": {}, "content": content}


def _failed(name: str, execution_count: int) -> dict[str, Any]:
    """Make the reply of a cell that ended outside the student's own code."""
    return {"status": "error", "ename": name, "evalue": "", "traceback": [], "execution_count": execution_count}


def _take_written_to_fds() -> str:
    """Read and empty the file behind fd 1 and 2."""
    try:
        written_bytes = os.fstat(1).st_size
        text = os.pread(1, min(written_bytes, 2 * _STREAM_CAP_CHARACTERS), 0).decode("utf-8", "replace")
        if written_bytes:
            os.ftruncate(1, 0)
    except OSError:  # the student closed or redirected them
        return ""
    return text


def restore_child_signals() -> None:
    """Undo what the fork server set for itself; SIGINT stays ignored between cells."""
    c_signal = importlib.import_module("_signal")  # what signal puts around it would be copied for each kernel
    c_signal.signal(c_signal.SIGINT, c_signal.SIG_IGN)
    c_signal.signal(c_signal.SIGCHLD, c_signal.SIG_DFL)
