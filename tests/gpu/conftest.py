"""A sandbox with this machine's first GPU; without one these tests are skipped, and say why."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox.gpu.gpu import Gpu
from grader.sandbox.gpu.nvml import DriverNvml, NvmlTrouble
from grader.sandbox.runner import SandboxRunner
from grader.settings import Settings


@pytest.fixture(scope="session")
def kernel_python() -> Path:
    return Settings().kernel_python


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    try:
        nvml = DriverNvml()
        return Gpu(nvml.list_cards()[0], nvml=nvml)
    except (NvmlTrouble, IndexError) as error:
        reason = f"this machine has no GPU that NVIDIA's driver knows ({error})"
    if "GRADER_GPU_REQUIRED" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def runner(gpu: Gpu, kernel_python: Path) -> Iterator[SandboxRunner]:
    with SandboxRunner(kernel_python, gpu=gpu, ready=1) as runner:
        yield runner
