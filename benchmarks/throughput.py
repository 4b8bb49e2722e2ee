"""Many uploads over HTTP through the whole service: submissions a second, processor time of each, memory as they go.

    .venv/bin/python benchmarks/throughput.py [--submissions N] [--plain N]

What the load generator itself costs is measured and taken off the machine's time; both rates are printed. Beside it run
as many plain nbclient runs at a time as there are workers.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import sqlalchemy as sa
from places import KERNEL_PYTHON, homework_8, timed, usual_notebooks
from processes import CpuMeter, pss_bytes
from rows import Row, print_table
from service import Service, running_service, wait_until
from stock_jupyter import run_plainly, stock_kernel

from grader import wiring
from grader.domain.jobs import SandboxState
from grader.domain.people import Role
from grader.flow.people import NewMember, add_member, make_token

WORKERS = 2
EACH_HANDS_IN = 10
BACKLOG = 40
"""Uploads that wait at most: enough that no worker ever looks in vain."""
SAMPLES = 60
SLOPE_FROM = 1000
"""Below so many submissions a slope says nothing."""
PATIENCE_S = 120.0
WANTED_RATE, WANTED_CPU_S, WANTED_SLOPE_BYTES = 18, 0.1, 1000
WANTED_RATIO = 18 / 0.8
"""The rate beside that of plain nbclient on the machine on which both were set."""


@dataclass(kw_only=True)
class Progress:
    """How much was done when, and what the workers held then."""

    finished: list[int] = field(default_factory=list)
    held_bytes: list[int] = field(default_factory=list)

    def slope(self) -> float:
        """Bytes a submission, without the first tenth: caches fill."""
        start = len(self.finished) // 10
        return statistics.linear_regression(self.finished[start:], self.held_bytes[start:]).slope


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--plain", type=int, default=6)
    options = parser.parse_args()
    print_table(measure(submissions=options.submissions, plain_runs=options.plain))


def measure(*, submissions: int, plain_runs: int) -> list[Row]:
    plain_rate = measure_plainly(plain_runs)
    notebooks = usual_notebooks(submissions)
    progress = Progress()
    with (
        tempfile.TemporaryDirectory() as folder,
        CpuMeter() as meter,
        loaded_service(Path(folder) / "data") as service,
    ):
        tokens = add_students(service, max(1, submissions // EACH_HANDS_IN))
        meter.add(service.process.pid)
        cpu_s, own_s, start = meter.seconds(), time.process_time(), time.monotonic()
        hand_in_all(service, notebooks, tokens=tokens, progress=progress)
        wall_s = time.monotonic() - start
        cpu_s, own_s = meter.seconds() - cpu_s, time.process_time() - own_s
    rate = submissions / wall_s
    alone = submissions / (wall_s - own_s / (os.cpu_count() or 1))
    how = "" if meter.is_exact else ", whole machine"
    against = {"baseline": plain_rate, "beside": "plain nbclient"}
    rows = [
        Row(name="submissions a second", value=rate, unit="1/s", more_is_better=True, **against),
        Row(
            name="without the load generator's share",
            value=alone,
            unit="1/s",
            more_is_better=True,
            wanted=WANTED_RATE,
            **against,
        ),
        Row(
            name="... beside the rate of plain nbclient",
            value=alone / plain_rate,
            unit="times",
            more_is_better=True,
            wanted=WANTED_RATIO,
        ),
        Row(name="processor time of the load generator", value=1000 * own_s / submissions, unit="ms each"),
        Row(name=f"processor time of the service{how}", value=cpu_s / submissions, unit="s each", wanted=WANTED_CPU_S),
        Row(name="workers' memory (PSS) at the end", value=progress.held_bytes[-1] / 1e6, unit="MB"),
    ]
    if submissions >= SLOPE_FROM:
        wanted = {"wanted": WANTED_SLOPE_BYTES}
        rows.append(Row(name="growth of the workers' memory", value=progress.slope(), unit="bytes each", **wanted))
    return rows


def measure_plainly(count: int) -> float:
    """Plain runs a second, as many at a time as there are workers."""
    data = homework_8()
    with (
        tempfile.TemporaryDirectory() as folder,
        stock_kernel(Path(folder), kernel_python=KERNEL_PYTHON),
        ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        list(pool.map(run_plainly, [data] * WORKERS))  # imports are not part of a run
        return count / timed(lambda: list(pool.map(run_plainly, [data] * count)))


@contextmanager
def loaded_service(folder: Path) -> Iterator[Service]:
    """A service whose workers are ready and have graded something."""
    with running_service(folder, GRADER_WORKERS=str(WORKERS)) as service:
        wait_until(lambda: len(ready_workers(service)) == WORKERS, service)
        client = service.add_member("warm-up")
        ids = [client.hand_in(data).json()["id"] for data in usual_notebooks(2 * WORKERS)]
        for one in ids:
            client.wait_for_result(one)
        yield service


def add_students(service: Service, count: int) -> list[str]:
    """Their tokens."""
    logins = [f"student{number}" for number in range(count)]
    with wiring.open_stores(service.settings) as stores:
        for login in logins:
            add_member(NewMember(login=login, name=login, role=Role.STUDENT), course="demo", stores=stores)
        return [make_token(login, label="benchmark", stores=stores).secret for login in logins]


def ready_workers(service: Service) -> list[str]:
    with wiring.open_stores(service.settings) as stores, stores.storage.reading() as tx:
        seen = tx.workers.list_seen(since=datetime.fromtimestamp(0, UTC))
    return [one.worker for one in seen if one.sandbox is SandboxState.READY]


def hand_in_all(service: Service, notebooks: list[bytes], *, tokens: list[str], progress: Progress) -> None:
    """Keep the backlog full until all are finished."""
    client = service.client(None)
    children = psutil.Process(service.process.pid).children()
    workers = [child.pid for child in children if "worker" in child.cmdline()]
    engine = sa.create_engine(f"sqlite:///{service.settings.database_path}")
    count = sa.text("SELECT count(*) FROM runs WHERE state = 'finished'")
    with engine.connect() as connection:
        already = connection.scalar(count)
        sent = finished = 0
        deadline = time.monotonic() + PATIENCE_S
        while finished < len(notebooks):
            while sent < len(notebooks) and sent - finished < BACKLOG:
                client.headers["Authorization"] = f"Bearer {tokens[sent % len(tokens)]}"
                answer = client.hand_in(notebooks[sent])
                assert answer.status_code == 202, answer.text
                sent += 1
            time.sleep(0.05)  # asking without a pause would take the processor from the service
            connection.rollback()  # a transaction that stays open sees what was there when it began
            before, finished = finished, connection.scalar(count) - already
            if finished != before:
                deadline = time.monotonic() + PATIENCE_S
            assert time.monotonic() < deadline, f"stuck at {finished} of {len(notebooks)}"
            if finished >= len(progress.finished) * len(notebooks) / SAMPLES:
                progress.finished.append(finished)
                progress.held_bytes.append(sum(map(pss_bytes, workers)))
    engine.dispose()


if __name__ == "__main__":
    main()
