"""The last minute before a deadline: many hand in over HTTP while grading goes on; how long each waits for the receipt.

    .venv/bin/python benchmarks/rush.py [--students N] [--seconds S] [--folder FOLDER]

Every student hands in at a moment of their own, drawn once, so that some minutes' worth of uploads meet. They join a
course that `scripts/seed` made, in a folder that is handed in to and so changes; by default it is made anew.
Beside it stand a fixed piece of work, and the same upload at rest: one student after the other, with the same service.
"""

import argparse
import random
import secrets
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from places import timed, usual_notebooks
from rows import Row, print_table
from service import Client, Service, wait_until
from throughput import add_students, loaded_service
from web import QUICK, fixed_work, percentile_95, seed

COURSE, SLUG = "course-1", "torch-tensor"
AT_REST = 20
WANTED_P95_MS = 500
PATIENCE_S = 300.0


@dataclass(frozen=True)
class HandIn:
    """One upload: when, by whom, what."""

    at_s: float
    token: str
    data: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--folder", type=Path, help="what `scripts/seed` made; by default it is made anew")
    parser.add_argument("--quick", action="store_true", help="in a small folder")
    options = parser.parse_args()
    if options.folder is None:
        print_table(measure(students=options.students, within_s=options.seconds, is_quick=options.quick))
    else:
        print_table(measure_in(options.folder, students=options.students, within_s=options.seconds))


def measure(*, students: int, within_s: float, is_quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        seed(folder, *(QUICK if is_quick else ()))
        return measure_in(folder, students=students, within_s=within_s)


def measure_in(folder: Path, *, students: int, within_s: float) -> list[Row]:
    notebooks = usual_notebooks(students + AT_REST)
    draw = random.Random(0)  # noqa: S311  # the same minute in every run
    # Not those of an earlier run in this folder, who have handed in.
    prefix = f"rush-{secrets.token_hex(4)}-"
    with loaded_service(folder, course=COURSE) as service:
        tokens = add_students(service, students + AT_REST, course=COURSE, prefix=prefix)
        client = service.client(None)
        fixed_s = percentile_95([timed(fixed_work) for _ in range(AT_REST)])
        at_rest: list[float] = []
        for upload in map(HandIn, [0.0] * AT_REST, tokens, notebooks):
            at_rest.append(hand_in(client, upload, since=time.monotonic()))
            wait_until(lambda: count_graded(service, prefix) == len(at_rest), service)
        moments = sorted(draw.uniform(0, within_s) for _ in range(students))
        uploads = map(HandIn, moments, tokens[AT_REST:], notebooks[AT_REST:])
        with ThreadPoolExecutor(students) as pool:
            start = time.monotonic()
            waited = list(pool.map(lambda upload: hand_in(client, upload, since=start), uploads))
        graded_meanwhile = count_graded(service, prefix) - AT_REST
        while (graded := count_graded(service, prefix) - AT_REST) < students and time.monotonic() < start + PATIENCE_S:
            time.sleep(0.2)  # nothing tells of the last one; asking without a pause would slow the grading
        all_graded_s = time.monotonic() - start
    p95_ms = 1000 * statistics.quantiles(waited, n=20)[-1]
    return [
        Row(
            name=f"{students} uploads in {within_s:.0f} s, p95 until 202",
            value=p95_ms,
            unit="ms",
            baseline=1000 * fixed_s,
            beside="a fixed piece of work",
            wanted=WANTED_P95_MS,
        ),
        Row(name="... at rest, median", value=1000 * statistics.median(at_rest), unit="ms"),
        Row(name="... the slowest", value=1000 * max(waited), unit="ms"),
        Row(name="graded while they came", value=graded_meanwhile, unit=f"of {students}"),
        Row(name="all are graded after", value=all_graded_s, unit="s"),
        Row(name="never graded", value=students - graded, unit=f"of {students}", wanted=0),
    ]


def hand_in(client: Client, upload: HandIn, *, since: float) -> float:
    """Wait for the moment, hand in; seconds until it was taken."""
    time.sleep(max(0.0, since + upload.at_s - time.monotonic()))  # until the student's own moment
    start = time.monotonic()
    answer = client.post(
        f"/courses/{COURSE}/assignments/{SLUG}/submissions",
        files={"file": ("kadai8.ipynb", upload.data)},
        headers={"Authorization": f"Bearer {upload.token}"},
    )
    taken_s = time.monotonic() - start
    assert answer.status_code == 202, answer.text
    return taken_s


def count_graded(service: Service, prefix: str) -> int:
    """Those of the students whose logins begin like this that have a result."""
    engine = sa.create_engine(f"sqlite:///{service.settings.database_path}")
    statement = sa.text(
        "SELECT count(DISTINCT submissions.person_id) FROM runs"
        " JOIN submissions ON submissions.submission_id = runs.submission_id"
        " JOIN people ON people.person_id = submissions.person_id"
        " WHERE runs.state = 'finished' AND people.login LIKE :logins"
    )
    with engine.connect() as connection:
        found = connection.scalar(statement, {"logins": f"{prefix}%"})
    engine.dispose()
    assert found is not None
    return found


if __name__ == "__main__":
    main()
