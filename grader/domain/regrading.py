"""Regrades that staff look at before they take effect: what was asked, and each submission before and after."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from grader.domain.ids import OfferingId, PersonId, QuestionId, RunId, SubmissionId, VersionHash
from grader.domain.overview import Sums
from grader.domain.result import Points
from grader.domain.submission import RunState

RegradeId = NewType("RegradeId", str)


@dataclass(frozen=True, kw_only=True)
class Regrade:
    """Submissions that are graded again with one version; their points change only when somebody applies it."""

    regrade_id: RegradeId
    offering_id: OfferingId
    version: VersionHash
    question_id: QuestionId | None
    """What somebody wants to see again; None for the whole assignment."""
    submission_id: SubmissionId | None
    """The only one; None for all that may count."""
    asked_by: PersonId
    asked_at: datetime
    only_lacking: bool = False
    """Students with all points in the question were left out."""
    applied_by: PersonId | None = None
    applied_at: datetime | None = None
    undone_at: datetime | None = None

    @property
    def is_of_everybody(self) -> bool:
        return self.submission_id is None and not self.only_lacking


class RegradeState(StrEnum):
    RUNNING = "running"
    """Not all runs have ended."""
    REFUSED = "refused"
    """Its version cannot be graded with: what has not run never will."""
    READY = "ready"
    """All runs have ended; somebody may apply it."""
    APPLIED = "applied"
    UNDONE = "undone"


class RegradeLine(NamedTuple):
    """One submission of a regrade."""

    submission_id: SubmissionId
    run_id: RunId
    run_state: RunState
    person_name: str
    login: str
    number: int
    before: Sums | None
    """What stood when the regrade was applied, or stands now; None where there was no result."""
    after: Sums | None
    """What would stand with the new run, or stood when it was applied; None while it has no result."""
    is_applied: bool
    replaced: RunId | None
    """The run that counted before; None also where none did."""


class PersonChange(NamedTuple):
    """What somebody has before and after a regrade: another of their submissions may count then."""

    person_name: str
    login: str
    submission_id: SubmissionId
    """The one that would count."""
    number: int
    number_before: int
    """Of the one that counts before."""
    before: Sums | None
    """None where that has no result."""
    after: Sums | None


class PassedOver(NamedTuple):
    """What a regrade leaves as it is: there were too many of the same people's."""

    submissions: int
    people: int
    most: int
    """So many different notebooks of a person it takes."""


def gain_of(change: PersonChange | RegradeLine) -> Points:
    """Points that new runs would bring; where there was no result, all that they find."""
    if change.after is None:
        return 0
    return change.after.score - (0 if change.before is None else change.before.score)


class QuestionChange(NamedTuple):
    """A question for which the new run found something else than the one before, people's decisions aside."""

    submission_id: SubmissionId
    question_id: QuestionId
    before: Points | None
    after: Points
