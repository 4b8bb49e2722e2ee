"""An assignment while it is being written in a course, before it is published and whenever it is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from grader.domain.ids import BlobKey, CourseId, PersonId
from grader.domain.selftest import SelfTestReport
from grader.domain.text import Note

ManuscriptId = NewType("ManuscriptId", str)


class Work(StrEnum):
    """What a worker was asked to do with a manuscript."""

    DRAFTING = "drafting"
    """Make its files from the solved notebook."""
    TRYING = "trying"
    """Run its reference and look for mistakes that the checks would not notice."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Of what a worker does: so many notebooks of so many."""

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What running one edition of a manuscript came to."""

    edition: int
    findings: tuple[Note, ...]
    """Why it does not hold; none where it does."""
    prompt_outputs: Mapping[str, Mapping[str, str]]
    """What the reference prints, by question and expression."""
    report: SelfTestReport | None = None
    """None while the self-test is not over, and where the manuscript does not hold."""


@dataclass(frozen=True, kw_only=True)
class Manuscript:
    """The files of an assignment as somebody last left them; they may be full of mistakes."""

    manuscript_id: ManuscriptId
    course_id: CourseId
    slug: str
    files: Mapping[str, BlobKey]
    edition: int
    """Counts its changes, from 1: whoever saves says which one was read."""
    edited_by: PersonId
    edited_at: datetime
    solved: BlobKey | None = None
    """The notebook that it is drafted from."""
    work: Work | None = None
    progress: Progress | None = None
    notes: tuple[Note, ...] = ()
    """What drafting left out, or why it came to nothing."""
    trial: Trial | None = None
    """The newest."""
