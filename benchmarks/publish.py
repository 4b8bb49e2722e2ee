"""The self-test of homework 8 and of every bundled assignment, beside plain nbclient runs of as many notebooks.

    .venv/bin/python benchmarks/publish.py [--jobs N] [--plain N] [--json] [SLUG...]

A plain run executes the reference alone in an ordinary Jupyter kernel and compares nothing. A few of them are timed in
between, so that the ratio holds on a machine that is shared and noisy, and taken times the number of notebooks that the
self-test graded.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from places import KERNEL_PYTHON, timed
from rows import Row, print_table
from stock_jupyter import run_plainly, stock_kernel

from grader.catalog import bundled, parse, read_bundle
from grader.domain.selftest import Fate
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest
from grader.sandbox.runner import SandboxRunner

HOMEWORK_8 = "torch-tensor"
SECRET = b"benchmark"
WANTED_HOMEWORK_8_S, WANTED_COURSE_S = 10, 120


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What came of one assignment."""

    assignment: str
    prove_s: float
    selftest_s: float
    mutants: int
    survivors: int
    plain_s: float
    """As many plain runs as notebooks were graded, one after the other."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slugs", nargs="*", metavar="SLUG")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--plain", type=int, default=2, help="plain runs per assignment")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.slugs, jobs=options.jobs, plain_runs=options.plain)
    if options.json:
        print(json.dumps([row.as_json() for row in rows]))
    else:
        print_table(rows)


def measure(slugs: list[str], *, jobs: int | None = None, plain_runs: int) -> list[Row]:
    """The self-test of each; and of all, which is judged where they are the whole course.

    Args:
        slugs: of bundled assignments; none of them means all.
        jobs: notebooks at a time; one a core where it is not said.
        plain_runs: for each assignment.
    """
    jobs = jobs or os.cpu_count() or 1
    course = sorted(bundled(), key=lambda slug: (slug != HOMEWORK_8, slug))
    slugs = slugs or course
    with (
        tempfile.TemporaryDirectory() as folder,
        stock_kernel(Path(folder) / "jupyter", kernel_python=KERNEL_PYTHON),
        SandboxRunner(KERNEL_PYTHON, slots=jobs) as runner,
    ):
        tested = [measure_one(slug, runner=runner, jobs=jobs, plain_runs=plain_runs) for slug in slugs]
    rows = [
        Row(
            name=f"self-test of {one.assignment}, {one.mutants} mutants",
            value=one.selftest_s,
            unit="s",
            baseline=one.plain_s,
            beside="plain nbclient",
            wanted=WANTED_HOMEWORK_8_S if one.assignment == HOMEWORK_8 else None,
        )
        for one in tested
    ]
    return [*rows, *rows_of_all(tested, is_course=set(slugs) == set(course))]


def rows_of_all(tested: list[Tested], *, is_course: bool) -> list[Row]:
    selftest_s = sum(one.selftest_s for one in tested)
    mutants = sum(one.mutants for one in tested)
    return [
        Row(
            name="self-test of the whole course" if is_course else "self-test of these",
            value=selftest_s,
            unit="s",
            baseline=sum(one.plain_s for one in tested),
            beside="plain nbclient",
            wanted=WANTED_COURSE_S if is_course else None,
        ),
        Row(name="proving before it", value=sum(one.prove_s for one in tested), unit="s"),
        Row(name="mutants a second", value=mutants / selftest_s, unit="1/s", more_is_better=True),
        Row(name="mutants that survive", value=sum(one.survivors for one in tested), unit=f"of {mutants}"),
    ]


def measure_one(slug: str, *, runner: SandboxRunner, jobs: int, plain_runs: int) -> Tested:
    bundle = read_bundle(bundled()[slug])
    loaded = parse(bundle)
    plain = [timed(lambda: run_plainly(bundle.files["reference.ipynb"])) for _ in range(plain_runs)]
    start = time.perf_counter()
    expected = prove(loaded, runner=runner, secret=SECRET)
    proved = time.perf_counter()
    files = loaded.bundle.files
    report = SelfTest(loaded=loaded, files=files, expected=expected, runner=runner, secret=SECRET, jobs=jobs).run()
    return Tested(
        assignment=slug,
        prove_s=proved - start,
        selftest_s=time.perf_counter() - proved,
        mutants=len(report.mutants),
        survivors=report.count(Fate.SURVIVED),
        plain_s=statistics.median(plain) * (len(report.mutants) + len(report.tried)),
    )


if __name__ == "__main__":
    main()
