"""Many uploads over HTTP through the whole service: submissions a second, processor time of each, memory as they go.

    .venv/bin/python benchmarks/throughput.py [--submissions N] [--plain N]

What the load generator itself costs is measured and taken off the machine's time; both rates are printed. Beside it run
as many plain nbclient runs at a time as there are workers, in turn with the service.
"""

import argparse
import math
import multiprocessing
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil
import sqlalchemy as sa
from places import KERNEL_PYTHON, homework_8, usual_notebooks
from processes import CpuMeter, pss_bytes
from rows import Row, print_table
from service import Service, running_service, wait_until
from stock_jupyter import run_plainly, stock_kernel

from grader.domain.jobs import SandboxState
from grader.domain.people import Role
from grader.flow.people import NewMember, add_member, make_token
from grader.wiring import data_folder

WORKERS = 2
EACH_HANDS_IN = 10
BACKLOG = 40
"""Uploads that wait at most: enough that no worker ever looks in vain."""
SAMPLES = 60
SLOPE_FROM = 1000
"""Below so many submissions a slope says nothing."""
PATIENCE_S = 120.0
START_PATIENCE_S = 600.0
"""Where a folder offers all assignments, each is proved first."""
WANTED_SLOPE_BYTES = 1000
WANTED_RATIO = 18 / 0.8
"""18 a second and a tenth of a second of processor time each, where plain nbclient does 0.8 and takes 2.25 seconds."""
PARTS, LEAST_PER_PART = 10, 50


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
    parts = max(1, min(PARTS, submissions // LEAST_PER_PART))
    notebooks = usual_notebooks(submissions)
    progress, plain, ours, own_s = Progress(), Spent(), Spent(), 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        CpuMeter("service") as meter,
        loaded_service(Path(folder) / "data") as service,
        PlainRuns() as plainly,
    ):
        tokens = add_students(service, max(1, submissions // EACH_HANDS_IN))
        meter.add(service.process.pid)
        for part in range(parts):  # in turn, because how much a shared machine gives changes by the minute
            with plain.counting(plainly.meter, count=math.ceil(plain_runs / parts)) as count:
                plainly.run(count)
            mine = notebooks[part::parts]
            own_start = time.process_time()
            with ours.counting(meter, count=len(mine)):
                hand_in_all(service, mine, tokens=tokens, progress=progress, of=submissions)
            own_s += time.process_time() - own_start
    alone = Spent(count=ours.count, wall_s=ours.wall_s - own_s / (os.cpu_count() or 1), cpu_s=ours.cpu_s)
    how = "" if meter.is_exact else ", whole machine"
    beside = {"beside": "plain nbclient"}
    rows = [
        Row(
            name="submissions a second", value=ours.rate, unit="1/s", more_is_better=True, baseline=plain.rate, **beside
        ),
        Row(
            name="without the load generator's share",
            value=alone.rate,
            unit="1/s",
            more_is_better=True,
            baseline=plain.rate,
            wanted_ratio=WANTED_RATIO,
            **beside,
        ),
        Row(
            name=f"processor time of the service{how}",
            value=ours.cpu_s_each,
            unit="s each",
            baseline=plain.cpu_s_each,
            wanted_ratio=WANTED_RATIO,
            **beside,
        ),
        Row(name="processor time of the load generator", value=1000 * own_s / submissions, unit="ms each"),
        Row(name="workers' memory (PSS) at the end", value=progress.held_bytes[-1] / 1e6, unit="MB"),
    ]
    if submissions >= SLOPE_FROM:
        wanted = {"wanted": WANTED_SLOPE_BYTES}
        rows.append(Row(name="growth of the workers' memory", value=progress.slope(), unit="bytes each", **wanted))
    return rows


@dataclass(kw_only=True)
class Spent:
    """What some runs took, added up over the parts of a benchmark."""

    count: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.count / self.wall_s

    @property
    def cpu_s_each(self) -> float:
        return self.cpu_s / self.count

    @contextmanager
    def counting(self, meter: CpuMeter, *, count: int) -> Iterator[int]:
        cpu_s, start = meter.seconds(), time.monotonic()
        yield count
        self.count += count
        self.wall_s += time.monotonic() - start
        self.cpu_s += meter.seconds() - cpu_s


class PlainRuns:
    """Plain runs of homework 8 in Jupyter's own kernels, as many at a time as there are workers."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            stack.enter_context(stock_kernel(Path(folder), kernel_python=KERNEL_PYTHON))
            self.meter = stack.enter_context(CpuMeter("plain"))
            spawn = multiprocessing.get_context("spawn")
            self._pool = stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=spawn))
            self.run(WORKERS)  # imports are not part of a run
            for process in multiprocessing.active_children():
                self.meter.add(process.pid)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def run(self, count: int) -> None:
        list(self._pool.map(run_plainly, [homework_8()] * count))


@contextmanager
def loaded_service(folder: Path, *, course: str = "demo") -> Iterator[Service]:
    """A service whose workers are ready and have graded something."""
    with running_service(folder, patience_s=START_PATIENCE_S, GRADER_WORKERS=str(WORKERS)) as service:
        wait_until(lambda: len(ready_workers(service)) == WORKERS, service)
        client = service.add_member(f"warm-up-{secrets.token_hex(4)}", course=course)
        ids = [client.hand_in(data, course=course).json()["id"] for data in usual_notebooks(2 * WORKERS)]
        for one in ids:
            client.wait_for_result(one)
        yield service


def add_students(service: Service, count: int, *, course: str = "demo", prefix: str = "student") -> list[str]:
    """Their tokens; `prefix` is what their logins begin with."""
    logins = [f"{prefix}{number}" for number in range(count)]
    with data_folder.open_stores(service.settings) as stores:
        for login in logins:
            add_member(NewMember(login=login, name=login, role=Role.STUDENT), course=course, stores=stores)
        return [make_token(login, label="benchmark", stores=stores).secret for login in logins]


def ready_workers(service: Service) -> list[str]:
    with data_folder.open_stores(service.settings) as stores, stores.storage.reading() as tx:
        seen = tx.workers.list_seen(since=datetime.fromtimestamp(0, UTC))
    return [one.worker for one in seen if one.sandbox is SandboxState.READY]


def hand_in_all(service: Service, notebooks: list[bytes], *, tokens: list[str], progress: Progress, of: int) -> None:
    """Keep the backlog full until all are finished; `of` is how many there are in all parts."""
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
            if already + finished >= len(progress.finished) * of / SAMPLES:
                progress.finished.append(already + finished)
                progress.held_bytes.append(sum(map(pss_bytes, workers)))
    engine.dispose()


if __name__ == "__main__":
    main()
