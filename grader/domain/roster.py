"""A roster as a file has it, and what importing it would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grader.domain.ids import CourseId, PersonId
from grader.domain.people import Member
from grader.domain.text import Note


@dataclass(frozen=True, kw_only=True)
class RosterColumns:
    """Headings of the columns; None for those that are to be found by their usual names."""

    login: str | None = None
    name: str | None = None
    student_number: str | None = None


@dataclass(frozen=True, kw_only=True)
class RosterUpload:
    """A file that somebody looks at before importing it."""

    course_id: CourseId
    person_id: PersonId
    file_name: str
    data: bytes
    uploaded_at: datetime


@dataclass(frozen=True, kw_only=True)
class RosterLine:
    """A student as the file has them; where it has no login, the student number is it."""

    line: int
    login: str
    name: str
    student_number: str | None


@dataclass(frozen=True, kw_only=True)
class RosterChange:
    """A student whose name or number the file has otherwise; `has_left` if they come back with it."""

    line: RosterLine
    before: Member
    has_left: bool = False


@dataclass(frozen=True, kw_only=True)
class RosterProblem:
    """Why a line of the file cannot be taken as it is."""

    line: int
    note: Note


@dataclass(frozen=True, kw_only=True)
class RosterPlan:
    """What importing a file changes; nothing as long as there are problems."""

    columns: RosterColumns
    """As they were found."""
    headings: Sequence[str]
    """Of all columns of the file, to choose others from."""
    added: Sequence[RosterLine]
    changed: Sequence[RosterChange]
    left: Sequence[Member]
    """Students that the file lacks: they stop being members, what they handed in stays."""
    unchanged: int
    problems: Sequence[RosterProblem]

    @property
    def changes_nothing(self) -> bool:
        return not (self.added or self.changed or self.left)
