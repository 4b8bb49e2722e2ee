"""Our comparison beside torch.allclose: time, memory, and how much of grading it is.

    .venv/bin/python benchmarks/compare.py [--elements N] [--rounds N] [--no-assignments] [--json FILE]

Each round does both, one after the other, so that the ratio holds on a machine that is shared and noisy. Memory is the
peak of a process of its own above what it held before comparing. The last rows grade every bundled assignment's
reference in the real sandbox, a few times in one process, and hold what comes after the run against the run itself:
comparing, reading the source for it, scoring, explaining, in seconds of this process's own work.
"""

import argparse
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from places import KERNEL_PYTHON, timed
from rows import Row, print_table, write_json

from grader.catalog import bundled, parse, read_bundle
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.grading.compare import Tolerance, compare
from grader.sandbox.runner import SandboxRunner

RTOL, ATOL = 1.3e-6, 1e-5
"""The default of float32, given to both: torch.allclose has another one."""
WANTED_RATIO, WANTED_EXTRA_MB, WANTED_PERCENT = 2, 50, 5
"""Half of its time, megabytes above what is there, and the share of a run."""
SECRET = b"benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, default=1e8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-assignments", action="store_true", help="leave the sandbox out")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--measure-memory-of", nargs=2, metavar=("WHOSE", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    elements = int(options.elements)
    if options.measure_memory_of:
        whose, case = options.measure_memory_of
        print(extra_bytes(whose, case, elements=elements))
        return
    slugs = [] if options.no_assignments else sorted(bundled())
    rows = measure(elements=elements, rounds=options.rounds, slugs=slugs)
    print_table(rows)
    if options.json:
        write_json(options.json, {"compare": rows}, is_quick=False)


def measure(*, elements: int, rounds: int, slugs: list[str] | None = None) -> list[Row]:
    """Ours beside torch.allclose, and how much of a run it is in each of these bundled assignments (all by default)."""
    slugs = sorted(bundled()) if slugs is None else slugs
    compared = [row for case in CASES for row in compare_both(case, elements=elements, rounds=rounds)]
    return [*compared, *measure_assignments(slugs, rounds=rounds)]


def equal(expected: np.ndarray) -> np.ndarray:
    return expected.copy()


def within_tolerance(expected: np.ndarray) -> np.ndarray:
    return expected + np.float32(3e-6)


def one_wrong(expected: np.ndarray) -> np.ndarray:
    actual = expected.copy()
    actual[len(actual) // 2] += 1
    return actual


def all_wrong(expected: np.ndarray) -> np.ndarray:
    return expected + np.float32(1)


CASES = {"equal": equal, "within tolerance": within_tolerance, "one wrong": one_wrong, "all wrong": all_wrong}


def make_pair(case: str, *, elements: int) -> tuple[np.ndarray, np.ndarray]:
    expected = np.random.default_rng(0).standard_normal(elements, dtype=np.float32)
    return CASES[case](expected), expected


def ours(actual: np.ndarray, expected: np.ndarray) -> bool:
    return compare(actual=actual, expected=expected, tolerance=Tolerance(rtol=RTOL, atol=ATOL)) is None


def allclose(actual: np.ndarray, expected: np.ndarray) -> bool:
    return torch.allclose(torch.from_numpy(actual), torch.from_numpy(expected), rtol=RTOL, atol=ATOL)


WHOSE = {"ours": ours, "allclose": allclose}


def compare_both(case: str, *, elements: int, rounds: int) -> list[Row]:
    """Median time and extra memory of each."""
    actual, expected = make_pair(case, elements=elements)
    times = {name: [] for name in WHOSE}
    for _ in range(rounds):
        for name, compared in WHOSE.items():
            times[name].append(timed(partial(compared, actual, expected)))
    del actual, expected
    ms = {name: 1000 * statistics.median(seconds) for name, seconds in times.items()}
    extra_mb = {name: measured_apart(name, case, elements=elements) / 1e6 for name in WHOSE}
    what, beside = f"comparing {elements:.0e} elements, {case}", "torch.allclose"
    return [
        Row(
            name=what,
            value=ms["ours"],
            unit="ms",
            baseline=ms["allclose"],
            beside=beside,
            wanted_ratio=WANTED_RATIO,
        ),
        Row(
            name="... memory on top",
            value=extra_mb["ours"],
            unit="MB",
            baseline=extra_mb["allclose"],
            beside=beside,
            wanted=WANTED_EXTRA_MB,
        ),
    ]


def measured_apart(whose: str, case: str, *, elements: int) -> int:
    command = [sys.executable, __file__, "--elements", str(elements), "--measure-memory-of", whose, case]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def extra_bytes(whose: str, case: str, *, elements: int) -> int:
    """The peak of resident memory while comparing above what was resident before.

    A small comparison goes first: what is loaded once is not what a comparison takes.
    """
    WHOSE[whose](*make_pair(case, elements=1000))
    actual, expected = make_pair(case, elements=elements)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is resident now
    before = resident_bytes("VmRSS")
    WHOSE[whose](actual, expected)
    return resident_bytes("VmHWM") - before


def resident_bytes(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def measure_assignments(slugs: list[str], *, rounds: int) -> list[Row]:
    """How long comparing takes beside the run of each bundled reference."""
    rows = []
    with SandboxRunner(KERNEL_PYTHON) as runner:
        for slug in slugs:
            loaded = parse(read_bundle(bundled()[slug]))
            expected = prove(loaded, runner=runner, secret=SECRET)
            measured = [grade(loaded, expected, runner=runner) for _ in range(rounds)]
            run_s, comparing_s = (statistics.median(seconds) for seconds in zip(*measured, strict=True))
            percent = 100 * comparing_s / run_s
            name = f"comparing in {slug}, of {1000 * run_s:.0f} ms"
            rows.append(Row(name=name, value=percent, unit="% of a run", wanted=WANTED_PERCENT))
    return rows


def grade(loaded, expected, *, runner) -> tuple[float, float]:
    """Seconds that the notebook ran, and seconds of work of this thread from then on."""
    marks = {}
    assess(
        loaded.reference,
        assignment=loaded.assignment,
        expected=expected,
        runner=runner,
        key=SECRET,
        on_phase=lambda phase: marks.setdefault(phase, (time.perf_counter(), time.thread_time())),
    )
    end = time.thread_time()
    return marks["comparing"][0] - marks["executing"][0], end - marks["comparing"][1]


if __name__ == "__main__":
    main()
