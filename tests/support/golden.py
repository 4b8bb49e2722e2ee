"""Golden submissions: notebooks as students write them, with the points each question must earn."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden"
ASSIGNMENTS = tuple(sorted(folder.name for folder in FOLDER.iterdir() if any(folder.glob("*/expected.toml"))))


@dataclass(frozen=True)
class Golden:
    assignment: str
    verdict: str
    name: str
    score: tuple[float, ...]
    pending: tuple[float, ...]
    outcome: str

    @property
    def path(self) -> Path:
        return FOLDER / self.assignment / self.verdict / f"{self.name}.ipynb"

    def __str__(self) -> str:
        return f"{self.assignment}/{self.verdict}/{self.name}"


def load_golden(assignment: str) -> list[Golden]:
    found = []
    for table in sorted((FOLDER / assignment).glob("*/expected.toml")):
        for name, entry in tomllib.loads(table.read_text()).items():
            found.append(
                Golden(
                    assignment=assignment,
                    verdict=table.parent.name,
                    name=name,
                    score=tuple(entry["score"]),
                    pending=tuple(entry["pending"]),
                    outcome=entry.get("outcome", "completed"),
                )
            )
    return found


def assert_as_expected(report, golden: Golden) -> None:
    """Points and pending points of every question, the totals, and that sums hold."""
    questions = report["questions"]
    told = {q["id"]: [(c["id"], c["verdict"], c["score"], c["message"]) for c in q["checks"]] for q in questions}
    assert tuple(q["score"] for q in questions) == golden.score, told
    assert tuple(q["pending"] for q in questions) == golden.pending, told
    assert report["outcome"] == golden.outcome
    assert report["score"] == sum(golden.score)
    assert report["pending"] == sum(golden.pending)
    assert report["decided"] == report["points"] - report["pending"]
    for question in questions:
        assert sum(check["points"] for check in question["checks"]) == question["points"]
        assert sum(check["score"] for check in question["checks"]) == question["score"]
