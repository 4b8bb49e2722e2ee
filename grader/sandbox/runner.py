"""Executes notebooks in the sandbox, a few at a time: the adapter behind flow.ports.Runner."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from nbclient.exceptions import DeadKernelError

from grader.domain.execution import Execution, Limits, Outcome, QuestionPlan
from grader.domain.ids import EnvironmentHash
from grader.domain.notebook import Notebook
from grader.errors import SandboxFailed
from grader.sandbox.box import Box
from grader.sandbox.cells import CellSequence
from grader.sandbox.cgroups.groups import Groups
from grader.sandbox.files import check_files
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.gpu.gpu import Gpu
from grader.sandbox.kernel_client import Kernel
from grader.sandbox.notes import explain_execution
from grader.sandbox.outputs import write_notebook
from grader.sandbox.ready import ReadyKernels
from grader.sandbox.watch import stop_watching, watch

_T = TypeVar("_T")


class SandboxRunner:
    """Runs notebooks in single-use kernels forked from a warm fork server.

    All of it happens on an asyncio loop in a thread of its own that lives until `close`: the cage dies with the thread
    that started it, and nbclient would otherwise take over the caller's signal handlers.
    """

    def __init__(
        self,
        kernel_python: Path,
        *,
        bubblewrap: str = "bwrap",
        slots: int = 1,
        ready: int = 0,
        preloaded: Sequence[str] = (),
        gpu: Gpu | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            kernel_python: `bin/python` of the kernels' virtual environment.
            bubblewrap: the program that makes the cage.
            slots: how many notebooks may run at the same time, each asked for by a thread of its own.
            ready: how many kernels are forked ahead, under the limits of the notebook before.
            preloaded: modules that kernels find loaded, besides those that all of them need.
            gpu: what they may use of a GPU; it goes with one slot.
        """
        self._gpu = gpu
        self._box = Box(
            kernel_python=kernel_python,
            bubblewrap=bubblewrap,
            preloaded=tuple(preloaded),
            find_gpu=None if gpu is None else gpu.find_parts,
        )
        self._server = ForkServer(self._box)
        self._groups = Groups()
        self._kernels = ReadyKernels(size=ready, groups=self._groups)
        self._slots = slots
        self._free_slots = threading.Semaphore(slots)
        self._closing = threading.Lock()
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runs: set[_Run] = set()

    def start(self) -> None:
        """Start the fork server, which takes some seconds; `run` does it too.

        Raises:
            SandboxUnavailable: no kernel can run on this machine.
        """
        with self._free_slots:
            self._call(self._server.start())

    def close(self) -> None:
        """Wait for what runs, end the fork server and everything below it; the runner can be started again."""
        with self._all_slots():
            if self._loop is None or self._thread is None:
                return
            self._call(_finish(self._kernels, self._server))
            self._groups.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None
            self._server = ForkServer(self._box)  # a lock of asyncio's belongs to the loop that has gone

    def renew(self) -> None:
        """Have every later run use a fork server that is started after this; those under way end in peace."""
        if self._loop is not None:
            self._call(_renew(self._kernels, self._server))

    def abort(self) -> None:
        """End all that runs, from another thread: each run raises SandboxFailed, its notebook has no result."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._abort_runs)

    def __enter__(self) -> "SandboxRunner":
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def environment(self) -> EnvironmentHash:
        """Hash of what kernels run in; starts the fork server if need be.

        Raises:
            SandboxUnavailable: no kernel can run on this machine.
        """
        with self._free_slots:
            return self._call(self._server.start())

    def run(
        self,
        notebook: Notebook,
        *,
        plan: Sequence[QuestionPlan],
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
        on_phase: Callable[[str], None] | None = None,
    ) -> Execution:
        """Execute every code cell in order; at the end of each question's cells ask its probes.

        Args:
            notebook: as notebook.read gave it.
            plan: each question's cells and probes; cells in no question run too, on a budget of their own.
            limits: of this run.
            files: lie in the kernel's working folder, by relative path, before the first cell runs.
            on_phase: told 'executing' when the kernel is about to start.

        Raises:
            SandboxUnavailable, SandboxFailed: our failure; nothing about the notebook can be said.
        """
        check_files(files or {})
        with self._free_slots, self._abortable() as run:
            self._call(run.guard(self._server.start()))
            if on_phase is not None:
                on_phase("executing")
            return self._call(run.guard(self._execute(run, notebook, plan=plan, limits=limits, files=files or {})))

    @contextmanager
    def _all_slots(self) -> Iterator[None]:
        with self._closing:  # two that each held some would wait for each other
            for _ in range(self._slots):
                self._free_slots.acquire()
            try:
                yield
            finally:
                self._free_slots.release(self._slots)

    def _abort_runs(self) -> None:
        for run in tuple(self._runs):
            run.abort()

    @contextmanager
    def _abortable(self) -> "Iterator[_Run]":
        run = _Run()
        self._runs.add(run)
        try:
            yield run
        finally:
            self._runs.discard(run)

    async def _execute(
        self,
        run: "_Run",
        notebook: Notebook,
        *,
        plan: Sequence[QuestionPlan],
        limits: Limits,
        files: Mapping[str, bytes],
    ) -> Execution:
        started_at = time.monotonic()
        if self._gpu is not None:
            await self._gpu.prove_free(limits)
        run.kernel = kernel = await self._kernels.take(self._server, limits=limits)
        try:
            watching = [asyncio.create_task(watch(kernel, limits=limits))]
            if self._gpu is not None:
                watching.append(asyncio.create_task(self._gpu.watch(kernel, limits=limits)))
            try:
                if files:
                    await kernel.place(files)
                cells = CellSequence(notebook, kernel=kernel, plan=plan, limits=limits)
                await _run_through(cells)
                if kernel.has_run_out():
                    kernel.kill(Outcome.OUT_OF_MEMORY)  # one of its processes, after the last look
                outcome = kernel.outcome
                if outcome is None:
                    await cells.ask_last()
            finally:
                for one in watching:
                    await stop_watching(one)
            kernel.kill(Outcome.COMPLETED)  # it goes while we write down what it did
            if run.is_aborted:
                raise _aborted()
            if outcome is None:
                outcome = Outcome.TIMED_OUT if cells.ran_out_of_time else Outcome.COMPLETED
            runs = cells.cell_runs
            return Execution(
                outcome=outcome,
                cells=runs,
                replies=kernel.replies,
                environment=kernel.environment,
                executed_notebook=write_notebook(notebook, outputs=cells.outputs, counts=cells.counts),
                notes=explain_execution(
                    notebook,
                    runs,
                    plan=plan,
                    limits=limits,
                    outcome=outcome,
                    ran_out_of_time=cells.ran_out_of_time,
                ),
                seconds=time.monotonic() - started_at,
                gpu=None if self._gpu is None else self._gpu.card.name,
                not_given=cells.not_given,
            )
        finally:
            await kernel.close()

    def _call(self, work: Coroutine[object, object, _T]) -> _T:
        """Run it on the loop and wait; what interrupts the caller ends the work too."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="sandbox", daemon=True)
                self._thread.start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


