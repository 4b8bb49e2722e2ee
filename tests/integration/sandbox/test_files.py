"""The assignment's data lies beside the notebook when it runs."""

import pytest

from grader.domain.execution import CellState, Limits, Outcome
from grader.errors import SandboxFailed
from tests.integration.sandbox.conftest import notebook_of


def run(runner, *sources, files, limits=None):
    return runner.run(notebook_of(*sources), plan=[], limits=limits or Limits(), files=files)


def shown(execution, index=0):
    return "".join(output.text for output in execution.cells[index].outputs)


def test_files_are_there_before_the_first_cell(sandbox_runner):
    source = "from pathlib import Path\nprint(Path('data/a.bin').read_bytes() == bytes(range(256)) * 20_000)"

    execution = run(sandbox_runner, source, files={"data/a.bin": bytes(range(256)) * 20_000, "b.txt": b""})

    assert shown(execution) == "True\n"


def test_a_notebook_changes_its_own_copy_only(sandbox_runner):
    files = {"data/a.txt": b"as given"}

    first = run(
        sandbox_runner, "open('data/a.txt', 'w').write('changed'); print(open('data/a.txt').read())", files=files
    )
    second = run(sandbox_runner, "print(open('data/a.txt').read())", files=files)
    without = run(sandbox_runner, "import os; print(os.listdir())", files={})

    assert shown(first) == "changed\n"
    assert shown(second) == "as given\n"
    assert shown(without) == "[]\n"


def test_files_count_as_memory_of_the_notebook(sandbox_runner):
    limits = Limits(memory_bytes=160 * 1024**2)
    hold = "import time\nheld = b'1' * (125 * 1024**2)\ntime.sleep(1)\n'held'"

    alone = run(sandbox_runner, hold, files={}, limits=limits)
    beside = run(sandbox_runner, hold, files={"a.bin": bytes(39 * 1024**2)}, limits=limits)

    assert (alone.outcome, alone.cells[0].state) == (Outcome.COMPLETED, CellState.OK)
    assert beside.outcome is Outcome.OUT_OF_MEMORY or beside.cells[0].state is CellState.RAISED


def test_files_that_do_not_fit_are_our_failure(sandbox_runner):
    with pytest.raises(SandboxFailed, match="data files"):
        run(sandbox_runner, "1", files={"a.bin": bytes(20 * 1024**2)}, limits=Limits(memory_bytes=64 * 1024**2))

    assert shown(run(sandbox_runner, "print(1)", files={})) == "1\n"
