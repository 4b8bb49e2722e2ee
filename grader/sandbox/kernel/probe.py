"""Answers one probe inside the student's kernel: named values, or hidden calls of a function, as plain bytes.

Nothing here is trusted by the host: a student can change all of it, and gains nothing, because what comes out is
compared outside with values that were never inside. The care taken is for the honest student: asking must not change
a later answer, print, raise or hang.
"""

import builtins
import os
import select
import signal
import struct
import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, TracebackType
from typing import Any

import torch

from .deadline import Deadline, Expired
from .live_values import Describer, InputBuilder, as_leaves, opaque, to_json, torch_tensor
from .quiet import Undisturbed
from .replay import Screen, replay_bent, values_of
from .shift import replay_shifted
from .side_effects import code_objects, may_leave_traces

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, so that later changes to these modules do not reach the probe.
_callable = callable
_fork, _exit, _pipe, _read, _write, _close = os.fork, os._exit, os.pipe, os.read, os.write, os.close
_setsid, _dup2, _open, _kill, _killpg, _waitpid = os.setsid, os.dup2, os.open, os.kill, os.killpg, os.waitpid
_O_RDWR, _DEVNULL, _SIGKILL = os.O_RDWR, os.devnull, signal.SIGKILL
_poll, _POLLIN = select.poll, select.POLLIN
_set_num_threads = torch.set_num_threads
_is_cuda_initialized: Callable[[], bool] = torch.cuda.is_initialized
_autograd_grad = torch.autograd.grad
_sum = torch.Tensor.sum
_requires_grad: Any = vars(torch._C.TensorBase)["requires_grad"].__get__
_mro: Any = type.__dict__["__mro__"].__get__
_traceback: Any = vars(BaseException)["__traceback__"].__get__

_REPLAYS = ("replay", "shift")
_HEADER = struct.Struct(">I")
_PIECE = struct.Struct(">II")
_BUILT_IN_ERRORS = {
    id(kind): name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}

Piece = tuple[bytes, bytes]
"""Header text and body of one name or one call."""


def answer(shell: Any, request: dict[str, Any], buffers: list[bytes]) -> bytes:  # noqa: ANN401 - IPython's, or a fake
    """Give one frame for `sandbox.wire.read_reply`; never raises, never takes longer than the request allows.

    Args:
        shell: the kernel's InteractiveShell; only `user_ns` and `display_pub` are used.
        request: the JSON object that `sandbox.wire.request` made for one probe.
        buffers: the raw bytes of the hidden inputs, as it made them.
    """
    try:
        with Undisturbed(shell), Deadline(request["seconds"]) as deadline:
            describer = Describer(request["limits"])
            if request["is"] == "names":
                return _names(shell.user_ns, request, describer, deadline)
            if request["is"] in _REPLAYS:
                return _Replay(request, describer, deadline).answer(shell)
            return _Calls(request, buffers, describer, deadline).answer(shell.user_ns)
    except BaseException:  # noqa: BLE001 - the reply says unreadable, and the cell's own reply must still go out
        return _unreadable(request)


def _unreadable(request: dict[str, Any]) -> bytes:
    if request["is"] in _REPLAYS:
        return _names_frame(request["key"], [])
    if request["is"] == "names":
        pieces = [(to_json([name, opaque("object", "unreadable")]), b"") for name in request["names"]]
        return _names_frame(request["key"], pieces)
    return _calls_frame(request["key"], request["names"][0], [], timed_out=True)


def _names(namespace: dict[str, Any], request: dict[str, Any], describer: Describer, deadline: Deadline) -> bytes:
    pieces: list[Piece] = []
    for name in request["names"]:
        if dict.__contains__(namespace, name):
            try:
                pieces.append(deadline.run(describer.name_piece, name, dict.__getitem__(namespace, name)))
            except Expired:
                pieces.append((to_json([name, opaque("object", "unreadable")]), b""))
    return _names_frame(request["key"], pieces)


def _names_frame(key: str, pieces: list[Piece]) -> bytes:
    return _frame(key, b'{"is":"names","values":[', pieces, b"]}")


def _calls_frame(key: str, name: str | None, pieces: list[Piece], *, timed_out: bool) -> bytes:
    opening = b'{"is":"calls","name":' + to_json(name) + b',"timed_out":' + to_json(timed_out) + b',"calls":['
    return _frame(key, opening, pieces, b"]}")