class _Run:
    """What is to be ended at an abort: the kernel, or the wait for one."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self.is_aborted = False
        self.kernel: Kernel | None = None

    def abort(self) -> None:
        self.is_aborted = True
        if self.kernel is not None:
            self.kernel.kill(Outcome.SANDBOX_FAILED)
        elif self._task is not None:
            self._task.cancel()

    async def guard(self, work: Coroutine[object, object, _T]) -> _T:
        """Do it unless the run is aborted before it is done."""
        self._task = asyncio.current_task()
        if self.is_aborted:
            work.close()
            raise _aborted()
        try:
            return await work
        except asyncio.CancelledError:
            if self.is_aborted:
                raise _aborted() from None
            raise
        finally:
            self._task = None


def _aborted() -> SandboxFailed:
    return SandboxFailed(what="the run was aborted")


async def _run_through(cells: CellSequence) -> None:
    try:
        await cells.async_execute()
    except DeadKernelError:
        return  # kernel.outcome says why


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def _renew(kernels: ReadyKernels, server: ForkServer) -> None:
    await server.renew()
    await kernels.discard()


async def _finish(kernels: ReadyKernels, server: ForkServer) -> None:
    """End the kernels that wait, the fork server, and what nbclient leaves waiting behind a kernel that died."""
    await kernels.discard()
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
