"""All benchmarks one after the other: a table, and the same as JSON.

make bench [ARGS=--quick]
.venv/bin/python benchmarks [--quick] [--json FILE] [NAME...]
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import budget
import cage
import compare
import fidelity
import growth
import latency
import memory
import peers
import publish
import rush
import throughput
import web
from places import ROOT
from rows import Row, print_table, write_json

RESULTS = ROOT / "benchmarks" / "results" / "bench.json"
Measure = Callable[[], list[Row]]
MINUTES = {
    **{"latency": 2, "throughput": 9, "budget": 2, "peers": 4, "memory": 1, "cage": 1, "growth": 2, "fidelity": 1},
    **{"publish": 4, "compare": 2, "web": 6, "rush": 5},
}
"""On two quiet cores; the first time some more, for the others' environments."""


def benchmarks(*, is_quick: bool) -> dict[str, Measure]:
    return {
        "latency": partial(latency.measure, rounds=3 if is_quick else 20),
        "throughput": partial(
            throughput.measure, submissions=60 if is_quick else 5000, plain_runs=2 if is_quick else 20
        ),
        "budget": partial(budget.measure, rounds=10 if is_quick else 100),
        "peers": partial(peers.measure, notebooks=2 if is_quick else 20),
        "memory": memory.measure,
        "cage": partial(cage.measure, rounds=10 if is_quick else 200),
        "growth": partial(growth.measure, is_quick=is_quick),
        "fidelity": fidelity.measure,
        "publish": partial(publish.measure, [publish.HOMEWORK_8] if is_quick else [], plain_runs=1 if is_quick else 2),
        "compare": partial(
            compare.measure,
            elements=10**6 if is_quick else 10**8,
            rounds=3,
            slugs=[publish.HOMEWORK_8] if is_quick else None,
        ),
        "rush": partial(
            rush.measure, students=30 if is_quick else 300, within_s=6.0 if is_quick else 60.0, is_quick=is_quick
        ),
        "web": partial(web.measure, rounds=5 if is_quick else 60, is_quick=is_quick),
    }


def main() -> None:
    known = benchmarks(is_quick=False)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="smaller counts: shows that it works, proves little")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures are written")
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    names = options.names or list(known)
    if not options.quick:
        print(f"this takes about {sum(MINUTES[name] for name in names)} minutes on two quiet cores", flush=True)
    results: dict[str, list[Row]] = {}
    for name in names:
        print(f"\n{name}", flush=True)
        results[name] = benchmarks(is_quick=options.quick)[name]()
        print_table(results[name])
        write_json(options.json, results, is_quick=options.quick)
    print(f"\nwritten to {options.json}")
    if missed := [f"{name}: {row.name}" for name, rows in results.items() for row in rows if row.is_missed]:
        sys.exit("\n".join(["MISSED:", *missed]))


if __name__ == "__main__":
    main()
