"""Pages of courses at the end of a term, on the server: how long each takes, and what staff read without HTTP.

    .venv/bin/python benchmarks/web.py [--rounds N] [--folder FOLDER] [--quick]

The data are those of `scripts/seed`: 5 courses with 300 students, 12 assignments and 20,000 submissions each.
Every round asks for each page and makes each read once, of the next course and assignment, and does a fixed piece of
work: nothing may be held against a minute in which the machine was busier.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from math import ceil
from pathlib import Path

from pages import open_visitor
from places import ROOT, timed
from rows import Row, print_table

from grader.domain.ids import PersonId
from grader.domain.people import Person
from grader.domain.text import Language
from grader.flow import progress
from grader.flow.dashboard import read_dashboard
from grader.flow.people import Caller
from grader.flow.ports import Stores
from grader.flow.sheet import write_csv, write_xlsx
from grader.flow.table import CellState, SortBy, Table, TableQuery, read_table
from grader.settings import Settings
from grader.wiring.data_folder import open_stores

WANTED_MS = 150
"""Of pages and lists; an export is a file, and nobody waits for the next line of it."""
EXPORTS = ("table as CSV", "table as XLSX")
QUICK = ("--courses", "1", "--students", "60", "--submissions", "1000")
Read = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="what `scripts/seed` made before; by default it is made anew")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.folder is None:
        print_table(measure(rounds=options.rounds, is_quick=options.quick))
    else:
        print_table(measure_reads(options.folder, rounds=options.rounds))


def measure(*, rounds: int, is_quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        seed_s = timed(partial(seed, folder, *(QUICK if is_quick else ())))
        return [Row(name="making the courses", value=seed_s, unit="s"), *measure_reads(folder, rounds=rounds)]


def seed(folder: Path, *options: str) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "seed", folder, *options], check=True)


def measure_reads(folder: Path, *, rounds: int) -> list[Row]:
    """The 95th percentile of each page and each read."""
    with open_stores(Settings(data_folder=folder)) as stores, open_visitor(stores) as visitor:
        desk = Desk(stores)
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        fixed: list[float] = []
        # The first round is for what is only read once, such as assignments.
        for number in range(rounds + 1):
            desk.turn_to_the_next()
            visitor.turn_to_the_next()
            fixed_s = timed(fixed_work)
            pages = {f"page: {name}": ask for name, ask in visitor.asks.items()}
            taken = {name: timed(ask) for name, ask in {**pages, **desk.reads}.items()}
            if number:
                fixed.append(fixed_s)
                for name, each_s in taken.items():
                    seconds[name].append(each_s)
    beside = "a fixed piece of work"
    baseline_ms = 1000 * percentile_95(fixed)
    return [
        Row(
            name=f"{name}, p95",
            value=1000 * percentile_95(taken),
            unit="ms",
            baseline=baseline_ms,
            beside=beside,
            wanted=None if name in EXPORTS else WANTED_MS,
        )
        for name, taken in seconds.items()
    ]


class Desk:
    """A member of staff with a course and an assignment open."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        # An admin whom nobody has stored: a folder that is kept stays as it was.
        nobody = Person(person_id=PersonId(""), login="", name="", is_admin=True, created_at=stores.clock.now())
        self._caller = Caller(person=nobody, memberships=())
        with stores.storage.reading() as tx:
            courses = tx.courses.list_all()
            self._places = [
                (course.slug, each.slug) for course in courses for each in tx.offerings.list_of(course.course_id)
            ]
        self._turns = count()
        self.turn_to_the_next()

    def turn_to_the_next(self) -> None:
        # A step that no number of courses and assignments divides: the next round has another of both.
        self._course, self._assignment = self._places[next(self._turns) * 13 % len(self._places)]

    @property
    def reads(self) -> Mapping[str, Read]:
        return {
            "dashboard": self._dashboard,
            "table, by number": lambda: self._table(TableQuery()),
            "table, by total": lambda: self._table(TableQuery(sort=SortBy.TOTAL, is_descending=True)),
            "table, by an assignment": lambda: self._table(
                TableQuery(sort=SortBy.ASSIGNMENT, assignment=self._assignment, page=3)
            ),
            "table, who has not handed in": lambda: self._table(
                TableQuery(state=CellState.NOT_HANDED_IN, assignment=self._assignment)
            ),
            "table, search": lambda: self._table(TableQuery(search="佐藤")),
            "table as CSV": lambda: write_csv(self._table(TableQuery(size=None)), language=Language.JA),
            "table as XLSX": lambda: write_xlsx(self._table(TableQuery(size=None)), language=Language.JA),
            "courses": lambda: progress.list_courses(caller=self._caller, stores=self._stores),
            "assignments": lambda: progress.list_assignments(self._course, caller=self._caller, stores=self._stores),
            "roster, first page": lambda: progress.list_members(self._course, caller=self._caller, stores=self._stores),
            "submissions, first page": self._submissions,
            "one result": self._result,
        }

    def _dashboard(self) -> object:
        return read_dashboard(self._course, self._assignment, caller=self._caller, stores=self._stores)

    def _table(self, query: TableQuery) -> Table:
        return read_table(self._course, query=query, caller=self._caller, stores=self._stores)

    def _submissions(self) -> progress.Page[progress.SubmissionView]:
        return progress.list_submissions(self._course, self._assignment, caller=self._caller, stores=self._stores)

    def _result(self) -> object:
        with self._stores.storage.reading() as tx:
            course = tx.courses.find_by_slug(self._course)
            assert course is not None
            offering = tx.offerings.find(course.course_id, slug=self._assignment)
            assert offering is not None
            (submission,) = tx.submissions.list_of(offering.offering_id, limit=1)
        return progress.read_result(submission.submission_id, caller=self._caller, stores=self._stores)


def fixed_work() -> bytes:
    """Some tens of milliseconds that no version of ours changes."""
    digest = b""
    for _ in range(40_000):
        digest = hashlib.sha256(digest).digest()
    return digest


def percentile_95(seconds: list[float]) -> float:
    return sorted(seconds)[ceil(0.95 * len(seconds)) - 1]


if __name__ == "__main__":
    main()
