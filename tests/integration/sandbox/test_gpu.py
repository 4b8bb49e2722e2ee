"""Kernels with a GPU, on a card that is made of a file: what they see of it, and what bounds them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from card import HOLD, MIB, FileNvml, card, device_folder

from grader.domain.cage import not_proved
from grader.domain.execution import CellState, Execution, Limits, Outcome
from grader.errors import GpuUnavailable, SandboxFailed
from grader.sandbox.box import KERNEL_FOLDER
from grader.sandbox.canary.cage import Canary
from grader.sandbox.canary.gpu import HELD_BYTES, GpuTrial
from grader.sandbox.gpu.gpu import Gpu
from grader.sandbox.runner import SandboxRunner
from tests.integration.sandbox.conftest import notebook_of

LIMITS = Limits(gpu_memory_bytes=16 * MIB, total_s=20.0)
TAKE = HOLD.format(node="/dev/nvidia1")
LOOK = """
import os, torch
print(sorted(name for name in os.listdir('/dev') if name.startswith('nvidia')))
print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['PYTORCH_NVML_BASED_CUDA_CHECK'])
print(torch.cuda.is_initialized(), torch.cuda.is_available())
print(os.path.isdir('/sys/devices/system/cpu'), os.path.exists('/sys/class'))
"""


@pytest.fixture(scope="module")
def nvml() -> Iterator[FileNvml]:
    with device_folder(0, 1) as devices:
        yield FileNvml(devices, card(minor=0, mib=4096), card(minor=1, mib=4096))


@pytest.fixture(scope="module")
def gpu(nvml: FileNvml) -> Gpu:
    return Gpu(nvml.cards[1], nvml=nvml, devices=nvml.devices, patience_s=0.5)


@pytest.fixture(scope="module")
def runner(gpu: Gpu, kernel_python: Path) -> Iterator[SandboxRunner]:
    with SandboxRunner(kernel_python, gpu=gpu) as runner:
        yield runner


def run(runner: SandboxRunner, *sources: str, limits: Limits = LIMITS) -> Execution:
    return runner.run(notebook_of(*sources), plan=(), limits=limits)


def test_a_kernel_sees_its_own_card_and_the_driver_and_nothing_has_begun_to_use_it(runner, sandbox_runner):
    execution = run(runner, LOOK)
    assert "".join(one.text for one in execution.cells[0].outputs).splitlines() == [
        "['nvidia-uvm', 'nvidia1', 'nvidiactl']",
        "GPU-1 1",
        "False False",
        "True False",
    ]
    assert execution.gpu == "Paper 1"
    assert execution.environment != sandbox_runner.environment  # values are expected per kind of GPU


def test_a_kernel_without_a_gpu_sees_none(sandbox_runner):
    look = "import os; print([name for name in os.listdir('/dev') if 'nvidia' in name], os.path.exists('/sys'))"
    execution = run(sandbox_runner, look)
    assert execution.cells[0].outputs[0].text == "[] False\n"
    assert execution.gpu is None


@pytest.mark.parametrize(
    "greedy",
    [
        pytest.param("held = hold(32); time.sleep(15)", id="at once"),
        pytest.param("if os.fork() == 0:\n    held = hold(32)\ntime.sleep(15)", id="in a child"),
        pytest.param(
            "a = hold(12)\nif os.fork() == 0:\n    os.setsid()\n    b = hold(12)\ntime.sleep(15)", id="together"
        ),
    ],
)
def test_who_takes_too_much_of_the_memory_is_ended_and_the_next_notebook_runs(runner, greedy):
    execution = run(runner, f"x = 1\n{TAKE}", greedy, "y = 1")
    assert execution.outcome is Outcome.OUT_OF_GPU_MEMORY
    assert [one.state for one in execution.cells] == [CellState.OK, CellState.ENDED_KERNEL, CellState.NOT_RUN]
    assert "execution.ended_out_of_gpu_memory" in [note.code for note in execution.notes]
    assert run(runner, TAKE, "held = hold(8)").outcome is Outcome.COMPLETED


def test_who_keeps_the_gpu_for_too_long_is_ended(runner):
    limits = Limits(gpu_memory_bytes=16 * MIB, gpu_s=0.3, total_s=20.0)
    assert run(runner, "import time; time.sleep(0.6)", limits=limits).outcome is Outcome.COMPLETED
    execution = run(runner, TAKE, "held = hold(1); time.sleep(15)", limits=limits)
    assert execution.outcome is Outcome.TIMED_OUT
    assert execution.cells[1].state is CellState.ENDED_KERNEL


def test_nothing_runs_while_memory_of_an_earlier_run_is_held(runner, nvml):
    run(runner, TAKE, "held = hold(8); time.sleep(0.3)")
    nvml.nobodys_mib += 100
    try:
        with pytest.raises(GpuUnavailable, match="memory_held"):
            run(runner, "x = 1")
    finally:
        nvml.nobodys_mib -= 100
    assert run(runner, "x = 1").outcome is Outcome.COMPLETED


@pytest.mark.parametrize("trouble", ["no answer", "no sizes"])
def test_a_run_that_could_not_be_watched_has_no_result(runner, nvml, trouble):
    nvml.breaks_down = trouble
    try:
        with pytest.raises(SandboxFailed, match="could not be watched"):
            run(runner, TAKE, "held = hold(8); time.sleep(15)")
    finally:
        nvml.breaks_down = None


def test_the_canary_says_of_a_cage_with_a_gpu_what_it_says_of_all(runner, gpu, kernel_python):
    cell = f"{TAKE}\nheld = hold({HELD_BYTES // MIB})\ntime.sleep(0.5)"
    trial = GpuTrial(Canary(runner, kernel_python=kernel_python), runner=runner, gpu=gpu, cell=cell)
    assert not_proved(trial.try_cage()) == ()


def test_a_gpu_with_which_cuda_does_not_work_is_not_used(runner, gpu, kernel_python):
    trial = GpuTrial(Canary(runner, kernel_python=kernel_python), runner=runner, gpu=gpu)
    with pytest.raises(GpuUnavailable, match="no_cuda"):
        trial.try_gpu()


_REFUSE = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from kernel import forkserver
import torch

def is_refused():
    try:
        forkserver._refuse_cuda()
    except forkserver.CudaInUse:
        return True
    return False

usual = is_refused()
forkserver._CUDA_NODE = Path('/dev/zero')
with open('/dev/zero'):
    while_open = is_refused()
torch.cuda.is_initialized = lambda: True
print(usual, while_open, is_refused())
"""


def test_a_fork_server_that_has_begun_to_use_cuda_ends(kernel_python):
    program = _REFUSE.format(folder=str(KERNEL_FOLDER.parent))
    done = subprocess.run(
        [kernel_python, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["False", "True", "True"], done.stderr
