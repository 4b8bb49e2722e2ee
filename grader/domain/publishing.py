"""Published versions of assignments, and the courses' offerings of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from grader.domain.device import Device
from grader.domain.ids import BlobKey, CheckId, CourseId, OfferingId, QuestionId, VersionHash
from grader.domain.people import CountingPolicy
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
    """When an offering opens, is due, closes, and when its results may be read; None is 'no such limit'."""

    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None
    feedback_at: datetime | None = None
    """Points may be read from then on."""
    details_at: datetime | None = None
    """So may what lies behind them, if the points may."""

    def has_opened(self, *, at: datetime) -> bool:
        return self.opens_at is None or self.opens_at <= at

    def has_closed(self, *, at: datetime) -> bool:
        return self.closes_at is not None and self.closes_at <= at

    def is_open(self, *, at: datetime) -> bool:
        return self.has_opened(at=at) and not self.has_closed(at=at)

    def is_late(self, *, at: datetime) -> bool:
        return self.due_at is not None and at > self.due_at


class LateUnit(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is LateUnit.HOUR else timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class LatePolicy:
    """What a late submission loses of the points that it earns; `grading.score` reckons it."""

    percent: Points
    """For each hour or day that has begun since the grace ended."""
    unit: LateUnit = LateUnit.DAY
    grace_minutes: int = 0
    """What arrives so shortly after the due date is in time."""
    most_percent: Points = 100

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)


class Release(StrEnum):
    """When students may read part of a result: its points, or the details behind them."""

    BY_DATE = "by_date"
    """From that part's date on; at once where there is none."""
    BY_HAND = "by_hand"
    """Not before somebody releases them."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What an offering's dates mean for points: it lies beside them and is changed like them."""

    late: LatePolicy | None = None
    """None: what is late loses nothing, until it closes."""
    counting: CountingPolicy | None = None
    """None: which submission counts is as the course says."""
    release: Release = Release.BY_DATE
    """Of points."""
    details: Release = Release.BY_DATE
    """Of diagnoses, expected values and comments."""
    uploads: int | None = None
    """So many of one person in a short time are graded without a pause; None: as many as the service says."""


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
    rules: Rules = field(default_factory=Rules)

    def is_late(self, *, at: datetime) -> bool:
        """Has its due date passed, and what the rules give beyond it?"""
        grace = timedelta() if self.rules.late is None else self.rules.late.grace
        return self.dates.due_at is not None and at > self.dates.due_at + grace

    def is_released(self, *, at: datetime) -> bool:
        """May students read points?"""
        return _is_shown(self.rules.release, since=self.dates.feedback_at, at=at)

    def shows_details(self, *, at: datetime) -> bool:
        """May students read what lies behind the points? Never before the points themselves."""
        return self.is_released(at=at) and _is_shown(self.rules.details, since=self.dates.details_at, at=at)

    @property
    def points_from(self) -> datetime | None:
        """The moment from which on points are shown; None where that is at once, or for somebody to say."""
        return self.dates.feedback_at if self.rules.release is Release.BY_DATE else None

    @property
    def details_from(self) -> datetime | None:
        """The same of the details."""
        if Release.BY_HAND in (self.rules.release, self.rules.details):
            return None
        moments = (self.dates.feedback_at, self.dates.details_at)
        return max((moment for moment in moments if moment is not None), default=None)


def _is_shown(release: Release, *, since: datetime | None, at: datetime) -> bool:
    return release is Release.BY_DATE and (since is None or since <= at)
