"""Cheats as data: what each tries, its code, and what may be earned; and the notebooks that are handed in with them."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from documentation import notebook_of

from grader.domain.location import Location
from grader.domain.notebook import Notebook
from grader.domain.result import QuestionResult

FOLDER = Path(__file__).parents[1] / "hostile" / "cheats"


@dataclass(frozen=True, kw_only=True)
class Cheat:
    """One attempt to earn points for nothing, in one question's cells."""

    assignment: str
    name: str
    tries: str
    """What it tries, in one sentence."""
    question: str
    code: str
    """Takes the place of the question's code cells; in the percent format where it has several cells."""
    score: float
    """What the honest part of the answer earns."""
    pending: float
    """What a person still has to decide, written answers among it."""
    honest: str = ""
    """The honest part, where there is one."""
    notebook: str = ""
    """Cheats of the same notebook are handed in together."""
    outcome: str = "completed"
    raises: bool = False
    """A cell of it ends in an exception that is meant."""
    cell: Mapping[str, Any] = field(default_factory=dict)
    """What the file claims of its code cells: metadata, outputs."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the file claims of itself."""

    @property
    def hand_in(self) -> tuple[str, str]:
        return self.assignment, self.notebook

    def __str__(self) -> str:
        return f"{self.assignment}/{self.name}"


def load_cheats() -> list[Cheat]:
    return [
        Cheat(assignment=path.stem, **entry)
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["cheat"]
    ]


def hand_in(cheats: Sequence[Cheat], *, reference: Notebook, location: Location) -> bytes:
    """The reference as a student's file, with these cheats in the place of their questions' code."""
    first = {min(location.answers[one.question].code_cells): one for one in cheats}
    gone = {index for one in cheats for index in location.answers[one.question].code_cells} - first.keys()
    cells: list[dict[str, Any]] = []
    for cell in reference.cells:
        if cell.index in first:
            cells += _cells_of(first[cell.index])
        elif cell.index not in gone:
            cells.append(_as_json(cell.kind.value, cell.source))
    metadata = {key: value for one in cheats for key, value in one.metadata.items()}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}).encode()


def judge(cheat: Cheat, question: QuestionResult) -> list[str]:
    """What is wrong with what a cheat earned; nothing where all is well."""
    found = []
    if question.score > cheat.score:
        found.append(f"earns {question.score:g} where its honest part is worth {cheat.score:g}")
    if question.score < cheat.score:
        found.append(f"earns only {question.score:g}, less than its honest part, {cheat.score:g}")
    if question.pending != cheat.pending:
        found.append(f"leaves {question.pending:g} points open, not {cheat.pending:g}")
    return found


def _cells_of(cheat: Cheat) -> list[dict[str, Any]]:
    code = cheat.code if cheat.code.startswith("# %%") else "# %%\n" + cheat.code
    return [
        _as_json(cell["cell_type"], cell["source"]) | (cheat.cell if cell["cell_type"] == "code" else {})
        for cell in json.loads(notebook_of(code))["cells"]
    ]


def _as_json(kind: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "metadata": {}, "source": source}
    return cell | {"outputs": [], "execution_count": None} if kind == "code" else cell
