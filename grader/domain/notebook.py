"""A notebook as the grader sees it after reading: cells without outputs, and what was repaired on the way."""

from dataclasses import dataclass, field
from enum import StrEnum

from grader.domain.text import Note

SAVED_CHARACTERS = 20_000
"""What is kept of the text that a file shows as a cell's output."""


class CellKind(StrEnum):
    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell. `index` is its place in the uploaded file from 0; people are told `number`, from 1."""

    index: int
    kind: CellKind
    source: str
    cell_id: str
    tags: tuple[str, ...] = ()
    has_attachments: bool = False
    saved: str = ""
    """What the file shows as this cell's output, as plain text, cut to SAVED_CHARACTERS: never compared for points."""

    @property
    def number(self) -> int:
        return self.index + 1


@dataclass(frozen=True, kw_only=True)
class IdentityHint:
    """Who the notebook says wrote it (a roll-call cell): read without executing it, never trusted."""

    name: str | None = None
    student_number: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A safe notebook: every cell is valid, Python, and carries nothing that changes how it is executed."""

    cells: tuple[Cell, ...]
    repairs: tuple[Note, ...] = ()
    identity: IdentityHint = field(default_factory=IdentityHint)

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind is CellKind.CODE)
