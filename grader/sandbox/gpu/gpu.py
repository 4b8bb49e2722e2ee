"""One GPU as a runner's kernels use it: bounded from outside, and proved free before the next of them begins."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from grader.domain.execution import Limits, Outcome
from grader.errors import GpuTooSmall, GpuUnavailable, SandboxFailed
from grader.sandbox.gpu.nvml import Card, Nvml, NvmlTrouble
from grader.sandbox.gpu.parts import GpuParts, find_parts
from grader.sandbox.process_tree import list_processes

_PERIOD_S: Final = 0.1
_SLACK_BYTES: Final = 64 * 1024**2
"""What the driver itself takes now and then, beside all processes."""
_MIB: Final = 1024**2


class Watched(Protocol):
    """What a kernel is to whoever watches it."""

    @property
    def host_pid(self) -> int | None: ...

    @property
    def outcome(self) -> Outcome | None: ...

    def kill(self, outcome: Outcome) -> None: ...


class Gpu:
    """Used by one kernel at a time; with several slots, the others belong to other workers."""

    def __init__(
        self, card: Card, *, nvml: Nvml, slots: int = 1, devices: Path = Path("/dev"), patience_s: float = 10.0
    ) -> None:
        """Nothing is asked of the driver yet.

        Args:
            card: which one.
            nvml: tells how it is used.
            slots: by how many workers; each gets the same share of its memory.
            devices: the folder of device nodes.
            patience_s: how long the driver may take to let go of what a process that has ended held.
        """
        self.card = card
        self.most_held_bytes = 0
        """By the kernel that was watched last."""
        self._nvml = nvml
        self._slots = slots
        self._devices = devices
        self._patience_s = patience_s
        self._seen: set[int] = set()
        self._idle_bytes: int | None = None

    def find_parts(self) -> GpuParts:
        """What its cage shows of it. Raises GpuUnavailable."""
        try:
            return find_parts(self.card, nvml=self._nvml, devices=self._devices)
        except NvmlTrouble as error:
            raise self._silent(error) from error

    async def prove_free(self, limits: Limits) -> None:
        """Wait until nothing that ran here before holds any of its memory, and what a notebook may use is free.

        Raises:
            GpuTooSmall: it could not be, with every other process gone.
            GpuUnavailable: it does not become so.
        """
        patience_ends = time.monotonic() + self._patience_s
        try:
            while held_bytes := await asyncio.to_thread(self._measure_held, limits.gpu_memory_bytes):
                self._refuse_too_much(limits.gpu_memory_bytes)
                if time.monotonic() > patience_ends:
                    raise GpuUnavailable("memory_held", gpu=self.card.name, mib=-(-held_bytes // _MIB))
                await asyncio.sleep(_PERIOD_S)
        except NvmlTrouble as error:
            raise self._silent(error) from error
        self._refuse_too_much(limits.gpu_memory_bytes)
        self._seen.clear()

    async def watch(self, kernel: Watched, *, limits: Limits) -> None:
        """Kill the kernel when its processes hold too much of the memory, or have kept the GPU for too long.

        Returns when it is gone.

        Raises:
            SandboxFailed: it could not be watched, which ends it too.
        """
        self.most_held_bytes = 0
        pid, since = kernel.host_pid, None
        while kernel.outcome is None and pid is not None:
            await asyncio.sleep(_PERIOD_S)
            try:
                held = await asyncio.to_thread(self._find_held, pid)
            except NvmlTrouble as error:
                kernel.kill(Outcome.SANDBOX_FAILED)
                raise SandboxFailed(what=f"the memory of {self.card.name} could not be watched: {error}") from error
            if not held:
                continue
            since = since or time.monotonic()
            self.most_held_bytes = max(self.most_held_bytes, sum(held.values()))
            if sum(held.values()) > limits.gpu_memory_bytes:
                kernel.kill(Outcome.OUT_OF_GPU_MEMORY)
            elif time.monotonic() - since > limits.gpu_s:
                kernel.kill(Outcome.TIMED_OUT)

    def _refuse_too_much(self, wanted_bytes: int) -> None:
        share_bytes = (self.card.memory_bytes - (self._idle_bytes or 0)) // self._slots
        if wanted_bytes > share_bytes:
            raise GpuTooSmall(gpu=self.card.name, wanted=-(-wanted_bytes // _MIB), has=share_bytes // _MIB)

    def _find_held(self, pid: int) -> Mapping[int, int]:
        """What a kernel's tree holds, by process."""
        on_card = self._nvml.list_processes(self.card)
        if not on_card:
            return {}
        own = {one: on_card[one] for one in list_processes(pid) if one in on_card}
        self._seen |= own.keys()
        told = {one: held for one, held in own.items() if held is not None}
        if len(told) < len(own):
            raise NvmlTrouble("the driver does not tell how much a process holds")
        return told

    def _measure_held(self, wanted_bytes: int) -> int:
        """How much keeps the next notebook from its memory: left by an earlier one, or taken by other programs.

        Memory of no process is the driver's own: as much as at the first look, when nothing of ours had run.
        """
        used_bytes, on_card = self._nvml.used_bytes(self.card), self._nvml.list_processes(self.card)
        nobodys_bytes = used_bytes - sum(held or 0 for held in on_card.values())
        if self._idle_bytes is None:
            self._idle_bytes = nobodys_bytes
        left_bytes = nobodys_bytes - self._idle_bytes
        lingering = [on_card[one] or 1 for one in self._seen if one in on_card]
        lacking_bytes = wanted_bytes - (self.card.memory_bytes - used_bytes)
        return max(sum(lingering), left_bytes if left_bytes > _SLACK_BYTES else 0, lacking_bytes, 0)

    def _silent(self, error: NvmlTrouble) -> GpuUnavailable:
        return GpuUnavailable("silent", gpu=self.card.name, what=str(error))
