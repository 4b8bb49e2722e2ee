"""The sandbox and the GPUs of this machine, opened by the settings, and a look at whether they hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader.domain.cage import CageLine, Checkup, LineState
from grader.domain.device import Device
from grader.domain.text import Note
from grader.errors import GpuUnavailable, OperatorCanFix
from grader.settings import Settings

if TYPE_CHECKING:
    from grader.sandbox.gpu.gpu import Gpu
    from grader.sandbox.runner import SandboxRunner


def find_gpus(settings: Settings) -> "tuple[Gpu, ...]":
    """The GPUs that are to be used here, looked at without CUDA; none where there is no driver.

    Raises:
        GpuUnavailable: the settings name one that is not here.
    """
    from grader.sandbox.gpu.choose import NONE, choose_cards
    from grader.sandbox.gpu.gpu import Gpu
    from grader.sandbox.gpu.nvml import DriverNvml, NvmlTrouble

    if settings.gpus.strip() == NONE:
        return ()
    try:
        nvml = DriverNvml()
        cards = nvml.list_cards()
    except NvmlTrouble:
        choose_cards((), wanted=settings.gpus)  # one that is named is missed, though
        return ()
    return tuple(Gpu(card, nvml=nvml, slots=settings.gpu_slots) for card in choose_cards(cards, wanted=settings.gpus))


def find_gpu(settings: Settings, *, uuid: str | None = None) -> "Gpu":
    """One of them: the first, or the one with this UUID.

    Raises:
        GpuUnavailable: it is not here.
    """
    found = next((gpu for gpu in find_gpus(settings) if uuid in (None, gpu.card.uuid)), None)
    if found is not None:
        return found
    if uuid is None:
        raise GpuUnavailable("none")
    raise GpuUnavailable("not_found", gpu=uuid)


@contextmanager
def open_runner(
    settings: Settings,
    *,
    slots: int = 1,
    ready: int = 0,
    device: Device = Device.CPU,
    gpu: "Gpu | None" = None,
) -> "Iterator[SandboxRunner]":
    """The sandbox, started when it is first needed; as many threads may run notebooks in it as it has slots.

    So many kernels are forked ahead as are to be `ready`, which is worth it for one who runs notebook after notebook.
    What is meant for CUDA gets the first GPU where none is given; with a GPU there is one slot.

    Raises:
        GpuUnavailable: there is no GPU.
        SandboxUnavailable: from its first use, naming what is missing.
    """
    if device is Device.CUDA and gpu is None:
        gpu = find_gpu(settings)
    # nbclient takes a while to import, and most commands and the web process run no kernel.
    from grader.sandbox.runner import SandboxRunner

    runner = SandboxRunner(
        settings.kernel_python, slots=1 if gpu else slots, ready=ready, preloaded=settings.preloaded, gpu=gpu
    )
    try:
        yield runner
    finally:
        runner.close()


def examine(settings: Settings) -> Checkup:
    """Look at all that grading needs here, and send the canary into a kernel; no database is needed."""
    from grader.sandbox import machine
    from grader.sandbox.canary.cage import Canary, unanswered_lines

    needed = machine.examine(machine.Machine(), kernel_python=settings.kernel_python)
    data_folder = machine.examine_data_folder(settings.data_folder, minimum_free_share=settings.min_free_share)
    with open_runner(settings) as runner:
        canary = Canary(runner, kernel_python=settings.kernel_python)
        try:
            lines = canary.try_cage()
        except OperatorCanFix as error:
            cure = Note(code="doctor.cure_kernels")
            found = str(error.facts.get("what", error))
            kernels = CageLine(name="kernels", state=LineState.NOT_OK, found=found, cure=cure)
            lines = unanswered_lines()
        else:
            kernels = CageLine(name="kernels", state=LineState.OK, found=runner.environment[:12])
    gpus = _examine_gpus(settings)
    return Checkup(machine=(*needed, data_folder, kernels, *gpus), canary=lines, needed=(data_folder, kernels))


def _examine_gpus(settings: Settings) -> tuple[CageLine, ...]:
    """A line for each GPU that is to be used: notebooks are graded without one too."""
    from grader.sandbox.canary.gpu import examine_gpu

    try:
        gpus = find_gpus(settings)
    except GpuUnavailable as error:
        return (CageLine(name="gpu", state=LineState.NOT_OK, found=settings.gpus, cure=error.note),)
    lines = tuple(examine_gpu(gpu, kernel_python=settings.kernel_python) for gpu in gpus)
    return lines or (CageLine(name="gpu", state=LineState.OK, found="-"),)
