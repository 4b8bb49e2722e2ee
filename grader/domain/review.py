"""What needs a person: checks that no machine decides, and what the people who decide them keep for each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from grader.domain.ids import CheckId, CourseId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.result import Verdict

SavedCommentId = NewType("SavedCommentId", str)


class Need(StrEnum):
    """Why somebody has to look."""

    WRITTEN = "written"
    """Words, formulas or a photo: judged by a rubric."""
    DOUBT = "doubt"
    """A comparison that does not decide by itself."""
    NOT_FOUND = "not_found"
    SKIPPED = "skipped"
    NEEDS_GPU = "needs_gpu"
    NEEDS_PACKAGE = "needs_package"
    FAILED = "failed"
    """We could not grade the submission at all."""
    DECIDED = "decided"
    """Nothing waits: somebody wants to correct what the machine said, or what people did."""


class Answer(NamedTuple):
    """One check of a submission that counts, which waits for a person or has been settled by one."""

    offering_id: OfferingId
    question_id: QuestionId
    check_id: CheckId
    kind: str
    verdict: Verdict
    """As the run found it."""
    code: str
    person_id: PersonId
    submission_id: SubmissionId
    text_hash: str | None
    """Of the words under the question; None where there are none."""
    has_attachments: bool


class WaitingCheck(NamedTuple):
    """A check of what stands that waits for a person, or for us."""

    question_id: QuestionId
    check_id: CheckId
    kind: str
    verdict: Verdict
    code: str


class Ungraded(NamedTuple):
    """A submission that counts and of which every grading failed through us."""

    offering_id: OfferingId
    person_id: PersonId
    submission_id: SubmissionId


@dataclass(frozen=True, kw_only=True)
class AnswerScope:
    """Whose answers are meant: those of a course's students that count for these offerings."""

    course_id: CourseId
    offering_ids: Sequence[OfferingId]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What runs found not to be right about one check, and which mistake was recognised in it."""

    question_id: QuestionId
    check_id: CheckId
    code: str
    diagnosis: str | None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody typed about an answer and has not given yet; one for each person and answer."""

    person_id: PersonId
    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId | None
    """None: about the whole question."""
    items: tuple[str, ...]
    points: str
    """As it was typed."""
    comment: str
    reason: str
    saved_at: datetime


@dataclass(frozen=True, kw_only=True)
class SavedComment:
    """Words for students about one question that the whole team may use again."""

    comment_id: SavedCommentId
    offering_id: OfferingId
    question_id: QuestionId
    text: str
    created_by: PersonId
    created_at: datetime
