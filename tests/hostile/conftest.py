"""One fork server, and one victim beside everything that is attacked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from victim import Victim

from grader.domain.notebook import Cell, CellKind, Notebook
from grader.sandbox.runner import SandboxRunner
from tests.hostile.attack import LIMITS
from tests.hostile.judge import FOLLOWING

CHECKOUT = Path(__file__).parents[2]


def notebook_of(*sources: str) -> Notebook:
    cells = enumerate(sources)
    return Notebook(cells=tuple(Cell(index=n, kind=CellKind.CODE, source=one, cell_id=f"c{n}") for n, one in cells))


@pytest.fixture(scope="session")
def kernel_python() -> Path:
    return CHECKOUT / ".venv-kernel" / "bin" / "python"


@pytest.fixture(scope="session")
def sandbox_runner(kernel_python: Path) -> Iterator[SandboxRunner]:
    with SandboxRunner(kernel_python, slots=2) as runner:
        yield runner


@pytest.fixture(scope="session")
def victim(sandbox_runner: SandboxRunner) -> Iterator[Victim]:
    victim = Victim(sandbox_runner)
    yield victim
    victim.close()


@pytest.fixture(scope="session")
def warm(sandbox_runner: SandboxRunner, victim: Victim) -> None:
    """What is made once and kept is there before anybody looks for what is left."""
    sandbox_runner.run(notebook_of(FOLLOWING), plan=[], limits=LIMITS)
