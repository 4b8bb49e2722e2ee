"""Calls a student's function on hidden inputs."""

import builtins
from collections.abc import Callable
from functools import partial
from typing import Any

from .arguments import InputBuilder, as_copies, as_leaves, as_plain, changed_places, split_inputs
from .copies import DIED, OUT_OF_TIME, PIECE_LATE, can_copy, work_in_copy
from .deadline import Deadline, Expired
from .derivatives import described_error, differentiable_parts, gradients_of, raised, two_derivatives
from .live_values import Describer, to_json
from .pieces import Piece, calls_frame
from .side_effects import may_leave_traces

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

_callable = callable


class Calls:
    """The hidden calls of one probe."""

    def __init__(self, request: dict[str, Any], buffers: list[bytes], describer: Describer, deadline: Deadline) -> None:
        self._request = request
        self._inputs = split_inputs(request["calls"], buffers)
        self._call_s: float | None = request["call_s"]
        self._describer = describer
        self._deadline = deadline

    def answer(self, namespace: dict[str, Any]) -> bytes:
        for name in self._request["names"]:
            function = dict.get(namespace, name)
            if _callable(function):
                break
        else:
            return calls_frame(self._request["key"], None, [], timed_out=False)
        pieces, timed_out = self._all_calls(function)
        return calls_frame(self._request["key"], name, pieces, timed_out=timed_out)

    def _all_calls(self, function: Any) -> tuple[list[Piece], bool]:  # noqa: ANN401
        needs_copy = not self._deadline.can_interrupt or may_leave_traces(function)
        # Where no copy can be made, the traces are the smaller evil.
        if needs_copy and can_copy():
            try:
                return self._in_copies(function)
            except BlockingIOError:
                pass  # the student's limit of processes is used up: likewise
        pieces: list[Piece] = []
        for inputs in self._inputs:
            try:
                pieces.append(self._deadline.run(self._one_call, function, inputs, within_s=self._call_s))
            except Expired:
                if not self._deadline.left_s:
                    return pieces, True
                pieces.append(_LATE)
        return pieces, False

    def _in_copies(self, function: Any) -> tuple[list[Piece], bool]:  # noqa: ANN401
        """Make the calls in a copy of this process, and those after a call that took too long in another one.

        Raises:
            BlockingIOError: no copy could be made.
        """
        pieces: list[Piece] = []
        ending = PIECE_LATE
        while ending == PIECE_LATE and len(pieces) < len(self._inputs):
            work = partial(self._run, function, self._inputs[len(pieces) :])
            made, ending = work_in_copy(work, self._deadline, piece_s=self._call_s)
            self._describer.charge(made)
            pieces += made
            if ending == PIECE_LATE:
                pieces.append(_LATE)
        if ending == DIED:
            pieces.append(_DEAD)
        return pieces, ending == OUT_OF_TIME

    def _run(self, function: Any, inputs: list[InputBuilder], take: Callable[[Piece], None]) -> None:  # noqa: ANN401
        for one in inputs:
            take(self._deadline.run(self._one_call, function, one))

    def _one_call(self, function: Any, inputs: InputBuilder) -> Piece:  # noqa: ANN401
        """Call once; where autograd's bookkeeping alone makes it fail, again with inputs that are copies or plain."""
        errors = []
        with_second = self._request["second"]
        for prepare in (as_leaves, as_copies, as_plain) if self._request["gradients"] or with_second else (as_plain,):
            arguments = inputs.build()
            leaves = prepare(arguments)
            passed = list(arguments)
            try:
                output = function(*arguments)
            except Expired:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it raises is the answer
                errors.append(error)
                if type(error) is not RuntimeError:
                    break
            else:
                roots = differentiable_parts(output)
                derived = two_derivatives(roots, leaves) if with_second else (gradients_of(roots, leaves), [])
                changed = changed_places(inputs.build(), passed)
                return self._describer.call_piece(output, derived[0], second=derived[1], changed=changed)
        return to_json(described_error(errors[0], function)), b""


_LATE: Piece = (to_json(raised("TimeoutError")), b"")
_DEAD: Piece = (to_json(raised("ProcessDied")), b"")
