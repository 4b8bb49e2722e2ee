"""What a benchmark gives: rows, printed as a table and written as JSON."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, what it was measured against in the same run, and what was wanted of it."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    """The same quantity of the way of doing it that `beside` names."""
    beside: str = ""
    more_is_better: bool = False
    wanted: float | None = None
    """The value: at most this, at least this where more is better."""
    wanted_ratio: float | None = None
    """How many times better than the baseline."""
    is_stretch: bool = False
    """Hoped for: nothing is missed where it is not reached."""

    @property
    def ratio(self) -> float | None:
        if not self.baseline or not self.value:
            return None
        return self.value / self.baseline if self.more_is_better else self.baseline / self.value

    @property
    def target(self) -> str:
        if self.wanted_ratio is not None:
            return f"ratio >= {self.wanted_ratio:.3g}"
        if self.wanted is not None:
            return f"{'>=' if self.more_is_better else '<='} {self.wanted:g} {self.unit}"
        return ""

    @property
    def met(self) -> bool | None:
        """None where nothing was wanted."""
        if self.wanted_ratio is not None:
            return self.ratio is not None and self.ratio >= self.wanted_ratio
        if self.wanted is not None:
            return self.value >= self.wanted if self.more_is_better else self.value <= self.wanted
        return None

    @property
    def is_missed(self) -> bool:
        return self.met is False and not self.is_stretch

    def as_json(self) -> dict[str, object]:
        derived = {"ratio": self.ratio, "target": self.target, "met": self.met, "stretch": self.is_stretch}
        return {"name": self.name, "value": self.value, "unit": self.unit, "baseline": self.baseline} | (
            {"beside": self.beside} | derived
        )


def print_table(rows: Iterable[Row]) -> None:
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        baseline = "" if row.baseline is None else f"{row.baseline:.4g} {row.beside}"
        met = {True: "met", False: "MISSED" if row.is_missed else "not reached", None: ""}[row.met]
        print(f"{row.name:52}{row.value:>10.4g} {row.unit:14}{ratio:>9} {baseline:34}{row.target:22}{met}", flush=True)


def write_json(path: Path, results: dict[str, list[Row]], *, is_quick: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "linux": platform.release(), "python": platform.python_version()}
    document = {
        "finished_at": datetime.now(UTC).isoformat(),
        "machine": machine | {"load": os.getloadavg()},
        "quick": is_quick,
        "benchmarks": {name: [row.as_json() for row in rows] for name, rows in results.items()},
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
