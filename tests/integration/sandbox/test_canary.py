"""The canary in real cages: the whole one passes, and each layer that is left out shows on the lines that it held."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import Response
from school import School

from grader.domain.cage import LineState
from grader.domain.submission import RunState
from grader.domain.text import Language
from grader.flow.watch import CageWatch
from grader.sandbox.box import KERNEL_FOLDER, Box
from grader.sandbox.canary.cage import Canary, unanswered_lines
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.runner import SandboxRunner
from grader.web.api.health import readyz
from grader.web.api.submissions import get_submission
from grader.web.services import Services
from grader.worker import Pace, Worker

PATIENCE_S = 180
"""For what must happen, however slow the machine: three starts of a fork server."""

BROKEN_IN = """

def _break_in(names):
    from pathlib import Path
    exec(Path(__file__).with_name("sabotage.txt").read_text(), names)
    return names
_whole_confine, _whole_enter = confine, enter_new_pid_namespace
def confine(*args, **facts):
    _break_in(globals())
    _whole_confine(*args, **facts)
def enter_new_pid_namespace(fd):
    # This is still the fork server, in which nothing may stay.
    _break_in(dict(globals()))["_whole_enter"](fd)
"""
"""At the end of confine.py: a saboteur who leaves out what the host wrote down, kernel by kernel."""
UNWARMED = "\n_PRELOADED = ()\n_WARM_UP_CELLS = ()\n"
"""At the end of forkserver.py: it is asked for a few kernels only."""
UNVERIFIED = "def _verify(*args, **facts): pass\n"
"""Kernels look themselves whether they are locked in, and would not start; the canary must see it without that."""


class SabotagedBox(Box):
    """A cage whose kernels run an edition of our kernel folder that lies beside its bubblewrap."""

    def _binds(self) -> dict[Path, Path]:
        edition = Path(self.bubblewrap).with_name("kernel")
        return {
            inside: edition if outside == KERNEL_FOLDER else outside for inside, outside in super()._binds().items()
        }


class Sabotage:
    """A runner in a folder of its own, where layers can be taken away and given back."""

    def __init__(self, folder: Path, kernel_python: Path) -> None:
        self._folder = folder
        edition = folder / "kernel"
        shutil.copytree(KERNEL_FOLDER, edition, ignore=shutil.ignore_patterns("__pycache__"))
        for name, lines in (("confine", BROKEN_IN), ("forkserver", UNWARMED)):
            module = edition / f"{name}.py"
            module.write_text(module.read_text() + lines)
        self.restore()
        program = folder / "bwrap"
        self.runner = SandboxRunner(kernel_python, bubblewrap=str(program))
        self.runner._box = SabotagedBox(kernel_python=kernel_python, bubblewrap=str(program))
        self.runner._server = ForkServer(self.runner._box)
        self.canary = Canary(self.runner, kernel_python=kernel_python)

    def leave_out(self, lines: str) -> None:
        """Of the next kernels: what these lines put in place of names of confine.py."""
        (self._folder / "kernel" / "sabotage.txt").write_text(lines)

    def open_outside(self, options: str) -> None:
        """Give the next cage these options of bubblewrap too; none of its namespaces but the network is shared."""
        program = self._folder / "bwrap"
        program.write_text(
            "#!/bin/sh\n"
            'for word; do\n    shift\n    [ "$word" = --unshare-net ] || set -- "$@" "$word"\ndone\n'
            f'exec {shutil.which("bwrap")} {options} "$@"\n'
        )
        program.chmod(0o755)

    def restore(self) -> None:
        self.leave_out("")
        self.open_outside("")

    def broken_lines(self) -> dict[str, str]:
        """The lines that are not ok, and what was found."""
        lines = self.canary.try_cage()
        assert all(line.state is not LineState.UNKNOWN for line in lines), lines
        return {line.name: line.found for line in lines if line.state is not LineState.OK}


@pytest.fixture(scope="module")
def sabotage(kernel_python: Path) -> Iterator[Sabotage]:
    # Everybody may enter it, unlike pytest's own folders: root starts the cage as nobody.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        sabotage = Sabotage(Path(folder), kernel_python)
        yield sabotage
        sabotage.runner.close()


def test_the_cage_holds_whatever_the_canary_tries(sandbox_runner, kernel_python, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "not for kernels")
    monkeypatch.setenv("SOMETHING_ELSE", "not for kernels either")

    lines = Canary(sandbox_runner, kernel_python=kernel_python).try_cage()

    assert {line.name: (line.state, line.found) for line in lines if line.state is not LineState.OK} == {}
    silent = unanswered_lines()
    assert [line.name for line in silent] == [line.name for line in lines]
    assert {line.state for line in silent} == {LineState.UNKNOWN}


@pytest.mark.parametrize(
    ("left_out", "broken"),
    [
        pytest.param("", {}, id="nothing, so that nothing but the sabotage shows"),
        pytest.param(
            "_CLONE_NEWNET = 0\n",
            {"own_namespaces": "net:", "outside_sockets": "abstract: done"},
            id="network namespace",
        ),
        pytest.param(
            UNVERIFIED + "def _whole_enter(fd): _libc.setns(fd, _CLONE_NEWPID)\n",
            {"processes": "parent"},
            id="process namespace",
        ),
        pytest.param(
            "def _set_limits(limits): pass\n",
            {"bounds": "processes", "exhaustion": "memory: done", "raising_limits": "RLIMIT_DATA: done"},
            id="limits",
        ),
        pytest.param(
            UNVERIFIED + "def _drop_privileges(): _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)\n",
            {"capabilities": "effective"},
            id="capabilities",
        ),
        pytest.param(
            "if os.getpid() == 1: os.environ['GRADER_TOKEN'] = 'x'\n",
            {"environment": "GRADER_TOKEN"},
            id="environment",
        ),
        pytest.param(
            "_places = _make_private_places\n"
            "def _make_private_places(*args, **facts):\n"
            "    _places(*args, **facts)\n"
            "    _mount('tmpfs', '/etc', kind='tmpfs', flags=0, options='mode=1777')\n",
            {"writing": "/etc: done"},
            id="read-only folders",
        ),
        pytest.param(
            "def _redirect_standard_streams(): pass\n",
            {"descriptors": "1: file"},
            id="standard streams of its own",
        ),
    ],
)
def test_a_layer_that_is_left_out_shows_on_its_own_lines_alone(sabotage, left_out, broken):
    sabotage.restore()
    sabotage.leave_out(left_out)

    found = sabotage.broken_lines()

    assert found.keys() == broken.keys()
    assert [name for name, words in broken.items() if words not in found[name]] == []


def test_without_its_filter_a_kernel_can_do_what_only_the_filter_forbids(sabotage):
    sabotage.restore()
    sabotage.leave_out(UNVERIFIED + "def _install_filter(program): pass\n")

    found = sabotage.broken_lines()

    must = {"lockdown", "new_namespaces", "tracing", "userfaultfd", "keyring", "shared_memory", "sockets"}
    # Whether these are allowed without it is a setting of the machine.
    may = {"io_uring", "perf_events", "bpf"}
    assert must <= found.keys() <= must | may


def test_an_upload_waits_while_the_cage_leaks_and_is_graded_when_it_is_whole_again(sabotage, tmp_path):
    sabotage.restore()
    sabotage.open_outside("--ro-bind /etc /opt/etc --ro-bind /etc /etc")
    school = School.open(tmp_path)
    school.offer()
    services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )
    watch = CageWatch(sabotage.canary, runner=sabotage.runner, clock=school.clock, every_s=3600)
    pace = Pace(keep_s=0.5, sandbox_retry_s=0.2, unsafe_retry_s=0.2)
    worker = Worker(
        "w", bench=school.bench(runner=sabotage.runner), watch=watch, abort=sabotage.runner.abort, pace=pace
    )
    stop = threading.Event()
    working = threading.Thread(target=worker.run, args=(stop,))
    working.start()
    try:
        receipt = school.submit("ann")
        submission_id = receipt.submission.submission_id
        until(lambda: readyz(services, Language.EN, Response()).workers[0].sandbox == "unsafe")

        ready = readyz(services, Language.EN, response := Response())
        waiting = get_submission(submission_id, services, school.caller("ann"), Language.EN)

        assert response.status_code == 503
        assert any("Grading is paused" in told and "reading the machine's files" in told for told in ready.missing)
        assert (waiting.state, "Grading is paused" in waiting.message) == ("queued", True)

        sabotage.restore()
        until(lambda: run_state(school, receipt) is RunState.FINISHED)
        assert readyz(services, Language.EN, response := Response()).ready
        graded = get_submission(submission_id, services, school.caller("ann"), Language.EN)
        assert graded.totals.score == 15
    finally:
        stop.set()
        working.join(PATIENCE_S)
        school.stores.storage.close()
    assert not working.is_alive()


def run_state(school, receipt) -> RunState:
    with school.stores.storage.reading() as tx:
        return tx.runs.get(receipt.run.run_id).state


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
