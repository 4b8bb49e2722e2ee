"""What was looked at to say whether the cage is tight: one line for each thing, and its cure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from grader.domain.text import Note


class LineState(StrEnum):
    OK = "ok"
    NOT_OK = "not_ok"
    UNKNOWN = "unknown"
    """No answer, or one that says nothing. Of an attempt to get out it is as bad as NOT_OK: nothing is proved."""


@dataclass(frozen=True, kw_only=True)
class CageLine:
    """One attempt of the canary, or one thing that the sandbox needs of the machine."""

    name: str
    """What a person is told stands in the catalogue under `canary.<name>` or `doctor.<name>`."""
    state: LineState
    found: str = ""
    """What was seen, in the words of the machine: paths, error names, versions."""
    cure: Note | None = None


def not_proved(lines: Iterable[CageLine]) -> tuple[CageLine, ...]:
    """Those that keep grading from going on."""
    return tuple(line for line in lines if line.state is not LineState.OK)


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """All that can be said before grading is tried."""

    machine: tuple[CageLine, ...]
    """What there is and what is missing, in the order in which it would be put right."""
    canary: tuple[CageLine, ...]
    needed: tuple[CageLine, ...]
    """Those of the machine's lines without which nothing is graded; the others explain them."""

    @property
    def can_grade(self) -> bool:
        return not not_proved((*self.needed, *self.canary))
