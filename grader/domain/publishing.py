"""Published versions of assignments, and the courses' offerings of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from grader.domain.device import Device
from grader.domain.ids import BlobKey, CheckId, CourseId, OfferingId, QuestionId, VersionHash
from grader.domain.result import Points
from grader.domain.text import Note, Text

ItemPoints: TypeAlias = Mapping[str, Points]
"""What each item of one check's rubric is worth, by the item's key, in the rubric's order."""
Rubrics: TypeAlias = Mapping[QuestionId, Mapping[CheckId, ItemPoints]]


class VersionState(StrEnum):
    UNPROVED = "unproved"
    """Stored, but its reference has not run yet; uploads to it wait."""
    PROVED = "proved"
    FAILED = "failed"
    """The spec does not hold; `findings` say why. Uploads to it wait for its author."""


@dataclass(frozen=True, kw_only=True)
class PublishedVersion:
    """What decides scores, immutable; its texts lie beside it in revisions."""

    version: VersionHash
    slug: str
    points: Points
    state: VersionState
    findings: tuple[Note, ...]
    """Why it failed."""
    created_at: datetime
    device: Device = Device.CPU


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One state of a version's texts, rubrics and visibility: all files of its bundle, by path."""

    version: VersionHash
    number: int
    """From 1."""
    title: Text
    points: Points
    """Of the whole assignment with these rubrics."""
    rubrics: Rubrics
    """Weights of the written checks. One that is missing is worth what a run's result says."""
    files: Mapping[str, BlobKey]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Dates:
    """When an offering opens, is due, closes, and when its feedback may be read; None is 'no such limit'."""

    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None
    feedback_at: datetime | None = None

    def is_open(self, *, at: datetime) -> bool:
        return (self.opens_at is None or self.opens_at <= at) and (self.closes_at is None or at < self.closes_at)

    def is_late(self, *, at: datetime) -> bool:
        return self.due_at is not None and at > self.due_at

    def is_released(self, *, at: datetime) -> bool:
        return self.feedback_at is None or self.feedback_at <= at


@dataclass(frozen=True, kw_only=True)
class Offering:
    """One version, with one revision of its texts, in one course. No upgrade changes it."""

    offering_id: OfferingId
    course_id: CourseId
    slug: str
    version: VersionHash
    revision: int
    dates: Dates
    created_at: datetime
