"""Answers one probe inside the student's kernel: named values, or hidden calls of a function, as plain bytes.

Nothing here is trusted by the host: a student can change all of it, and gains nothing, because what comes out is
compared outside with values that were never inside. The care taken is for the honest student: asking must not change
a later answer, print, raise or hang.
"""

import builtins
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .calls import Calls
from .copies import DONE, OUT_OF_TIME, can_copy, work_in_copy
from .deadline import Deadline, Expired
from .expressions import evaluate, only_reads
from .live_values import Describer, opaque, to_json
from .modules import NOTHING_KNOWN, Modules
from .pieces import Piece, calls_frame, module_frame, names_frame
from .quiet import Undisturbed
from .replay import Screen, replay_bent, values_of
from .shift import replay_shifted

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

REPLAYS = ("replay", "shift")


def answer(
    shell: Any,  # noqa: ANN401 - IPython's, or a fake
    request: dict[str, Any],
    buffers: list[bytes],
    *,
    is_last: bool = False,
) -> bytes:
    """Give one frame for `sandbox.wire.read_reply`; never raises, never takes longer than the request allows.

    Args:
        shell: the kernel's InteractiveShell; only `user_ns` and `display_pub` are used.
        request: the JSON object that `sandbox.wire.request` made for one probe.
        buffers: the raw bytes of the hidden inputs, as it made them.
        is_last: nothing comes after it in this kernel.
    """
    try:
        with Undisturbed(shell), Deadline(request["seconds"]) as deadline:
            describer = Describer(request["limits"])
            if request["is"] == "names":
                return _Names(request, describer, deadline).answer(shell.user_ns)
            if request["is"] in REPLAYS:
                return Replay(request, describer).answer(shell, deadline, is_last=is_last)
            if request["is"] == "module":
                return Modules(request, buffers, describer, deadline).answer(shell.user_ns)
            return Calls(request, buffers, describer, deadline).answer(shell.user_ns)
    except BaseException:  # noqa: BLE001 - the reply says unreadable, and the cell's own reply must still go out
        return _unreadable(request)


def _unreadable(request: dict[str, Any]) -> bytes:
    if request["is"] in REPLAYS:
        return names_frame(request["key"], [])
    if request["is"] == "names":
        pieces = [(to_json([name, opaque("object", "unreadable")]), b"") for name in request["names"]]
        return names_frame(request["key"], pieces)
    if request["is"] == "module":
        return module_frame(request["key"], request["names"][0], NOTHING_KNOWN, [], timed_out=True)
    return calls_frame(request["key"], request["names"][0], [], timed_out=True)


class _Names:
    """The variables and expressions of one probe."""

    def __init__(self, request: dict[str, Any], describer: Describer, deadline: Deadline) -> None:
        self._request = request
        self._describer = describer
        self._deadline = deadline

    def answer(self, namespace: dict[str, Any]) -> bytes:
        pieces: list[Piece] = []
        for name in self._request["names"]:
            try:
                pieces += self._pieces(name, namespace)
            except Expired:
                pieces.append((to_json([name, opaque("object", "unreadable")]), b""))
        return names_frame(self._request["key"], pieces)

    def _pieces(self, name: str, namespace: dict[str, Any]) -> list[Piece]:
        """One piece, or none where the name does not exist or the expression raises."""
        if str.isidentifier(name):
            if not dict.__contains__(namespace, name):
                return []
            return [self._deadline.run(self._describer.name_piece, name, dict.__getitem__(namespace, name))]
        work = partial(self._evaluate, name, namespace)
        if can_copy() and not (self._deadline.can_interrupt and only_reads(name, namespace)):
            try:
                pieces, ending = work_in_copy(work, self._deadline)
            except BlockingIOError:
                pass  # the student's limit of processes is used up
            else:
                if ending == OUT_OF_TIME:
                    raise Expired
                self._describer.charge(pieces)
                return pieces
        pieces = []
        self._deadline.run(work, pieces.append)
        return pieces

    def _evaluate(self, expression: str, namespace: dict[str, Any], take: Callable[[Piece], None]) -> None:
        try:
            value = evaluate(expression, namespace)
        except Expired:
            raise
        except BaseException:  # noqa: BLE001 - whatever it raises: then there is no such value
            return
        take(self._describer.name_piece(expression, value))


class Replay:
    """One question's code run again with a function bent, or from inputs that are moved."""

    def __init__(self, request: dict[str, Any], describer: Describer) -> None:
        self._request = request
        self._describer = describer

    def answer(self, shell: Any, deadline: Deadline, *, is_last: bool) -> bytes:  # noqa: ANN401 - IPython's, or a fake
        """An empty reply where no copy can be made (CUDA, no process left) or the copy did not come to its end.

        What comes last needs no copy, which costs more than most of what runs in it.
        """
        pieces: list[Piece] = []
        if is_last and deadline.can_interrupt:
            deadline.run(self.run, shell, pieces.append)
        elif can_copy():
            pieces, ending = work_in_copy(partial(self.run, shell), deadline)
            pieces = pieces if ending == DONE else []
        return names_frame(self._request["key"], pieces)

    def run(self, shell: Any, take: Callable[[Piece], None]) -> None:  # noqa: ANN401 - IPython's, or a fake
        """Run the code in this very process, a copy of the kernel or a kernel that has done everything else."""
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
