"""The supervisor with real processes: restarted with back-off, stopped together, orphaned by kill -9."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from grader.errors import AlreadyRunning, PortInUse
from grader.supervisor import Child, DataFolderLock, Supervisor, listen

PATIENCE_S = 20


def wait_for(condition) -> None:
    done = threading.Event()
    for _ in range(PATIENCE_S * 50):
        if condition():
            return
        done.wait(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture
def supervisor(monkeypatch):
    """A supervisor of one sleeping child, run in a thread."""
    child = Child(name="sleeper", arguments=())
    supervisor = Supervisor([child], shutdown_s=5)

    def start(child: Child) -> None:
        child.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    monkeypatch.setattr(supervisor, "_start", start)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    wait_for(lambda: child.process is not None)
    yield supervisor, child
    supervisor.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_child_that_dies_is_started_again(supervisor):
    _, child = supervisor
    first = child.process

    first.kill()

    wait_for(lambda: child.process is not None and child.process is not first)
    assert child.process.poll() is None


def test_the_back_off_doubles(supervisor):
    _, child = supervisor
    before = child.backoff_s

    child.process.kill()

    wait_for(lambda: child.backoff_s == 2 * before)


def test_stopping_ends_the_children(supervisor):
    supervisor, child = supervisor
    process = child.process

    supervisor.stop()

    wait_for(lambda: process.poll() is not None)


def test_children_end_when_the_supervisor_is_killed(tmp_path):
    script = tmp_path / "supervise.py"
    script.write_text(
        "import os, sys, time, threading\n"
        "from grader import supervisor\n"
        "if 'child' in sys.argv:\n"
        "    supervisor.follow_lifeline()\n"
        "    open(sys.argv[-1], 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n"
        "real = supervisor.subprocess.Popen\n"
        "def popen(command, **options):\n"
        "    return real([sys.executable, __file__, 'child', sys.argv[-1]], **options)\n"
        "supervisor.subprocess.Popen = popen\n"
        "supervisor.Supervisor([supervisor.Child(name='c', arguments=())], shutdown_s=5).run()\n"
    )
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(script), str(told)])
    try:
        wait_for(lambda: told.exists() and told.read_text())
        child = psutil.Process(int(told.read_text()))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(PATIENCE_S)
        _, alive = psutil.wait_procs([child], timeout=PATIENCE_S)
        assert alive == []
    finally:
        if parent.poll() is None:
            parent.kill()


def test_only_one_service_runs_on_a_data_folder(tmp_path: Path):
    with DataFolderLock(tmp_path), pytest.raises(AlreadyRunning) as caught, DataFolderLock(tmp_path):
        pass

    assert caught.value.facts == {"folder": str(tmp_path)}


def test_the_lock_is_free_again_afterwards(tmp_path: Path):
    with DataFolderLock(tmp_path):
        pass
    with DataFolderLock(tmp_path):
        pass


def test_a_busy_port_is_named():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            listen("127.0.0.1", port)

    assert caught.value.facts["port"] == port
