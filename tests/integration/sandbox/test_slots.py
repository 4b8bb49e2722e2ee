"""Several notebooks run at the same time in one sandbox, each in a kernel of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from grader.domain.execution import Limits, Outcome
from grader.errors import SandboxFailed
from grader.sandbox.runner import SandboxRunner
from tests.integration.sandbox.conftest import notebook_of

SLOTS = 3


@pytest.fixture(scope="module")
def runner(kernel_python):
    with SandboxRunner(kernel_python, slots=SLOTS) as runner:
        yield runner


def test_as_many_run_at_once_as_there_are_slots(runner):
    all_started = threading.Barrier(SLOTS, timeout=60)

    def run(number):
        # Each waits inside its slot for the others: with fewer slots none of them would get further.
        source = f"secret = {number}\nprint([name for name in dir() if name == 'secret'], secret)"
        return runner.run(notebook_of(source), plan=[], limits=Limits(), on_phase=lambda _: all_started.wait())

    with ThreadPoolExecutor(SLOTS) as pool:
        executions = list(pool.map(run, range(SLOTS)))

    assert [execution.cells[0].outputs[0].text for execution in executions] == [
        f"['secret'] {number}\n" for number in range(SLOTS)
    ]


def test_many_runs_wait_for_a_slot_and_none_is_mixed_up(runner):
    def run(number):
        return runner.run(notebook_of(f"print({number})"), plan=[], limits=Limits()).cells[0].outputs[0].text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(24))) == [f"{number}\n" for number in range(24)]


def test_a_kernel_that_is_killed_takes_no_other_along(runner):
    greedy = "held = [bytearray(8 * 1024**2) for _ in range(1000)]"
    quick = "import time\ntime.sleep(1)\nprint('done')"

    with ThreadPoolExecutor(2) as pool:
        killed = pool.submit(
            runner.run, notebook_of(greedy), plan=[], limits=Limits(memory_bytes=200 * 1024**2, total_s=20)
        )
        beside = pool.submit(runner.run, notebook_of(quick), plan=[], limits=Limits())

        assert killed.result().outcome is Outcome.OUT_OF_MEMORY or killed.result().cells[0].error is not None
        assert beside.result().cells[0].outputs[0].text == "done\n"


def test_abort_ends_all_that_runs(runner):
    both_started = threading.Barrier(3, timeout=60)

    def run():
        with pytest.raises(SandboxFailed, match="aborted"):
            runner.run(
                notebook_of("while True: pass"), plan=[], limits=Limits(), on_phase=lambda _: both_started.wait()
            )

    running = [threading.Thread(target=run) for _ in range(2)]
    for thread in running:
        thread.start()
    both_started.wait()
    runner.abort()
    for thread in running:
        thread.join()

    assert runner.run(notebook_of("print(1)"), plan=[], limits=Limits()).cells[0].outputs[0].text == "1\n"


def test_closing_waits_for_what_runs(kernel_python):
    runner = SandboxRunner(kernel_python, slots=2)
    started = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            runner.run,
            notebook_of("import time\ntime.sleep(1)\nprint('whole')"),
            plan=[],
            limits=Limits(),
            on_phase=lambda _: started.set(),
        )
        started.wait(60)
        runner.close()

        assert running.result().cells[0].outputs[0].text == "whole\n"