def _frame(key: str, opening: bytes, pieces: list[Piece], closing: bytes) -> bytes:
    header = b'{"key":' + to_json(key) + b',"reply":' + opening
    header += b",".join([text for text, _ in pieces]) + closing + b"}"
    return b"".join([_HEADER.pack(len(header)), header, *[body for _, body in pieces]])


class _Calls:
    """The hidden calls of one probe."""

    def __init__(self, request: dict[str, Any], buffers: list[bytes], describer: Describer, deadline: Deadline) -> None:
        self._request = request
        self._buffers = buffers
        self._describer = describer
        self._deadline = deadline

    def answer(self, namespace: dict[str, Any]) -> bytes:
        for name in self._request["names"]:
            function = dict.get(namespace, name)
            if _callable(function):
                break
        else:
            return _calls_frame(self._request["key"], None, [], timed_out=False)
        pieces, timed_out = self._all_calls(function)
        return _calls_frame(self._request["key"], name, pieces, timed_out=timed_out)

    def _all_calls(self, function: Any) -> tuple[list[Piece], bool]:  # noqa: ANN401
        needs_fork = not self._deadline.can_interrupt or may_leave_traces(function)
        # A fork of a process that uses CUDA cannot use it: then the traces are the smaller evil.
        if needs_fork and not _is_cuda_initialized():
            try:
                return self._in_fork(function)
            except BlockingIOError:
                pass  # the student's limit of processes is used up: likewise
        pieces: list[Piece] = []
        try:
            self._run(function, pieces.append)
        except Expired:
            return pieces, True
        return pieces, False

    def _run(self, function: Any, take: Callable[[Piece], None]) -> None:  # noqa: ANN401
        start = 0
        for nodes in self._request["calls"]:
            inputs = InputBuilder(nodes, self._buffers, start=start)
            take(self._deadline.run(self._one_call, function, inputs))
            start = inputs.end

    def _one_call(self, function: Any, inputs: InputBuilder) -> Piece:  # noqa: ANN401
        """Call once; where autograd's bookkeeping alone makes it fail, again with inputs that are copies or plain."""
        errors = []
        for prepare in (as_leaves, _as_copies, _as_plain) if self._request["gradients"] else (_as_plain,):
            arguments = inputs.build()
            leaves = prepare(arguments)
            try:
                output = function(*arguments)
            except Expired:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it raises is the answer
                errors.append(error)
                if type(error) is not RuntimeError:
                    break
            else:
                return self._describer.call_piece(output, _gradients(output, leaves))
        return to_json(_described_error(errors[0], function)), b""

    def _in_fork(self, function: Any) -> tuple[list[Piece], bool]:  # noqa: ANN401
        """Make the calls in a copy of this process; give what it had done when it ended or time was up."""
        pieces, ending = _work_in_copy(partial(self._run, function), self._deadline)
        if ending == _DIED:
            pieces.append((to_json(_raised("ProcessDied", None)), b""))
        return pieces, ending == _OUT_OF_TIME


class _Replay:
    """One question's code run again with a function bent, or from inputs that are moved."""

    def __init__(self, request: dict[str, Any], describer: Describer, deadline: Deadline) -> None:
        self._request = request
        self._describer = describer
        self._deadline = deadline

    def answer(self, shell: Any) -> bytes:  # noqa: ANN401
        """An empty reply where no copy can be made (CUDA, no process left) or the copy did not come to its end."""
        pieces: list[Piece] = []
        if not _is_cuda_initialized():
            pieces, ending = _work_in_copy(partial(self._run, shell), self._deadline)
            pieces = pieces if ending == _DONE else []
        return _names_frame(self._request["key"], pieces)

    def _run(self, shell: Any, take: Callable[[Piece], None]) -> None:  # noqa: ANN401
        screen = Screen()
        namespace = shell.user_ns
        shell.display_pub = screen
        sys.stdout = sys.stderr = screen
        told: list[tuple[str, object]] = []
        if self._request["is"] == "shift":
            told.append((self._request["moved"], replay_shifted(self._request, namespace, screen)))
        else:
            replay_bent(self._request, namespace, screen)
        told.append((self._request["printed"], screen.text))
        for name, value in (*values_of(self._request["names"], namespace), *told):
            take(self._describer.name_piece(name, value))


_DONE, _DIED, _OUT_OF_TIME = "done", "died", "out of time"


