"""How much time a notebook's cells may take, and what happens when it is over."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from grader.domain.execution import Limits, Outcome
from grader.domain.ids import QuestionId
from grader.sandbox.kernel_client import Kernel

GRACE_S: Final = 2.0
"""Between the interrupt and the kill, and what is added to a probe's own time."""


class Budgets:
    """What is left of each question's time, of the time outside questions, and of all of it."""

    def __init__(
        self,
        limits: Limits,
        *,
        own_s: Mapping[QuestionId, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own_s` holds the questions that have another budget than the limits say."""
        self._limits = limits
        self._own_s = dict(own_s or {})
        self._clock = clock
        self._spent_s: dict[QuestionId | None, float] = {}
        self._started_at = clock()

    def left_s(self, question_id: QuestionId | None) -> float:
        """Seconds that a cell of this question (None: outside all) may still run; 0 when there are none."""
        if question_id is None:
            budget_s = self._limits.outside_s
        else:
            budget_s = self._own_s.get(question_id, self._limits.question_s)
        return max(0.0, min(budget_s - self._spent_s.get(question_id, 0.0), self.total_left_s))

    @property
    def total_left_s(self) -> float:
        return max(0.0, self._limits.total_s - (self._clock() - self._started_at))

    def charge(self, question_id: QuestionId | None, seconds: float) -> None:
        self._spent_s[question_id] = self._spent_s.get(question_id, 0.0) + seconds


class Alarm:
    """Watches one request: interrupts its cell when the time is over, kills the kernel when that does not help.

    Not asyncio.wait_for around nbclient, which would turn the cancellation into "kernel died" and lose the reason.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.TimerHandle | None = None
        self._started_at = self._loop.time()
        self.has_interrupted = False
        self.cell_s = 0.0
        """How long the cell itself took, its probes not counted."""

    @contextmanager
    def watching(self, cell_s: float) -> Iterator[None]:
        """Give the cell this long, and its probes their own time after it."""
        self._kernel.on_cell_done = self._start_probes
        self._set(cell_s, self._interrupt)
        try:
            yield
        finally:
            self._kernel.on_cell_done = lambda _seconds: None
            self._cancel()

    def _interrupt(self) -> None:
        self.has_interrupted = True
        self._kernel.interrupt()
        self._set(GRACE_S, self._kill)

    def _start_probes(self, probes_s: float) -> None:
        self.cell_s = self._loop.time() - self._started_at
        self._set(probes_s + GRACE_S, self._kill)

    def _kill(self) -> None:
        self._kernel.kill(Outcome.TIMED_OUT)

    def _set(self, delay_s: float, action: Callable[[], None]) -> None:
        self._cancel()
        self._pending = self._loop.call_later(delay_s, action)

    def _cancel(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
