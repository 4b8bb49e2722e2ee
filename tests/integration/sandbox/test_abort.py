"""A run can be given up from another thread, as a worker does when it is told to stop, wherever it is just then."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from grader.domain.execution import Limits
from grader.errors import SandboxFailed
from grader.sandbox.box import Box, Proc
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.runner import SandboxRunner
from tests.integration.sandbox.conftest import notebook_of


def printed(runner):
    return runner.run(notebook_of("print(1)"), plan=[], limits=Limits()).cells[0].outputs[0].text


def test_an_aborted_run_has_no_result_and_the_next_one_works(sandbox_runner):
    started = threading.Event()

    def give_up():
        started.wait(20)
        sandbox_runner.abort()

    aborting = threading.Thread(target=give_up)
    aborting.start()
    with pytest.raises(SandboxFailed, match="aborted"):
        sandbox_runner.run(
            notebook_of("while True: pass"),
            plan=[],
            limits=Limits(),
            on_phase=lambda _: threading.Timer(0.5, started.set).start(),
        )
    aborting.join()

    assert printed(sandbox_runner) == "1\n"


def test_a_stop_while_a_kernel_is_being_handed_out_reaches_the_run(sandbox_runner):
    with pytest.raises(SandboxFailed, match="aborted"):
        sandbox_runner.run(
            notebook_of("while True: pass"), plan=[], limits=Limits(), on_phase=lambda _: sandbox_runner.abort()
        )

    assert printed(sandbox_runner) == "1\n"


def test_a_stop_while_the_fork_server_starts_does_not_wait_for_it(tmp_path, kernel_python):
    runner = SandboxRunner(kernel_python)
    never = tmp_path / "never"
    never.write_text("#!/bin/sh\nexec sleep 600\n")
    never.chmod(0o755)
    tmp_path.chmod(0o755)
    starts = threading.Event()

    class Endless(Box):
        def check(self):
            starts.set()

        def command(self, *, control_fd):
            return [str(never)]

    runner._server = ForkServer(Endless(kernel_python=kernel_python, wanted_proc=Proc.OWN))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(printed, runner)
        assert starts.wait(20)
        runner.abort()
        with pytest.raises(SandboxFailed, match="aborted"):
            running.result(20)
    runner.close()
