"""Our comparison beside torch.allclose: time, memory, and how much of grading it is.

    .venv/bin/python benchmarks/compare.py [--elements N] [--rounds N] [--no-assignments] [--json FILE]

Each round does both, one after the other, so that the ratio holds on a machine that is shared and noisy. Memory is the
peak of a process of its own above what it held before comparing. The last table grades every bundled assignment's
reference in the real sandbox, a few times in one process, and holds what comes after the run against the run itself:
comparing, reading the source for it, scoring, explaining, in seconds of this process's own work.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from grader.catalog import bundled, parse, read_bundle
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.grading.compare import Tolerance, compare
from grader.sandbox.runner import SandboxRunner

ROOT = Path(__file__).resolve().parents[1]
RTOL, ATOL = 1.3e-6, 1e-5
"""The default of float32, given to both: torch.allclose has another one."""
WANTED_RATIO, WANTED_EXTRA_MB, WANTED_SHARE = 0.5, 50, 0.05
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
    figures = {"elements": elements, "rounds": options.rounds, "cases": {}, "assignments": {}}
    print(f"{elements:.0e} float32 elements, {options.rounds} rounds in turn")
    print(f"{'':24}{'ours':>10}{'allclose':>10}{'ratio':>8}{'ours +MB':>10}{'allclose +MB':>14}")
    for case in CASES:
        figures["cases"][case] = row = measure(case, elements=elements, rounds=options.rounds)
        print(
            f"{case:24}{row['ours_s']:9.3f}s{row['allclose_s']:9.3f}s{row['ratio']:8.3f}"
            f"{row['ours_extra_mb']:10.1f}{row['allclose_extra_mb']:14.1f}"
        )
    print(f"wanted: a ratio of at most {WANTED_RATIO}, at most {WANTED_EXTRA_MB} MB extra")
    if not options.no_assignments:
        figures["assignments"] = measure_assignments(rounds=options.rounds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


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


def measure(case: str, *, elements: int, rounds: int) -> dict[str, float]:
    """Median seconds of each, their ratio, and the extra memory of each in megabytes."""
    actual, expected = make_pair(case, elements=elements)
    times = {name: [] for name in WHOSE}
    for _ in range(rounds):
        for name, compared in WHOSE.items():
            start = time.perf_counter()
            compared(actual, expected)
            times[name].append(time.perf_counter() - start)
    del actual, expected
    row = {f"{name}_s": statistics.median(seconds) for name, seconds in times.items()}
    row["ratio"] = row["ours_s"] / row["allclose_s"]
    return row | {f"{name}_extra_mb": measured_apart(name, case, elements=elements) / 1e6 for name in WHOSE}


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


def measure_assignments(*, rounds: int) -> dict[str, dict[str, float]]:
    """How long each bundled reference runs, and how long comparing takes then."""
    print(f"\n{'assignment':24}{'run':>10}{'comparing':>12}{'share':>8}")
    rows = {}
    with SandboxRunner(ROOT / ".venv-kernel" / "bin" / "python") as runner:
        for slug, folder in sorted(bundled().items()):
            loaded = parse(read_bundle(folder))
            expected = prove(loaded, runner=runner, secret=SECRET)
            measured = [grade(loaded, expected, runner=runner) for _ in range(rounds)]
            run_s, comparing_s = (statistics.median(seconds) for seconds in zip(*measured, strict=True))
            rows[slug] = row = {"run_s": run_s, "comparing_s": comparing_s, "share": comparing_s / run_s}
            print(f"{slug:24}{row['run_s']:9.3f}s{row['comparing_s']:11.4f}s{row['share']:8.1%}")
    print(f"wanted: comparing takes under {WANTED_SHARE:.0%} of a run")
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
