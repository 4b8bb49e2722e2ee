"""Kernels that wait for notebooks: each is used once, under the right limits, and none outlives its runner."""

from pathlib import Path

import pytest

from grader.domain.execution import Limits, Outcome
from grader.sandbox.cells import CellSequence
from grader.sandbox.runner import SandboxRunner
from tests.integration.sandbox.conftest import notebook_of

READY = 2
LOOK_ROUND = "print('secret' in dir(), __import__('resource').getrlimit(7)[0])\nsecret = 1"


@pytest.fixture(scope="module")
def runner(kernel_python):
    with SandboxRunner(kernel_python, ready=READY, preloaded=["mailbox"]) as runner:
        yield runner


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def printed(runner, source, *, limits=None):
    execution = runner.run(notebook_of(source), plan=[], limits=limits or Limits())
    assert execution.outcome is Outcome.COMPLETED
    return execution.cells[0].outputs[0].text


def test_what_is_to_be_preloaded_is_there_and_every_kernel_is_used_once(runner):
    descriptors = open_descriptors()
    assert printed(runner, "import sys\nprint('mailbox' in sys.modules)") == "True\n"
    assert {printed(runner, LOOK_ROUND) for _ in range(6)} == {"False 512\n"}
    assert open_descriptors() <= descriptors + 3 * READY


def test_a_kernel_never_runs_under_the_limits_of_the_notebook_before(runner):
    files = "import os\nplace = os.statvfs('/work')\nprint(place.f_blocks * place.f_frsize >> 20)"

    sizes = [
        printed(runner, files, limits=Limits(memory_bytes=mebibytes << 20)) for mebibytes in (800, 800, 400, 400, 800)
    ]

    assert sizes == ["200\n", "200\n", "100\n", "100\n", "200\n"]


def test_kernels_that_ended_while_they_waited_are_replaced(runner):
    assert printed(runner, "print(1)") == "1\n"
    process = runner._server._running.process
    process.kill()
    process.wait()

    assert [printed(runner, f"print({number})") for number in range(3)] == ["0\n", "1\n", "2\n"]


def test_a_notebook_that_runs_ends_in_peace_when_its_fork_server_is_renewed(runner):
    async def execute(source):
        cells = CellSequence(notebook_of(source), kernel=kernel, plan=(), limits=Limits())
        await cells.async_execute()
        return cells.cell_runs[0].outputs

    kernel = runner._call(runner._kernels.take(runner._server, limits=Limits()))
    runner._call(execute("kept = 1"))
    old = runner._server._running

    runner.renew()
    assert printed(runner, "print('kept' in dir())") == "False\n"

    assert runner._server._running is not old
    assert [output.text for output in runner._call(execute("print(kept)"))] == ["1\n"]
    assert old.process.poll() is None
    runner._call(kernel.close())
    assert old.process.poll() is not None


def test_closing_ends_those_that_wait_and_the_runner_can_be_started_again(kernel_python, runner):
    runner.close()  # it may still be forking kernels that wait
    runner = SandboxRunner(kernel_python, ready=READY)
    before = open_descriptors()
    for number in range(2):
        assert printed(runner, f"print({number})") == f"{number}\n"
        runner.close()
        assert open_descriptors() <= before + 1
