"""Submissions, their grading runs, and what people decided about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from grader.domain.execution import Outcome
from grader.domain.ids import (
    BlobKey,
    CheckId,
    EnvironmentHash,
    OfferingId,
    PersonId,
    QuestionId,
    RunId,
    SubmissionId,
    VersionHash,
)
from grader.domain.location import FoundBy
from grader.domain.notebook import IdentityHint
from grader.domain.result import Points, Result
from grader.domain.text import Note

DecisionId = NewType("DecisionId", str)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was handed in; the bytes and the moment never change."""

    submission_id: SubmissionId
    person_id: PersonId
    offering_id: OfferingId
    number: int
    """Per person and offering, from 1."""
    notebook: BlobKey
    """The original bytes."""
    size_bytes: int
    file_name: str
    received_at: datetime
    """When the upload's request arrived: the moment that counts."""
    is_late: bool
    """By the dates that the offering has now, as are the next two."""
    identity: IdentityHint = field(default_factory=IdentityHint)
    is_too_late: bool = False
    """It arrived after closing: kept and graded, but it never counts."""
    late_percent: Points = 0
    """What it loses of the points that it earns."""


class RunState(StrEnum):
    QUEUED = "queued"
    """Waits for a worker, for another try, or for its version to be proved."""
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """We could not grade it; everything is pending and waits for an operator. Never a zero."""


class RunCause(StrEnum):
    SUBMITTED = "submitted"
    REGRADED = "regraded"
    TRIAL = "trial"
    """A regrade that staff look at first: it is no run of the submission's until somebody applies it."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """A run's result in one line; the questions are read with `load_result`."""

    outcome: Outcome
    score: Points
    decided: Points
    pending: Points
    points: Points


@dataclass(frozen=True, kw_only=True)
class Run:
    """One grading of a submission; a regrade is a new one."""

    run_id: RunId
    submission_id: SubmissionId
    version: VersionHash
    cause: RunCause
    state: RunState
    created_at: datetime
    attempts: int = 0
    """How often a worker took it up."""
    phase: str | None = None
    """While running: 'proving' (the version has no expected values here yet), 'executing', 'comparing'."""
    trouble: Note | None = None
    """Why it waits or failed; for people who run the service."""
    environment: EnvironmentHash | None = None
    totals: Totals | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    executed: BlobKey | None = None
    """The executed notebook."""
    replies: BlobKey | None = None
    """The values that came over the wire, so that it can be compared again without being executed again."""
    reused_from: RunId | None = None
    """The run of the same student's same bytes whose result this one repeats."""


@dataclass(frozen=True, kw_only=True)
class LocatedCells:
    """Which cells a run took for one question's answer, as indexes into Notebook.cells."""

    found_by: FoundBy
    code_cells: tuple[int, ...] = ()
    markdown_cells: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WrittenAnswer:
    """Words of a student's, located under one question; kept with the submission for a TA to read."""

    question_id: QuestionId
    text_hash: str
    """SHA-256 (hex) of the text: the same words in a later submission need not be read again."""
    text: str
    has_attachments: bool = False


@dataclass(frozen=True, kw_only=True)
class Graded:
    """All that a finished run keeps."""

    result: Result
    environment: EnvironmentHash
    seed: str
    """Which key drew the hidden inputs: the first 16 hex digits of its SHA-256, never the key."""
    draws: Mapping[str, int]
    """Which set of hidden inputs each check had, by check path."""
    located: Mapping[QuestionId, LocatedCells]
    written: tuple[WrittenAnswer, ...]
    executed: BlobKey
    replies: BlobKey
    seconds: float
    """Of the execution."""
    reused_from: RunId | None = None


class DecisionKind(StrEnum):
    POINTS = "points"
    """Points for a written check: settles what a machine cannot."""
    RECOMPUTED = "recomputed"
    """Points for the same rubric items as before, after the rubric's weights had changed."""
    CARRIED = "carried"
    """The points of the same words in an earlier submission of the same person."""
    OVERRIDE = "override"
    """Points for a whole question, whatever the checks say."""
    WITHDRAWN = "withdrawn"
    """Takes the override (no check named) or the points (check named) back."""
    COMMENT = "comment"
    """Words for the student about a question, without points; empty ones take the earlier ones back."""

    @property
    def settles(self) -> bool:
        """Does it give points?"""
        return self not in (DecisionKind.WITHDRAWN, DecisionKind.COMMENT)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about a submission's question. Belongs to no run, so it survives every regrade.

    History is kept: of all decisions with the same submission, question and check the newest is valid.
    """

    decision_id: DecisionId
    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId | None
    """The written check that gets points; None for the whole question."""
    kind: DecisionKind
    points: Points | None
    """None for WITHDRAWN."""
    comment: str
    """For the student."""
    reason: str
    """For the record."""
    decided_by: PersonId
    decided_at: datetime
    items: tuple[str, ...] | None = None
    """Keys of the rubric items that are met, from which the points follow; None where points were given as a number."""
