"""Starting the sandbox, doing without it, and replacing a fork server that died."""

import os
import signal
import tempfile
import threading
import venv
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.domain.execution import Limits, Outcome
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.errors import SandboxUnavailable
from grader.sandbox.runner import SandboxRunner


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own are not: root starts the cage as nobody."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            "echo 'bwrap: No permissions to create new namespace, likely because...' >&2; exit 1",
            "does not let programs create user namespaces",
            id="refused namespaces",
        ),
        pytest.param("echo 'bwrap: no such thing' >&2; exit 1", "no such thing", id="any other failure"),
        pytest.param("exit 1", "did not start", id="no word at all"),
    ],
)
def test_bubblewrap_that_cannot_start_is_told_in_one_sentence(script, words, open_folder, kernel_python):
    program = open_folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    runner = SandboxRunner(kernel_python, bubblewrap=str(program))

    with pytest.raises(SandboxUnavailable, match=words) as caught:
        runner.start()
    runner.close()

    assert "\n" not in caught.value.facts["what"]


def test_environment_without_packages_is_told(tmp_path):
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    runner = SandboxRunner(tmp_path / "bare" / "bin" / "python")

    with pytest.raises(SandboxUnavailable, match="make install"):
        runner.start()
    runner.close()


def test_missing_environment_is_told_and_a_refused_runner_can_be_asked_again(tmp_path, run_notebook):
    runner = SandboxRunner(tmp_path / "nowhere" / "bin" / "python")

    for _ in range(2):
        with pytest.raises(SandboxUnavailable, match="no Python environment"):
            run_notebook(runner)
    with pytest.raises(SandboxUnavailable):
        _ = runner.environment
    runner.close()


@pytest.fixture
def run_notebook():
    def run(runner):
        cell = Cell(index=0, kind=CellKind.CODE, source="print(6 * 7)", cell_id="c")
        return runner.run(Notebook(cells=(cell,)), plan=(), limits=Limits())

    return run


def test_fork_server_that_died_is_replaced(sandbox_runner, run_notebook):
    environment = sandbox_runner.environment
    process = sandbox_runner._server._running.process
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)

    execution = run_notebook(sandbox_runner)

    assert execution.outcome is Outcome.COMPLETED
    assert execution.environment == environment


def test_runner_started_in_a_short_lived_thread_goes_on_and_leaves_nothing(kernel_python, run_notebook):
    runner = SandboxRunner(kernel_python)
    starter = threading.Thread(target=runner.start)
    starter.start()
    starter.join()

    assert run_notebook(runner).cells[0].outputs[0].text == "42\n"

    below = psutil.Process(runner._server._running.process.pid).children(recursive=True)
    assert below
    runner.close()
    assert psutil.wait_procs(below, timeout=10)[1] == []


def test_signal_handlers_of_the_caller_are_left_alone(sandbox_runner, run_notebook):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]

    run_notebook(sandbox_runner)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before


def test_phase_is_told(sandbox_runner):
    phases = []
    sandbox_runner.run(Notebook(cells=()), plan=(), limits=Limits(), on_phase=phases.append)

    assert phases == ["executing"]