def _work_in_copy(work: Callable[[Callable[[Piece], None]], None], deadline: Deadline) -> tuple[list[Piece], str]:
    """Do work in a copy of this process; give the pieces it had sent when it was done, had died or time was up.

    Raises:
        BlockingIOError: the student's limit of processes is used up.
    """
    out_fd, in_fd = _pipe()
    try:
        pid = _fork()
    except OSError:
        _close(out_fd)
        _close(in_fd)
        raise
    if pid == 0:
        try:
            _work_in_child(work, in_fd)
        finally:
            _exit(0)
    _close(in_fd)
    try:
        return _collect(out_fd, deadline)
    finally:
        _close(out_fd)
        _end_process(pid)


def _work_in_child(work: Callable[[Callable[[Piece], None]], None], in_fd: int) -> None:
    _setsid()
    # OpenMP's threads did not come along, and waiting for them would be for ever.
    _set_num_threads(1)
    null_fd = _open(_DEVNULL, _O_RDWR)
    for fd in (0, 1, 2):
        _dup2(null_fd, fd)

    def send(piece: Piece) -> None:
        text, body = piece
        rest = memoryview(_PIECE.pack(len(text), len(body)) + text + body)
        while rest:
            rest = rest[_write(in_fd, rest) :]

    work(send)
    send((b"", b""))


def _collect(out_fd: int, deadline: Deadline) -> tuple[list[Piece], str]:
    pieces: list[Piece] = []
    received = bytearray()
    poller = _poll()
    poller.register(out_fd, _POLLIN)
    while deadline.left_s:
        if not poller.poll(min(deadline.left_s, 0.5) * 1000):
            continue
        chunk = _read(out_fd, 1 << 20)
        received += chunk
        while len(received) >= _PIECE.size:
            text_bytes, body_bytes = _PIECE.unpack_from(received)
            end = _PIECE.size + text_bytes + body_bytes
            if len(received) < end:
                break
            if end == _PIECE.size:
                return pieces, _DONE
            body_at = _PIECE.size + text_bytes
            pieces.append((bytes(received[_PIECE.size : body_at]), bytes(received[body_at:end])))
            del received[:end]
        if not chunk and deadline.left_s:
            return pieces, _DIED
    return pieces, _OUT_OF_TIME


def _end_process(pid: int) -> None:
    for end in (_killpg, _kill):
        try:
            end(pid, _SIGKILL)
        except OSError:
            continue  # not yet, or no longer, the leader of a group
    try:
        _waitpid(pid, 0)
    except OSError:
        return  # a student who ignores SIGCHLD has the kernel wait for children


def _as_copies(arguments: list[Any]) -> list[Any]:
    """Let the function change its arguments in place, which autograd forbids for leaves but not for copies of them."""
    leaves = as_leaves(arguments)
    arguments[:] = [
        argument if leaf is None else leaf.clone() for argument, leaf in zip(arguments, leaves, strict=True)
    ]
    return leaves


def _as_plain(arguments: list[Any]) -> list[Any]:
    return [None for _ in arguments]


def _gradients(output: Any, leaves: list[Any]) -> list[Any]:  # noqa: ANN401
    """d(sum of output)/d(leaf) for each leaf; None where there is no leaf or autograd finds no way to it."""
    roots = [one for one in (output if type(output) in (tuple, list) else (output,)) if _is_differentiable(one)]
    wanted = [leaf for leaf in leaves if leaf is not None]
    found: list[Any] = []
    if roots and wanted:
        try:
            found = list(_autograd_grad([_sum(root) for root in roots], wanted, allow_unused=True))
        except Expired:
            raise
        except BaseException:  # noqa: BLE001 - a graph freed by the function, complex output, a hook that raises
            found = []
    gradients = iter(found or [None] * len(wanted))
    return [None if leaf is None else next(gradients) for leaf in leaves]


def _is_differentiable(value: object) -> bool:
    return any(kind is torch_tensor for kind in _mro(type(value))) and _requires_grad(value)


def _described_error(error: BaseException, function: object) -> dict[str, Any]:
    kind = next((_BUILT_IN_ERRORS[id(kind)] for kind in _mro(type(error)) if id(kind) in _BUILT_IN_ERRORS), "Exception")
    line = None
    if type(function) is FunctionType:
        first_line = function.__code__.co_firstlineno
        own = {id(code) for code in code_objects(function.__code__)}
        traceback: TracebackType | None = _traceback(error)
        while traceback is not None:
            if id(traceback.tb_frame.f_code) in own and traceback.tb_lineno is not None:
                line = max(traceback.tb_lineno - first_line + 1, 1)
            traceback = traceback.tb_next
    return _raised(kind, line)


def _raised(error: str, line: int | None) -> dict[str, Any]:
    return {"output": None, "error": error, "line": line, "gradients": []}
