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
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]
from places import timed  # noqa: E402  # after its folder is on the path
from stock_jupyter import run_plainly, stock_kernel  # noqa: E402

from grader.catalog import bundled, parse, read_bundle  # noqa: E402
from grader.domain.selftest import Fate  # noqa: E402
from grader.flow.prove import prove  # noqa: E402
from grader.flow.selftest import SelfTest  # noqa: E402
from grader.sandbox.runner import SandboxRunner  # noqa: E402

HOMEWORK_8 = "torch-tensor"
SECRET = b"benchmark"


@dataclass(frozen=True, kw_only=True)
class Row:
    assignment: str
    prove_s: float
    selftest_s: float
    mutants: int
    mutants_per_s: float
    survivors: int
    plain_s: float
    """As many plain runs as notebooks were graded, one after the other."""

    @property
    def ratio(self) -> float:
        return self.plain_s / (self.prove_s + self.selftest_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slugs", nargs="*", metavar="SLUG")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--plain", type=int, default=2, help="plain runs per assignment")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    slugs = options.slugs or sorted(bundled(), key=lambda slug: (slug != HOMEWORK_8, slug))
    kernel_python = ROOT / ".venv-kernel" / "bin" / "python"
    with (
        tempfile.TemporaryDirectory() as folder,
        stock_kernel(Path(folder) / "jupyter", kernel_python=kernel_python),
        SandboxRunner(kernel_python, slots=options.jobs) as runner,
    ):
        rows = [measure(slug, runner=runner, jobs=options.jobs, plain_runs=options.plain) for slug in slugs]
    if options.json:
        print(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows]))
    else:
        print_table(rows, jobs=options.jobs)


def measure(slug: str, *, runner: SandboxRunner, jobs: int, plain_runs: int) -> Row:
    bundle = read_bundle(bundled()[slug])
    loaded = parse(bundle)
    plain = [timed(lambda: run_plainly(bundle.files["reference.ipynb"])) for _ in range(plain_runs)]
    start = time.perf_counter()
    expected = prove(loaded, runner=runner, secret=SECRET)
    proved = time.perf_counter()
    files = loaded.bundle.files
    report = SelfTest(loaded=loaded, files=files, expected=expected, runner=runner, secret=SECRET, jobs=jobs).run()
    end = time.perf_counter()
    return Row(
        assignment=slug,
        prove_s=proved - start,
        selftest_s=end - proved,
        mutants=len(report.mutants),
        mutants_per_s=len(report.mutants) / (end - proved),
        survivors=report.count(Fate.SURVIVED),
        plain_s=statistics.median(plain) * (len(report.mutants) + len(report.tried)),
    )


def print_table(rows: list[Row], *, jobs: int) -> None:
    heads = ("prove", "self-test", "mutants", "a second", "survivors", "plain runs", "ratio")
    print(f"{f'{jobs} at a time':22}" + "".join(f"{head:>11}" for head in heads))
    for row in rows:
        print(
            f"{row.assignment:22}{row.prove_s:10.1f}s{row.selftest_s:10.1f}s{row.mutants:11}{row.mutants_per_s:11.1f}"
            f"{row.survivors:11}{row.plain_s:10.1f}s{row.ratio:10.1f}x"
        )
    ours = sum(row.prove_s + row.selftest_s for row in rows)
    plain = sum(row.plain_s for row in rows)
    print(f"{'all':22}{ours:21.1f}s{sum(row.mutants for row in rows):11}{'':22}{plain:10.1f}s{plain / ours:10.1f}x")


if __name__ == "__main__":
    main()
