"""Processes that collide and processes that are killed: nothing accepted is lost, nothing is done twice."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from school import School

SUPPORT = Path(__file__).parents[1] / "support"
PATIENCE_S = 300


@pytest.fixture
def school(tmp_path):
    school = School.open(tmp_path)
    school.offer()
    school.work_off()
    yield school
    school.stores.storage.close()


@pytest.fixture
def start(tmp_path):
    started = []

    def start_process(*words):
        command = [sys.executable, str(SUPPORT / "school_process.py"), str(tmp_path), *map(str, words)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.communicate()


def query(school, text):
    with school.stores.storage.reading() as tx:
        return [tuple(row) for row in tx.connection.execute(sa.text(text))]


def acknowledged(process, *, at_least):
    return [process.stdout.readline().strip() for _ in range(at_least)]


def check_whole(school, kept):
    """Every submission told 'kept' is there with its bytes, one run, and a job or a result; nothing is half there."""
    assert query(school, "PRAGMA integrity_check") == [("ok",)]
    assert query(school, "PRAGMA foreign_key_check") == []
    stored = dict(query(school, "SELECT submission_id, notebook FROM submissions"))
    assert set(kept) <= set(stored)
    for blob in stored.values():
        assert school.stores.blobs.get(blob)
    runs = query(school, "SELECT submission_id, run_id, state FROM runs")
    assert Counter(submission for submission, _, _ in runs) == Counter(list(stored))
    jobs = Counter(subject for (subject,) in query(school, "SELECT subject FROM jobs"))
    unfinished = Counter(run for _, run, state in runs if state != "finished")
    assert jobs == unfinished


def test_processes_that_hand_in_at_once_get_numbers_without_gap_or_double(school, start):
    each = 15
    processes = [start("hand-in", login, each) for login in ("ann", "ann", "bob", "ann")]
    kept = []
    for process in processes:
        out, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
        kept += out.split()
    check_whole(school, kept)
    numbers = query(
        school, "SELECT login, number FROM submissions JOIN people USING (person_id) ORDER BY login, number"
    )
    for login in ("ann", "bob"):
        own = [number for person, number in numbers if person == login]
        assert own == list(range(1, len(own) + 1))
    assert len([number for person, number in numbers if person == "bob"]) == each


@pytest.mark.parametrize("pause_s", [0, 0.003, 0.007, 0.013])
def test_a_process_killed_while_it_stores_loses_nothing_it_accepted(school, start, pause_s):
    process = start("hand-in", "ann", 100_000)
    kept = acknowledged(process, at_least=10)
    time.sleep(pause_s)  # any moment will do: this only makes them differ
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == ""
    kept += rest.split()
    check_whole(school, kept)
    again = school.submit("bob")
    assert again.created


def test_workers_killed_while_they_grade_lose_and_double_nothing(school, start):
    people_hand_in = [start("hand-in", login, 12) for login in ("ann", "bob")]
    workers = [start("grade", f"w{number}") for number in range(2)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for number in range(4):
        time.sleep(0.1)  # let it take something up
        workers[number % 2].kill()
        workers[number % 2] = start("grade", f"w{number + 2}")
        assert workers[number % 2].stdout.readline() == "ready\n"
    kept = [line for process in people_hand_in for line in process.communicate(timeout=PATIENCE_S)[0].split()]
    deadline = time.monotonic() + PATIENCE_S
    while query(school, "SELECT count(*) FROM runs WHERE state != 'finished'") != [(0,)]:
        assert time.monotonic() < deadline, query(school, "SELECT state, count(*) FROM runs GROUP BY state")
        time.sleep(0.05)
    check_whole(school, kept)
    assert query(school, "SELECT count(*) FROM jobs") == [(0,)]
    doubled = query(school, "SELECT run_id, count(*) FROM question_results GROUP BY run_id HAVING count(*) != 2")
    assert doubled == []
    assert query(school, "SELECT count(*) FROM counting_runs") == query(school, "SELECT count(*) FROM submissions")
    for worker in workers:
        worker.terminate()
        assert worker.wait(PATIENCE_S) == 0
