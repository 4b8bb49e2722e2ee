"""The catalogue of attacks, read from attacks/*.toml: what each tries, the code that does, how it must end."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.domain.execution import CellState, Execution, Limits, Outcome

FOLDER = Path(__file__).parent / "attacks"
MEMORY_BYTES = 384 * 1024**2
PROCESSES = 48


@dataclass(frozen=True, kw_only=True)
class End:
    """How an execution ends, in the domain's words: what became of it, of the attacking cell, and its exception."""

    outcome: Outcome
    state: CellState
    error: str = ""
    """The exception's name; '' says nothing about it."""

    def is_end_of(self, execution: Execution) -> bool:
        cell = execution.cells[0]
        is_named = not self.error or (cell.error is not None and cell.error.name == self.error)
        return (execution.outcome, cell.state) == (self.outcome, self.state) and is_named


_COMPLETED = Outcome.COMPLETED
ANYHOW = tuple(
    End(outcome=outcome, state=state)
    for outcome in set(Outcome) - {Outcome.SANDBOX_FAILED, Outcome.OUT_OF_GPU_MEMORY}
    for state in set(CellState) - {CellState.NOT_RUN}
)
"""For what breaks the kernel's own code wherever it happens to be: it must end, and nobody else may notice."""
ENDS = {
    # The cell sees for itself that it was refused, and raises where something worked that must not.
    "refused": End(outcome=_COMPLETED, state=CellState.OK),
    "harmless": End(outcome=_COMPLETED, state=CellState.OK),
    "interrupted": End(outcome=_COMPLETED, state=CellState.TIMED_OUT),
    "killed late": End(outcome=Outcome.TIMED_OUT, state=CellState.ENDED_KERNEL),
    "no memory": End(outcome=Outcome.OUT_OF_MEMORY, state=CellState.ENDED_KERNEL),
    "too loud": End(outcome=Outcome.OUTPUT_LIMIT, state=CellState.ENDED_KERNEL),
    "dead": End(outcome=Outcome.DIED, state=CellState.ENDED_KERNEL),
    # The cell had its reply; what came behind it ended the kernel.
    "dead later": End(outcome=Outcome.DIED, state=CellState.OK),
    "dead after an error": End(outcome=Outcome.DIED, state=CellState.RAISED),
    "no memory after an error": End(outcome=Outcome.OUT_OF_MEMORY, state=CellState.RAISED),
    "killed later": End(outcome=Outcome.TIMED_OUT, state=CellState.OK),
}
LIMITS = Limits(question_s=15.0, outside_s=5.0, total_s=30.0, memory_bytes=MEMORY_BYTES, processes=PROCESSES)
HURRY = Limits(question_s=0.5, outside_s=0.5, total_s=10.0, memory_bytes=MEMORY_BYTES, processes=PROCESSES)
"""For what ends only because its time is over."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A cell that answers question q, with another cell behind it."""

    name: str
    tries: str
    code: str
    ends: tuple[End, ...]
    """One of these; several where Linux's scheduling decides."""
    then: str = "print('next')"
    limits: Limits = LIMITS
    probes: int = 1
    """How many answers are asked for behind the cell: `x`, under the keys k0, k1, ..."""


_ODD_SOURCES = (
    Attack(
        name="source with half a character",
        tries="Break the way of a cell into its kernel.",
        code="x = '\ud800'",
        ends=(ENDS["harmless"],),
    ),
    Attack(
        name="source with a null character",
        tries="Cut a cell short where its source passes through C.",
        code="x = '\0'",
        ends=(End(outcome=_COMPLETED, state=CellState.RAISED),),
    ),
    Attack(
        name="endless name of a program",
        tries="Keep the kernel busy with what might be a command of the shell, a million characters long.",
        code='name = """\n!' + "python" * 200_000 + '\n"""',
        ends=(ENDS["harmless"],),
    ),
)
"""Sources that no file of TOML can hold, or should."""


def read_attacks() -> Iterator[tuple[str, Attack]]:
    """Give each attack of the catalogue with the name of its class."""
    for path in sorted(FOLDER.glob("*.toml")):
        sheet = tomllib.loads(path.read_text(encoding="utf-8"))
        preludes: dict[str, str] = sheet.get("preludes", {})
        for entry in sheet["attack"]:
            yield path.stem, _read_attack(entry, preludes)
    for attack in _ODD_SOURCES:
        yield "source", attack


def _read_attack(entry: dict[str, Any], preludes: dict[str, str]) -> Attack:
    code = "".join(preludes[name] for name in entry.pop("with", [])) + entry.pop("code")
    words = entry.pop("ends", ["refused"])
    ends = ANYHOW if words == ["anyhow"] else tuple(map(_read_end, words))
    limits = HURRY if entry.pop("hurry", False) else LIMITS
    return Attack(code=code, ends=ends, limits=limits, **entry)


def _read_end(words: str) -> End:
    kind, _, error = words.partition(" ")
    if kind == "raises":
        return End(outcome=_COMPLETED, state=CellState.RAISED, error=error)
    return ENDS[words]
