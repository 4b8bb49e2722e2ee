"""What is looked at after an attack, and what there is to complain of: nothing, or the attack has succeeded."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

from grader.domain.execution import CellRun, CellState, Execution, Outcome
from grader.sandbox.outputs import NOTEBOOK_MAX_BYTES
from tests.hostile.attack import Attack

GROWTH_MAX_BYTES = 150 * 1024**2
_GRACE_FACTOR, _GRACE_S = 2, 20.0
"""How far beyond its limit an execution may end on a machine that is busy; what nothing ends takes longer still."""
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no text of ours may hold: escape sequences begin with these, and half characters cannot be written."""
_PLACES = ("/", "/tmp", "/dev/shm", "/var/tmp", "/work", ".")
CGROUPS = "/sys/fs/cgroup/"
_VALIDATED_OUTPUTS = 20
"""Of each cell; the schema is slow."""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What an attack could leave behind in this process and on this machine."""

    processes: frozenset[tuple[int, str]] = frozenset()
    """Below this one: number and name."""
    descriptors: Mapping[int, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    """Ours that are temporary, and those that attacks make."""
    cgroups: frozenset[str] = frozenset()


def look(temporary: Path) -> Traces:
    """See what there is now.

    Args:
        temporary: the folder in which this process makes its temporary files.
    """
    below = psutil.Process().children(recursive=True)
    descriptors = dict(_descriptors())
    files = [path for place in _PLACES for path in Path(place).glob("hostile-*")]
    return Traces(
        processes=frozenset((process.pid, _name_of(process)) for process in below),
        descriptors=descriptors,
        files=frozenset(map(str, [*files, *temporary.iterdir()])),
        cgroups=frozenset(_cgroups(descriptors.values())),
    )


def _name_of(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return "gone"


def _descriptors() -> Iterator[tuple[int, str]]:
    """Open descriptors but those into /proc: the memory watchdog's thread may be looking at one more number."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue  # that of the folder itself
        if not target.startswith("/proc/"):
            yield int(entry.name), target


def _cgroups(descriptors: Iterable[str]) -> Iterator[str]:
    """Control groups in the folders that this process holds open, as a runner does with those of its kernels."""
    for folder in {Path(target) for target in descriptors if target.startswith(CGROUPS)}:
        yield from (str(path) for path in folder.rglob("*") if path.is_dir())


class MemoryPeak:
    """How much this process has grown at its largest since it was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the largest size so far
        self._before_bytes = self._status("VmRSS:")

    @property
    def growth_bytes(self) -> int:
        return self._status("VmHWM:") - self._before_bytes

    def _status(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


@dataclass(frozen=True, kw_only=True)
class Case:
    """An attack, and all that was seen of it."""

    attack: Attack
    execution: Execution
    before: Traces
    after: Traces
    growth_bytes: int
    victim: str
    """What the victim says; '' when it has noticed nothing."""
    following: Execution
    """Of the notebook that came next."""
    secrets: Sequence[str]
    """What may stand in nothing that came out."""
    has_proc: bool = True
    """Whether kernels have a /proc of their own; in most containers theirs is empty."""


FOLLOWING = "import os, torch\nprint(torch.ones(2).sum(), *(os.listdir(p) for p in ('/work', '/tmp', '/dev/shm')))"
FOLLOWING_SHOWS = "tensor(2.) [] [] []\n"


def complaints(case: Case) -> list[str]:
    """Everything that an attack has achieved."""
    return [*_of_outcome(case), *_of_traces(case), *_of_outputs(case), *_of_notebook(case)]


def _of_outcome(case: Case) -> Iterator[str]:
    attacking, following_cell = case.execution.cells
    is_stopped = not case.has_proc and _found_no_proc(attacking)
    if not is_stopped and not any(end.is_end_of(case.execution) for end in case.attack.ends):
        said = [output.text[-500:] for output in attacking.outputs]
        yield f"ended {case.execution.outcome}, {attacking.state} with {attacking.error}: {said}"
    if case.execution.seconds > _GRACE_FACTOR * case.attack.limits.total_s + _GRACE_S:
        yield f"ended after {case.execution.seconds:.0f} of {case.attack.limits.total_s:.0f} seconds"
    has_completed = case.execution.outcome is Outcome.COMPLETED
    if has_completed == (following_cell.state in (CellState.NOT_RUN, CellState.ENDED_KERNEL)):
        yield f"the cell behind it: {following_cell.state}"
    if case.victim:
        yield f"the victim: {case.victim}"
    shown = "".join(output.text for output in case.following.cells[0].outputs)
    if shown != FOLLOWING_SHOWS:
        yield f"the next kernel: {case.following.outcome}, {shown!r}"


def _found_no_proc(cell: CellRun) -> bool:
    """Whether it came to nothing because it looked into a /proc in which there is nothing."""
    return cell.error is not None and cell.error.name == "FileNotFoundError" and "'/proc/" in cell.error.message


def _of_traces(case: Case) -> Iterator[str]:
    before, after = case.before, case.after
    if case.growth_bytes > GROWTH_MAX_BYTES:
        yield f"the grader grew by {case.growth_bytes >> 20} MB"
    for kind, left in (
        ("process", after.processes - before.processes),
        ("descriptor", after.descriptors.items() - before.descriptors.items()),
        ("file", after.files - before.files),
        ("cgroup", after.cgroups - before.cgroups),
    ):
        if left:
            yield f"a {kind} is left: {sorted(map(str, left))}"
    if missing := before.processes - after.processes:
        yield f"a process is gone: {missing}"


def _of_outputs(case: Case) -> Iterator[str]:
    for cell in case.execution.cells:
        for text in _texts(cell):
            if (found := _CONTROL.search(text)) is not None:
                yield f"a text with {found[0]!r}: {text[max(0, found.start() - 40) :][:100]!r}"
    for secret in case.secrets:
        if secret.encode() in case.execution.executed_notebook:
            yield f"a secret came out: {secret}"


def _texts(cell: CellRun) -> Iterator[str]:
    yield from (output.text for output in cell.outputs)
    if cell.error is not None:
        yield from (cell.error.name, cell.error.message)


def _of_notebook(case: Case) -> Iterator[str]:
    """The executed notebook can be given back: UTF-8, valid, of bounded size, with no metadata of the student's."""
    data = case.execution.executed_notebook
    if len(data) > NOTEBOOK_MAX_BYTES:
        yield f"an executed notebook of {len(data) >> 20} MB"
    try:
        written = nbformat.reads(data.decode(), as_version=4)
        for cell in written.cells:
            cell.outputs = cell.get("outputs", [])[:_VALIDATED_OUTPUTS]
        nbformat.validate(written)
    except (ValueError, nbformat.ValidationError) as error:
        yield f"no notebook: {str(error)[:300]}"
        return
    if any(output.get("metadata") for cell in written.cells for output in cell.outputs):
        yield "metadata of an output"
