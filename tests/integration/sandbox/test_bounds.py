"""What holds a notebook to its memory and its share of the processor: control groups, and what stands in for them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.domain.execution import CellState, Limits, Outcome
from grader.sandbox.cgroups.groups import Groups
from grader.sandbox.cgroups.places import MEMORY, PROCESSOR, find_places
from grader.sandbox.shares import niceness_of
from tests.integration.sandbox.conftest import notebook_of

SMALL = Limits(outside_s=20.0, total_s=40.0, memory_bytes=200 << 20)
CONTROLLERS = {controller for place in find_places() for controller in place.controllers}

PEAKS = ("memory.max_usage_in_bytes", "memory.peak")

needs_groups = pytest.mark.skipif(
    not {MEMORY, PROCESSOR} <= CONTROLLERS, reason=f"needs control groups for memory and the processor: {CONTROLLERS}"
)


@pytest.fixture(params=[pytest.param(True, id="groups", marks=needs_groups), pytest.param(False, id="no groups")])
def bounded_by(request, sandbox_runner, monkeypatch):
    """The runner, with groups where it has any, or as on a machine that has none."""
    if not request.param:
        monkeypatch.setattr(sandbox_runner._kernels, "_groups", Groups(lambda: []))
    return sandbox_runner


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "import mmap\nshared = mmap.mmap(-1, 1 << 30)\nfor at in range(0, 1 << 30, 4096): shared[at] = 1",
            id="shared with nobody",
        ),
        # It waits for all of them: one that is killed alone must not let the cell go on before the rest is ended.
        pytest.param(
            "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        kept = bytearray(b'x') * (80 << 20)\n"
            "        time.sleep(30)\nfor _ in range(4): os.wait()",
            id="in several processes, none of which holds too much",
        ),
        pytest.param(
            "open('/tmp/a', 'wb').write(b'x' * (45 << 20))\nkept = []\n"
            "for _ in range(160): kept.append(bytearray(b'x') * (1 << 20))\nimport time\ntime.sleep(30)",
            id="with files in memory",
        ),
    ],
)
def test_whoever_takes_too_much_memory_is_ended_by_that_name(bounded_by, source):
    execution = bounded_by.run(notebook_of(source, "print(1)"), plan=[], limits=SMALL)

    assert execution.outcome is Outcome.OUT_OF_MEMORY
    assert [cell.state for cell in execution.cells] == [CellState.ENDED_KERNEL, CellState.NOT_RUN]


def test_whoever_takes_too_much_piece_by_piece_is_refused_or_ended(bounded_by):
    """The bound of one process and the one of all of them are equally high: either may be met first."""
    source = "kept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 20))"

    execution = bounded_by.run(notebook_of(source), plan=[], limits=SMALL)

    (cell,) = execution.cells
    if execution.outcome is Outcome.COMPLETED:
        assert (cell.state, cell.error.name) == (CellState.RAISED, "MemoryError")
    else:
        assert (execution.outcome, cell.state) == (Outcome.OUT_OF_MEMORY, CellState.ENDED_KERNEL)


def test_what_fits_is_left_alone(bounded_by):
    source = (
        "open('/tmp/a', 'wb').write(b'x' * (40 << 20))\nkept = bytearray(b'x') * (90 << 20)\nprint(len(kept) >> 20)"
    )

    execution = bounded_by.run(notebook_of(source), plan=[], limits=SMALL)

    assert (execution.outcome, execution.cells[0].outputs[0].text) == (Outcome.COMPLETED, "90\n")


def test_without_groups_a_notebook_with_many_threads_gets_nicer_and_cannot_take_it_back(sandbox_runner, monkeypatch):
    monkeypatch.setattr(sandbox_runner._kernels, "_groups", Groups(lambda: []))
    source = (
        "import os, threading\n"
        "for _ in range(30): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "threads = len(os.listdir('/proc/self/task'))\n"
        "while os.getpriority(os.PRIO_PROCESS, 0) == 0: pass\n"
        "print(threads, os.getpriority(os.PRIO_PROCESS, 0))\n"
        "os.setpriority(os.PRIO_PROCESS, 0, 0)"
    )

    execution = sandbox_runner.run(notebook_of(source), plan=[], limits=Limits())

    assert execution.cells[0].outputs[0].text[:1].isdecimal(), execution.cells[0]
    threads, niceness = map(int, execution.cells[0].outputs[0].text.split())
    assert niceness == niceness_of(threads) > 10
    assert execution.cells[0].error.name == "PermissionError"


@needs_groups
def test_each_kernel_is_in_a_group_of_its_own_which_is_used_again(sandbox_runner):
    groups = sandbox_runner._groups
    made = []
    for _ in range(3):
        sandbox_runner.run(notebook_of("kept = bytearray(b'x') * (60 << 20)"), plan=[], limits=SMALL)
        made.append(len(groups._made))

    assert len(groups._free) == made[0] == made[-1]
    assert max(most_held(folder) for group in groups._made for folder in group.folders) > 60 << 20


def most_held(folder: Path) -> int:
    return max(
        (int(file.read_text()) for name in PEAKS if (file := folder / name).exists()),
        default=0,
    )


@pytest.fixture
def groups() -> Iterator[Groups]:
    groups = Groups()
    yield groups
    folders = {home for _, home in groups._homes or ()}
    groups.close()
    assert not any(folder.exists() for folder in folders)


def start(source: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


CROWD = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[2])})
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        break
parent = os.getppid()
while os.getppid() == parent: pass
"""


@needs_groups
def test_a_notebook_with_many_processes_takes_no_more_of_the_processor_than_another(groups):
    """Both on one processor, until they have had half a second of it together; what others do meanwhile hits both."""
    processor = str(min(os.sched_getaffinity(0)))
    alone, crowd = start(CROWD, "1", processor), start(CROWD, "15", processor)
    try:
        for process in (alone, crowd):
            groups.admit(process.pid, Limits())
        for process in (crowd, alone):
            process.stdin.write("go\n")
            process.stdin.flush()
        used = {"alone": 0, "crowd": 0}
        while sum(used.values()) < 50:
            used = {"alone": ticks(alone.pid), "crowd": ticks(crowd.pid)}
        assert used["alone"] > 0.25 * sum(used.values()), used
    finally:
        end(alone)
        end(crowd)


def ticks(pid: int) -> int:
    """Hundredths of a second that a process and its children have run."""
    total = 0
    for task in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        fields = Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total
