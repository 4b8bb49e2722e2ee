"""Sends the canary into an ordinary kernel, with baits laid out for it, and gives what is to be said of the cage."""

import json
import os
import platform
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.domain.cage import CageLine
from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import TakeNames
from grader.domain.values import NamesReply, Value
from grader.errors import SandboxFailed
from grader.sandbox.box import KERNEL_FOLDER
from grader.sandbox.canary.mark import EnvironmentMark
from grader.sandbox.canary.rules import Host, judge
from grader.sandbox.runner import SandboxRunner

_ATTEMPTS = Path(__file__).with_name("attempts.py")
_REPORT = "report"
_HIDDEN = (
    *("/etc/shadow", "/root", "/home", "/var", "/run", "/boot", "/oldroot", "/newroot"),
    # Beside a GPU kernels see which processors there are, and nothing else of /sys.
    *("/sys/class", "/sys/fs", "/sys/kernel"),
)
_NAMESPACES = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")


class Canary:
    """Tries the cage that a runner's kernels live in. Fits flow.ports.Canary."""

    def __init__(self, runner: SandboxRunner, *, kernel_python: Path) -> None:
        self._runner = runner
        self._mark = EnvironmentMark(kernel_python.absolute())

    def mark(self) -> str:
        """What the kernels' environment looks like from outside: another mark, another environment."""
        return self._mark.read()

    def renew(self) -> None:
        """Do without the fork server, which knows only the cage and the packages that it was started with."""
        self._runner.renew()

    def try_cage(self) -> tuple[CageLine, ...]:
        """Run the attempts and judge what they saw; a kernel that says nothing proves nothing.

        Raises:
            SandboxUnavailable, SandboxFailed: there is no kernel to try.
        """
        with _baits() as baits:
            host = _look_around(baits["host_files"])
            limits = host.limits
            bounds = {"memory_bytes": limits.memory_bytes, "processes": limits.processes}
            execution = self._runner.run(
                _notebook(baits | bounds | {"system_calls": _system_calls()}),
                plan=(
                    QuestionPlan(
                        question_id=QuestionId("canary"),
                        code_cells=(0,),
                        probes=(TakeNames(key=_REPORT, names=(_REPORT,)),),
                    ),
                ),
                limits=limits,
            )
        return judge(_report(execution), host)


def unanswered_lines() -> tuple[CageLine, ...]:
    """What the canary says where it cannot be sent: nothing, and there is no cure for that on its own lines."""
    return tuple(replace(line, cure=None) for line in judge(None, _look_around(_HIDDEN)))


@contextmanager
def _baits() -> Iterator[dict[str, Any]]:
    """Lay out what the canary must not reach: a readable file, and sockets that somebody listens on."""
    with ExitStack() as undo:
        try:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="canary")))
            folder.chmod(0o755)
            file, by_path, abstract = folder / "file", folder / "socket", f"canary-{secrets.token_hex(8)}"
            file.touch(mode=0o644)
            for address in (str(by_path), f"\0{abstract}"):
                listening = undo.enter_context(socket.socket(socket.AF_UNIX))
                listening.bind(address)
                listening.listen()
            by_path.chmod(0o777)
        except OSError as error:
            raise SandboxFailed(what=f"the canary's baits could not be laid out: {error}") from error
        yield {"abstract_socket": abstract, "socket_path": str(by_path), "host_files": [*_HIDDEN, str(file)]}


def _look_around(host_files: Sequence[str]) -> Host:
    namespaces = {kind: str(Path("/proc/self/ns", kind).readlink()) for kind in _NAMESPACES}
    limits = Limits(gpu_memory_bytes=1)  # it wants none, and so can try the cage beside any that is too small
    return Host(limits=limits, namespaces=namespaces, environment=dict(os.environ), host_files=tuple(host_files))


def _system_calls() -> Mapping[str, int]:
    """Their numbers on this processor; none for one that the sandbox does not know, which no kernel runs on."""
    table = json.loads((KERNEL_FOLDER / "syscalls.json").read_text(encoding="utf-8"))
    return dict(table.get(platform.machine(), {}))


def _notebook(facts: Mapping[str, Any]) -> Notebook:
    source = f"{_ATTEMPTS.read_text(encoding='utf-8')}\n{_REPORT} = try_all({dict(facts)!r})\n"
    return Notebook(cells=(Cell(index=0, kind=CellKind.CODE, source=source, cell_id="canary"),))


def _report(execution: Execution) -> Value | None:
    reply = execution.replies.get(_REPORT)
    return reply.values.get(_REPORT) if isinstance(reply, NamesReply) else None
