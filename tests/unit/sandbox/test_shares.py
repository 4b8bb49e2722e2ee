"""Many threads of one notebook weigh what one of another does, where nothing but niceness tells Linux so."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox.process_tree import list_processes, list_threads
from grader.sandbox.shares import niceness_of, share_evenly

WEIGHTS = (1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15)
"""What Linux gives a thread of each niceness from 0 on (sched_prio_to_weight in kernel/sched/core.c)."""

BUSY = """
import subprocess, sys, threading
below = subprocess.Popen([sys.executable, "-c", "print('there', flush=True); input()"], stdin=sys.stdin)
for _ in range(int(sys.argv[1])):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
below.wait()
"""


@given(threads=st.integers(1, 64))
def test_a_notebook_with_threads_weighs_no_more_than_one_without_and_not_next_to_nothing(threads):
    weight = threads * WEIGHTS[niceness_of(threads)]

    assert WEIGHTS[0] / 2 < weight <= WEIGHTS[0] * 1.01  # Linux rounds


def test_one_thread_is_left_alone():
    assert niceness_of(1) == niceness_of(0) == 0


@pytest.fixture
def crowd():
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY, "10"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert {process.stdout.readline() for _ in range(2)} == {"ready\n", "there\n"}
    yield process.pid
    process.stdin.close()
    process.wait()
    process.stdout.close()


def niceness(pid):
    threads = [thread for process in list_processes(pid) for thread in list_threads(process)]
    return len(threads), {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}


def test_every_thread_of_the_tree_gets_nicer_and_none_of_ours(crowd):
    before = os.getpriority(os.PRIO_PROCESS, 0)
    share_evenly(crowd)

    assert niceness(crowd) == (12, {niceness_of(12)})
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_who_is_nicer_already_stays_so(crowd):
    os.setpriority(os.PRIO_PROCESS, crowd, 19)
    share_evenly(crowd)

    assert niceness(crowd)[1] == {19, niceness_of(12)}


def test_a_tree_that_has_gone_has_no_share():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    share_evenly(process.pid)
    assert (list(list_processes(process.pid)), list_threads(process.pid)) == ([process.pid], ())
