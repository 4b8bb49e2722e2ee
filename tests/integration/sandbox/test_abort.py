"""A run that is under way can be given up from another thread, as a worker does when it is told to stop."""

import threading

import pytest

from grader.domain.execution import Limits
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.errors import SandboxFailed


def test_an_aborted_run_has_no_result_and_the_next_one_works(sandbox_runner):
    endless = Notebook(cells=(Cell(index=0, kind=CellKind.CODE, source="while True: pass", cell_id="a"),))
    quick = Notebook(cells=(Cell(index=0, kind=CellKind.CODE, source="print(1)", cell_id="a"),))
    started = threading.Event()

    def give_up():
        started.wait(20)
        sandbox_runner.abort()

    aborting = threading.Thread(target=give_up)
    aborting.start()
    with pytest.raises(SandboxFailed):
        sandbox_runner.run(
            endless, plan=[], limits=Limits(), on_phase=lambda _: threading.Timer(0.5, started.set).start()
        )
    aborting.join()

    execution = sandbox_runner.run(quick, plan=[], limits=Limits())
    assert execution.cells[0].outputs[0].text == "1\n"
