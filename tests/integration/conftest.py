"""One warm sandbox for all tests that need real kernels: starting it takes seconds, a kernel milliseconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox.runner import SandboxRunner

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def kernel_python() -> Path:
    return CHECKOUT / ".venv-kernel" / "bin" / "python"


@pytest.fixture(scope="session")
def sandbox_runner(kernel_python: Path) -> Iterator[SandboxRunner]:
    with SandboxRunner(kernel_python, slots=2) as runner:
        yield runner
