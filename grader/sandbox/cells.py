"""Runs a notebook's cells in order: nbclient's client with budgets, probes and imports that may fail."""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode

from grader.domain.execution import CellError, CellRun, CellState, Given, Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import CellKind, Notebook
from grader.domain.probe import Probe, ReplayBent, ReplayShifted
from grader.domain.values import NamesReply
from grader.sandbox.budget import GRACE_S, Alarm, Budgets
from grader.sandbox.kernel_client import Kernel
from grader.sandbox.outputs import JsonOutput, OutputLog, as_domain
from grader.sandbox.replies import find_missing_import, needs_cuda, read_error

_MISSING_IMPORTS_MAX: Final = 10
"""In one cell."""
_QUIET = logging.getLogger(f"{__name__}.nbclient")
_QUIET.setLevel(logging.CRITICAL + 1)  # nbclient logs a student's crash as an error of its own


@dataclass(kw_only=True)
class _CellRecord:
    """What is known of a cell while it runs."""

    outputs: list[JsonOutput] = field(default_factory=list)
    state: CellState = CellState.NOT_RUN
    error: CellError | None = None
    missing_package: str | None = None
    count: int | None = None


class CellSequence(NotebookClient):
    """One notebook in one kernel. `async_execute` runs it; DeadKernelError comes out when the kernel has gone."""

    def __init__(self, notebook: Notebook, *, kernel: Kernel, plan: Sequence[QuestionPlan], limits: Limits) -> None:
        super().__init__(
            _as_node(notebook), km=cast(Any, kernel), timeout=None, allow_errors=True, store_widget_state=False
        )
        self.log = _QUIET
        self._kernel = kernel
        own_s = {question.question_id: question.budget_s for question in plan if question.budget_s is not None}
        self._budgets = Budgets(limits, own_s=own_s)
        places = enumerate(notebook.cells)
        self._code_cells = {place: cell.index for place, cell in places if cell.kind is CellKind.CODE}
        self._question_of: dict[int, QuestionId] = {}
        self._probes_after: dict[int, list[Probe]] = {}
        self._is_pool = any(question.is_pool for question in plan)
        self._given_before: dict[int, list[tuple[QuestionId, Given]]] = {}
        self._not_given: list[QuestionId] = []
        for question in plan:
            if question.code_cells and question.given is not None:
                own = (question.question_id, question.given)
                self._given_before.setdefault(min(question.code_cells), []).append(own)
            self._question_of |= dict.fromkeys(question.code_cells, question.question_id)
            if question.code_cells and question.probes:
                self._probes_after.setdefault(max(question.code_cells), []).extend(question.probes)
        self._last_probe = None if self._is_pool else self._take_last_probe(notebook)
        self._records = {index: _CellRecord() for index in self._code_cells.values()}
        self._output_log = OutputLog()
        self._current: list[JsonOutput] = []

    def _take_last_probe(self, notebook: Notebook) -> Probe | None:
        """A replay after which nothing comes: it may have the kernel to itself, and needs no copy of it."""
        busy = (cell.index for cell in notebook.cells if cell.kind is CellKind.CODE and cell.source.strip())
        probes = self._probes_after.get(max((*busy, *self._probes_after), default=0), [])
        replays = [probe for probe in probes if isinstance(probe, ReplayBent | ReplayShifted)]
        if not replays:
            return None
        probes.remove(replays[-1])
        return replays[-1]

    async def ask_last(self) -> None:
        """Ask what was kept until everything else is done; whatever the kernel makes of it, the run is complete."""
        probe = self._last_probe
        if probe is None or self.ran_out_of_time:
            return
        with Alarm(self._kernel).watching(GRACE_S), contextlib.suppress(DeadKernelError):
            await self._kernel.ask_last(probe)
        self._kernel.replies.setdefault(probe.key, NamesReply(values={}))

    @property
    def ran_out_of_time(self) -> bool:
        """The time for all cells together is over."""
        return self._budgets.total_left_s <= 0

    @property
    def not_given(self) -> tuple[QuestionId, ...]:
        """Questions that did not get what they were to be given."""
        return tuple(self._not_given)

    @property
    def cell_runs(self) -> tuple[CellRun, ...]:
        return tuple(_as_run(index, record) for index, record in self._records.items())

    @property
    def outputs(self) -> Mapping[int, Sequence[JsonOutput]]:
        return {index: record.outputs for index, record in self._records.items()}

    @property
    def counts(self) -> Mapping[int, int | None]:
        return {index: record.count for index, record in self._records.items()}

    @asynccontextmanager
    async def async_setup_kernel(self, **options: object) -> AsyncIterator[None]:
        """The kernel runs and is closed elsewhere; the stock one also asks for the main thread's signals, in vain."""
        self.kc = cast(Any, self._kernel)
        yield

    async def async_execute_cell(
        self, cell: NotebookNode, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> NotebookNode:
        """Run a cell if its question has time left, and ask the probes that belong behind it."""
        index = self._code_cells.get(cell_index)
        if index is None:
            return cell
        for question_id, given in self._given_before.get(index, ()):
            await self._give(question_id, given)
        probes = self._probes_after.get(index, [])
        if cell.source.strip() and self._budgets.left_s(self._question_of.get(index)) > 0:
            await self._run_cell(cell.source, cell_index, index=index, probes=probes)
        else:
            if not cell.source.strip():
                self._records[index].state = CellState.OK
            if probes and not self.ran_out_of_time:
                with Alarm(self._kernel).watching(GRACE_S):
                    await self._kernel.ask(probes, is_pool=self._is_pool)
        return cell

    async def _give(self, question_id: QuestionId, given: Given) -> None:
        self._not_given.append(question_id)  # until it has been: the kernel may end over it
        with Alarm(self._kernel).watching(given.seconds + GRACE_S):
            if await self._kernel.give(given):
                self._not_given.remove(question_id)

    async def _run_cell(self, source: str, place: int, *, index: int, probes: Sequence[Probe]) -> None:
        record = self._records[index]
        self._current = record.outputs
        record.state = CellState.ENDED_KERNEL
        for _ in range(_MISSING_IMPORTS_MAX):
            alarm = await self._send(source, place, question_id=self._question_of.get(index), probes=probes)
            reply = self._kernel.last_reply or {}  # nbclient returned, so there is one
            record.count, record.error = reply["execution_count"], read_error(reply)
            record.state = _state(record.error, alarm)
            missing = find_missing_import(record.error, source=source) if record.error else None
            if missing is None or alarm.has_interrupted:
                return
            record.missing_package = record.missing_package or missing.package
            record.error, record.state = None, CellState.OK
            if missing.rest is None or self._budgets.left_s(self._question_of.get(index)) <= 0:
                return
            source = missing.rest

    async def _send(self, source: str, place: int, *, question_id: QuestionId | None, probes: Sequence[Probe]) -> Alarm:
        alarm = Alarm(self._kernel)
        self._output_log.start_cell()
        self._kernel.attach(probes, is_pool=self._is_pool)
        part = NotebookNode(cell_type="code", source=source, metadata=NotebookNode(), outputs=[])
        with alarm.watching(self._budgets.left_s(question_id)):
            await super().async_execute_cell(part, place)
        self._budgets.charge(question_id, alarm.cell_s)
        return alarm

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> None:
        """Take a message into the running cell's outputs; nbclient's own would validate each against a schema."""
        content = msg["content"]
        if msg["msg_type"] == "status":
            if content["execution_state"] == "idle":
                raise CellExecutionComplete
            return
        self._output_log.add(self._current, kind=msg["msg_type"], content=content)


def _state(error: CellError | None, alarm: Alarm) -> CellState:
    if alarm.has_interrupted:
        return CellState.TIMED_OUT
    return CellState.OK if error is None else CellState.RAISED


def _as_run(index: int, record: _CellRecord) -> CellRun:
    return CellRun(
        index=index,
        state=record.state,
        outputs=as_domain(record.outputs),
        error=record.error,
        missing_package=record.missing_package,
        needs_gpu=record.error is not None and needs_cuda(record.error),
    )


def _as_node(notebook: Notebook) -> NotebookNode:
    """The cells as nbclient wants them, without the validation that nbformat's own constructors do."""
    cells = [
        NotebookNode(cell_type=cell.kind.value, source=cell.source, metadata=NotebookNode()) for cell in notebook.cells
    ]
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=cells)
