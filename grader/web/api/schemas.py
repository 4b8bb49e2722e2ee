"""What the API takes and gives, as pydantic models; the words are those of docs/glossary.md."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from grader.domain.assignment import Check, Question
from grader.domain.people import CountingPolicy, Member, Person, Role
from grader.domain.result import Points
from grader.domain.submission import Decision, DecisionKind
from grader.domain.text import Language
from grader.flow.progress import CourseView, OfferingView, SubmissionView

T = TypeVar("T")


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_printable)]
"""A line that people read: no control characters, no halves of characters, no novels."""


Words = Annotated[str, StringConstraints(max_length=10_000)]


class Problem(BaseModel):
    """An error, as application/problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="One sentence in the reader's language: what happened and what to do.")
    code: str = Field(description="Stable; the same as on the command line.")
    facts: dict[str, Any]


class PageOut(BaseModel, Generic[T]):
    """Part of a list; ask again with `after` set to `next_after` for the next part."""

    items: list[T]
    next_after: str | None


class CourseIn(BaseModel):
    """A course to add."""

    model_config = ConfigDict(extra="forbid")

    slug: Line
    title: Line
    time_zone: Line = "Asia/Tokyo"
    counting: CountingPolicy = CountingPolicy.BEST


class CourseOut(BaseModel):
    """A course and the caller's role in it."""

    slug: str
    title: str
    time_zone: str
    counting: CountingPolicy
    role: Role | None

    @classmethod
    def of(cls, view: CourseView) -> "CourseOut":
        course = view.course
        return cls(
            slug=course.slug,
            title=course.title,
            time_zone=course.time_zone,
            counting=course.counting,
            role=view.role,
        )


class MemberIn(BaseModel):
    """A member to add, or whose role to change."""

    model_config = ConfigDict(extra="forbid")

    login: Line
    name: Line = ""
    role: Role = Role.STUDENT
    student_number: Line | None = None


class MemberOut(BaseModel):
    """A line of a course's roster."""

    login: str
    name: str
    role: Role
    student_number: str | None

    @classmethod
    def of(cls, member: Member) -> "MemberOut":
        return cls(
            login=member.person.login,
            name=member.person.name,
            role=member.membership.role,
            student_number=member.membership.student_number,
        )


class QuestionOut(BaseModel):
    """A question as students read it."""

    id: str
    title: str
    prompt: str = Field(description="Markdown.")
    points: Points


class AssignmentOut(BaseModel):
    """An assignment that a course offers."""

    slug: str
    title: str
    version: str
    points: Points
    state: str = Field(description="proved; unproved: uploads wait until a worker has run the reference; failed.")
    opens_at: datetime | None
    due_at: datetime | None
    closes_at: datetime | None

    @classmethod
    def of(cls, view: OfferingView, language: Language) -> "AssignmentOut":
        dates = view.offering.dates
        return cls(
            slug=view.offering.slug,
            title=view.revision.title.in_language(language),
            version=view.version.version,
            points=view.revision.points,
            state=view.version.state.value,
            opens_at=dates.opens_at,
            due_at=dates.due_at,
            closes_at=dates.closes_at,
        )


class AssignmentDetailOut(AssignmentOut):
    """The same with its questions."""

    questions: list[QuestionOut]


class TotalsOut(BaseModel):
    """A result in one line: `score` earned of `decided`; `pending` wait for a person or for us, out of `points`."""

    outcome: str
    score: Points
    decided: Points
    pending: Points
    points: Points


class SubmissionOut(BaseModel):
    """A submission and how far its grading is."""

    id: str
    number: int
    course: str
    assignment: str
    version: str
    login: str
    file_name: str
    size_bytes: int
    received_at: datetime
    is_late: bool
    counts: bool = Field(description="This submission is the one that counts.")
    state: str = Field(description="queued, running, finished, or failed (ours: it waits for an operator).")
    phase: str | None
    message: str = Field(description="The state in words.")
    totals: TotalsOut | None = Field(description="Null until it is graded and its points are released.")

    @classmethod
    def of(cls, view: SubmissionView, *, message: str) -> "SubmissionOut":
        submission, run = view.submission, view.run
        totals = None
        if run.totals is not None:
            totals = TotalsOut(
                outcome=run.totals.outcome.value,
                score=run.totals.score,
                decided=run.totals.decided,
                pending=run.totals.pending,
                points=run.totals.points,
            )
        return cls(
            id=submission.submission_id,
            number=submission.number,
            course=view.course.slug,
            assignment=view.offering.slug,
            version=run.version,
            login=view.person.login,
            file_name=submission.file_name,
            size_bytes=submission.size_bytes,
            received_at=submission.received_at,
            is_late=submission.is_late,
            counts=view.counts,
            state=run.state.value,
            phase=run.phase,
            message=message,
            totals=totals,
        )


class RubricItemOut(BaseModel):
    """One thing a TA looks for in a written answer."""

    key: str = Field(description="What a decision names it by.")
    points: Points
    text: str


class RubricOut(BaseModel):
    """What a written answer is judged by."""

    question: str
    check: str
    points: Points
    items: list[RubricItemOut]
    model_answer: str | None = Field(description="Markdown.")

    @classmethod
    def of(cls, question: Question, check: Check, language: Language) -> "RubricOut":
        return cls(
            question=question.question_id,
            check=check.check_id,
            points=check.points,
            items=[
                RubricItemOut(key=item.key, points=item.points, text=item.text.in_language(language))
                for item in check.rubric
            ],
            model_answer=None if check.model_answer is None else check.model_answer.in_language(language),
        )


class DecisionIn(BaseModel):
    """Points for a written answer: by the rubric items that are met, or as a number."""

    model_config = ConfigDict(extra="forbid")

    question: Line
    check: Line | None = Field(None, description="Needed only where the question has several written answers.")
    items: list[Line] | None = Field(None, description="Keys of the rubric items that are met.", max_length=1000)
    points: Points | None = Field(None, description="In place of `items`: a number, whatever the items say.")
    comment: Words = Field("", description="For the student.")
    reason: Words = Field("", description="For the record.")
    seen: int | None = Field(
        None,
        description="How many decisions about the question there were when the answer was read. If there are others by "
        "now, nothing is stored and the answer is 409. Null: whatever others decided.",
        ge=0,
        le=1_000_000,
    )


class DecisionOut(BaseModel):
    """What a person decided."""

    question: str
    check: str | None = Field(description="Null: about the whole question.")
    kind: DecisionKind
    items: list[str] | None
    points: Points | None
    comment: str
    reason: str
    login: str = Field(description="Who decided.")
    at: datetime

    @classmethod
    def of(cls, decision: Decision, by: Person) -> "DecisionOut":
        return cls(
            question=decision.question_id,
            check=decision.check_id,
            kind=decision.kind,
            items=None if decision.items is None else list(decision.items),
            points=decision.points,
            comment=decision.comment,
            reason=decision.reason,
            login=by.login,
            at=decision.decided_at,
        )


class WorkerOut(BaseModel):
    """What a worker last said of itself."""

    worker: str
    sandbox: str
    reason: str | None
    gpu: str | None = Field(description="The GPU that its kernels may use.")


class ReadinessOut(BaseModel):
    """Whether the service can grade, and what is missing."""

    ready: bool
    missing: list[str] = Field(description="Sentences: what is missing before everything can be graded.")
    workers: list[WorkerOut]
    waiting: int
    leased: int
