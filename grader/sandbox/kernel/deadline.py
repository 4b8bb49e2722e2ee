"""One deadline for everything that a probe does in the student's kernel."""

import builtins
import importlib
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

_monotonic = time.monotonic
# The C functions: those in signal are Python around them and need builtins that a student may have replaced.
_c_signal: Any = importlib.import_module("_signal")
_signal, _SIG_IGN, _SIG_DFL = _c_signal.signal, _c_signal.SIG_IGN, _c_signal.SIG_DFL
_setitimer = signal.setitimer
_ITIMER = signal.ITIMER_REAL
_SIGALRM = signal.SIGALRM
_SIGINT = signal.SIGINT

_AGAIN_S = 0.2
"""The alarm repeats, because an exception raised inside a callback of C code is swallowed."""


class Expired(BaseException):
    """The deadline passed; no student's `except Exception` catches it."""


class Deadline:
    """Ends work in the main thread when its time is up, and puts handlers and timer back afterwards.

    Interrupts are ignored meanwhile: the host means the cell with them, and a late one must not cost an answer.

    Outside the main thread there are no signals: `can_interrupt` is False and only `left_s` tells the time.
    """

    def __init__(self, seconds: float) -> None:
        self._at = _monotonic() + seconds
        self._is_armed = False
        self._handlers: list[tuple[signal.Signals, Any]] = []
        self._timer = (0.0, 0.0)
        self.can_interrupt = False

    def __enter__(self) -> "Deadline":
        try:
            for number, handler in ((_SIGALRM, self._expire), (_SIGINT, _SIG_IGN)):
                self._handlers.append((number, _signal(number, handler)))
        except ValueError:
            return self
        self._timer = self._set_timer()
        self.can_interrupt = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_armed = False
        if self.can_interrupt:
            _setitimer(_ITIMER, *self._timer)
        for number, handler in self._handlers:
            # None stands for a handler that was not installed from Python and cannot be put back from here.
            _signal(number, _DEFAULTS[number] if handler is None else handler)

    @property
    def left_s(self) -> float:
        return max(self._at - _monotonic(), 0.0)

    def run(self, work: Callable[..., Any], *arguments: Any, within_s: float | None = None) -> Any:  # noqa: ANN401
        """Call it, and give whatever it gives.

        Args:
            work: what is called.
            arguments: what it is called with.
            within_s: a time of its own for this call, which may end before the deadline.

        Raises:
            Expired: the time ran out before, during or (where the work swallowed the news) after the call.
        """
        if within_s is None:
            return self._run(work, *arguments)
        whole = self._at
        self._at = min(whole, _monotonic() + within_s)
        if self.can_interrupt:
            self._set_timer()
        try:
            return self._run(work, *arguments)
        finally:
            self._at = whole
            if self.can_interrupt:
                self._set_timer()

    def _set_timer(self) -> tuple[float, float]:
        """Arm the alarm for the time that is left; give what was armed before."""
        return _setitimer(_ITIMER, max(self.left_s, 0.001), _AGAIN_S)

    def _run(self, work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        if not self.left_s:
            raise Expired
        self._is_armed = True
        try:
            result = work(*arguments)
        finally:
            self._is_armed = False
        if not self.left_s:
            raise Expired
        return result

    def _expire(self, number: int, frame: FrameType | None) -> None:
        if self._is_armed and not self.left_s:
            raise Expired


_DEFAULTS: dict[signal.Signals, Any] = {signal.SIGALRM: _SIG_DFL, signal.SIGINT: signal.default_int_handler}
