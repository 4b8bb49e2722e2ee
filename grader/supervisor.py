"""Keeps one web process and its workers running: restarts what dies with back-off, stops everything together.

Children hold the reading end of a pipe, the lifeline, whose other end only the supervisor has. However the
supervisor ends, `kill -9` included, the kernel closes that end, the children read end-of-file and stop by themselves.
The listening socket belongs to the supervisor too, so connections wait while the web process is being restarted.
"""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from grader.errors import AlreadyRunning, PortInUse

LIFELINE_VARIABLE = "GRADER_LIFELINE_FD"

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_HEALTHY_AFTER_S = 30.0
_POLL_S = 0.1
_PORT_PATIENCE_S = 3.0
"""A service that was killed a moment ago may still be letting go of its port."""


class DataFolderLock:
    """Only one service runs on a data folder; the lock goes with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "serve.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise AlreadyRunning(folder=str(self._path.parent)) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)


def listen(host: str, port: int) -> socket.socket:
    """Bind the service's address.

    Raises:
        PortInUse: another program has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    patience_ends = time.monotonic() + _PORT_PATIENCE_S
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(512)
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > patience_ends:
                raise PortInUse(host=host, port=port, reason=error.strerror) from error
        time.sleep(_POLL_S)


@dataclass(kw_only=True)
class Child:
    """One process to keep alive."""

    name: str
    arguments: Sequence[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff_s: float = _FIRST_BACKOFF_S
    due_at: float = field(default=0.0)


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(self, children: Sequence[Child], *, shutdown_s: float) -> None:
        self._children = list(children)
        self._shutdown_s = shutdown_s
        self._stop = threading.Event()
        self._log = structlog.get_logger("supervisor")
        self._lifeline_read, self._lifeline_write = os.pipe2(os.O_CLOEXEC)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stop.set()

    def run(self, *, on_started: Callable[[], None] | None = None) -> None:
        """Start the children, keep them running, stop them when asked."""
        try:
            for child in self._children:
                self._start(child)
            if on_started:
                on_started()
            while not self._stop.wait(_POLL_S):
                for child in self._children:
                    self._look_after(child)
        finally:
            self._stop_children()
            os.close(self._lifeline_write)
            os.close(self._lifeline_read)

    def _start(self, child: Child) -> None:
        environment = os.environ | {LIFELINE_VARIABLE: str(self._lifeline_read)}
        child.process = subprocess.Popen(
            [sys.executable, "-m", "grader", *child.arguments],
            pass_fds=(self._lifeline_read, *child.fds),
            stdin=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C reaches only the supervisor, which then stops its children in order.
            start_new_session=True,
        )
        child.started_at = time.monotonic()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_at:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            return
        if now - child.started_at > _HEALTHY_AFTER_S:
            child.backoff_s = _FIRST_BACKOFF_S
        self._log.warning("process_died", process=child.name, status=status, restart_in_s=child.backoff_s)
        child.process = None
        child.due_at = now + child.backoff_s
        child.backoff_s = min(2 * child.backoff_s, _LONGEST_BACKOFF_S)

    def _stop_children(self) -> None:
        running = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        patience_ends = time.monotonic() + self._shutdown_s
        for process in running:
            try:
                process.wait(max(0.0, patience_ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def follow_lifeline() -> None:
    """In a child: stop this process when the supervisor is gone; does nothing for a process started by hand."""
    fd = os.environ.pop(LIFELINE_VARIABLE, None)
    if fd is None:
        return

    def wait_for_end() -> None:
        os.read(int(fd), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    os.set_inheritable(int(fd), False)
    threading.Thread(target=wait_for_end, name="lifeline", daemon=True).start()
