"""Does work in a copy of this process that is thrown away, so that nothing it changes or breaks is there later."""

import builtins
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from typing import TypeAlias

import torch

from .deadline import Deadline
from .pieces import Piece

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, so that later changes to these modules do not reach the probe.
_fork, _exit, _pipe, _read, _write, _close = os.fork, os._exit, os.pipe, os.read, os.write, os.close
_setsid, _dup2, _open, _kill, _killpg, _waitpid = os.setsid, os.dup2, os.open, os.kill, os.killpg, os.waitpid
_getpid, _O_RDWR, _DEVNULL, _SIGKILL = os.getpid, os.O_RDWR, os.devnull, signal.SIGKILL
_poll, _POLLIN = select.poll, select.POLLIN
_monotonic = time.monotonic
_set_num_threads = torch.set_num_threads
_is_cuda_initialized: Callable[[], bool] = torch.cuda.is_initialized

_PIECE = struct.Struct(">II")

Work: TypeAlias = Callable[[Callable[[Piece], None]], None]
"""Gives its pieces to the function that it is called with, each when it is ready."""

DONE, DIED, OUT_OF_TIME, PIECE_LATE = "done", "died", "out of time", "piece late"


def can_copy() -> bool:
    """False once CUDA is in use: a fork of such a process cannot use it."""
    return not _is_cuda_initialized()


def work_in_copy(work: Work, deadline: Deadline, *, piece_s: float | None = None) -> tuple[list[Piece], str]:
    """Do work in a copy of this process; give the pieces it had sent, and how it ended.

    Args:
        work: what is done there; its output goes nowhere.
        deadline: when the copy is ended, whatever it does.
        piece_s: how long it may take over each piece.

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
        return _collect(out_fd, deadline, piece_s)
    finally:
        _close(out_fd)
        _end_process(pid)


def _work_in_child(work: Work, in_fd: int) -> None:
    _setsid()
    # OpenMP's threads did not come along, and waiting for them would be for ever.
    _set_num_threads(1)
    null_fd = _open(_DEVNULL, _O_RDWR)
    for fd in (0, 1, 2):
        _dup2(null_fd, fd)
    own_pid = _getpid()

    def send(piece: Piece) -> None:
        if _getpid() != own_pid:
            _exit(0)  # the student's code forked, and its child came back as well
        text, body = piece
        rest = memoryview(_PIECE.pack(len(text), len(body)) + text + body)
        while rest:
            rest = rest[_write(in_fd, rest) :]

    work(send)
    send((b"", b""))


def _collect(out_fd: int, deadline: Deadline, piece_s: float | None) -> tuple[list[Piece], str]:
    pieces: list[Piece] = []
    received = bytearray()
    poller = _poll()
    poller.register(out_fd, _POLLIN)
    started_at = _monotonic()
    while deadline.left_s:
        wait_s = min(deadline.left_s, 0.5)
        if piece_s is not None:
            wait_s = min(wait_s, started_at + piece_s - _monotonic())
            if wait_s <= 0:
                return pieces, PIECE_LATE
        if not poller.poll(wait_s * 1000):
            continue
        chunk = _read(out_fd, 1 << 20)
        received += chunk
        while len(received) >= _PIECE.size:
            text_bytes, body_bytes = _PIECE.unpack_from(received)
            end = _PIECE.size + text_bytes + body_bytes
            if len(received) < end:
                break
            if end == _PIECE.size:
                return pieces, DONE
            body_at = _PIECE.size + text_bytes
            pieces.append((bytes(received[_PIECE.size : body_at]), bytes(received[body_at:end])))
            del received[:end]
            started_at = _monotonic()
        if not chunk and deadline.left_s:
            return pieces, DIED
    return pieces, OUT_OF_TIME


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
