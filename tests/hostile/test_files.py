"""Each hostile file is refused with its reason, or read, searched for answers and run like any other notebook."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import nbformat
import pytest
from victim import Victim

from grader.catalog import bundled, parse, read_bundle
from grader.domain.execution import Outcome, QuestionPlan
from grader.domain.location import Wanted
from grader.errors import NotebookRefused
from grader.notebook.locate import locate
from grader.notebook.read import read
from grader.sandbox.outputs import NOTEBOOK_MAX_BYTES
from grader.sandbox.runner import SandboxRunner
from tests.hostile.attack import LIMITS
from tests.hostile.files import FILES, HostileFile
from tests.hostile.judge import GROWTH_MAX_BYTES, MemoryPeak, look

PROCESSOR_S = 10
"""What reading a file and looking for answers in it may take of the processor; a hundredth of it is usual."""


@pytest.fixture(scope="module")
def wanted() -> tuple[Wanted, ...]:
    return parse(read_bundle(bundled()["torch-tensor"])).wanted


@contextmanager
def bounded_processor_time() -> Iterator[None]:
    """End what takes longer than any file may: a deadline, so that a file that never ends fails and does not hang."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"more than {PROCESSOR_S} s of the processor")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in FILES])
def test_hostile_file_is_refused_or_graded_like_any_other(
    file: HostileFile, wanted: tuple[Wanted, ...], sandbox_runner: SandboxRunner, victim: Victim, tmp_path: Path
) -> None:
    data = file.make()
    before, memory = look(tmp_path), MemoryPeak()
    reason, outcome, written = "", None, b""
    with bounded_processor_time():
        try:
            notebook = read(data)
        except NotebookRefused as refusal:
            reason = refusal.reason
        else:
            location = locate(notebook, wanted)
    if not reason:
        plan = [QuestionPlan(question_id=name, code_cells=one.code_cells) for name, one in location.answers.items()]
        execution = sandbox_runner.run(notebook, plan=plan, limits=LIMITS)
        outcome, written = execution.outcome, execution.executed_notebook

    growth_bytes, after = memory.growth_bytes, look(tmp_path)
    assert reason == file.refused
    assert growth_bytes < GROWTH_MAX_BYTES
    assert (after.processes, after.descriptors, after.files) == (before.processes, before.descriptors, before.files)
    assert victim.complaint() == ""
    if not reason:
        assert outcome is Outcome.COMPLETED
        assert len(written) < NOTEBOOK_MAX_BYTES + len(data)
        nbformat.validate(nbformat.reads(written.decode(), as_version=4))


def test_no_two_files_have_the_same_name() -> None:
    assert len({file.name for file in FILES}) == len(FILES)
    assert all(file.tries.endswith(".") for file in FILES)
