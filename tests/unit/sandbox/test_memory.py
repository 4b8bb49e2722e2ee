"""What the memory watchdog counts, on processes that are there: this one and its children."""

import mmap
import os
import subprocess
import sys

import pytest

from grader.sandbox.memory import estimate_tree, measure_tree

MEBIBYTE = 1 << 20
_HOLD = "import sys; kept = bytearray(b'x') * (int(sys.argv[1]) << 20); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, "64"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


def test_the_estimate_that_spares_a_measurement_is_never_below_it(child):
    for pid in (os.getpid(), child.pid):
        # Linux may keep some pages of each processor in hand before it adds them to the numbers of a process.
        assert estimate_tree(pid) >= measure_tree(pid) - MEBIBYTE


def test_a_tree_s_memory_holds_its_children_s(child):
    for count in (estimate_tree, measure_tree):
        assert count(os.getpid()) >= count(child.pid) >= 64 * MEBIBYTE


def test_memory_that_no_file_stands_behind_counts_where_processes_share_it():
    before = estimate_tree(os.getpid())
    with mmap.mmap(-1, 32 * MEBIBYTE) as shared:
        shared.write(b"x" * (32 * MEBIBYTE))
        assert estimate_tree(os.getpid()) >= before + 31 * MEBIBYTE


def test_a_process_that_has_gone_holds_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert (estimate_tree(process.pid), measure_tree(process.pid)) == (0, 0)
