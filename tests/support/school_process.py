"""A process of its own on a school's folder, for tests that kill it: hands in, or grades, until it is stopped.

school_process.py FOLDER hand-in LOGIN COUNT    prints each submission's id once it was told "kept"
school_process.py FOLDER grade NAME             prints "ready", then works
"""

import itertools
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from doubles import FakeRunner
from school import School, notebook_bytes

from grader.worker import Pace, Worker


class SystemClock:
    def now(self):
        return datetime.now(UTC)


def open_school(folder):
    return School.open(Path(folder), clock=SystemClock(), lease_s=1)


def hand_in(folder, login, count):
    school = open_school(folder)
    for number in itertools.islice(itertools.count(), int(count)):
        receipt = school.submit(login, notebook_bytes(x=number, y=4))
        print(receipt.submission.submission_id, flush=True)


def grade(folder, name):
    school = open_school(folder)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    runner = FakeRunner()
    bench = school.bench(runner=runner, max_attempts=50)
    worker = Worker(name, bench=bench, watch=school.watch(runner), pace=Pace(keep_s=0.2))
    print("ready", flush=True)
    worker.run(stop)


if __name__ == "__main__":
    {"hand-in": hand_in, "grade": grade}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
