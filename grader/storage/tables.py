"""The tables: one class a table, in the order a submission meets them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from grader.storage.columns import PointsNumber, StudentText, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints have names from the first revision on: batch migrations can then change them."""

_Id = sa.String(32)
_Hash = sa.String(64)
_Word = sa.String(32)
_Slug = sa.String(64)


class Table(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: UtcDateTime(),
        dict[str, Any]: sa.JSON(none_as_null=True),
        list[Any]: sa.JSON(none_as_null=True),
    }


class PersonRow(Table):
    __tablename__ = "people"

    person_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    login: Mapped[str] = mapped_column(sa.String(255), unique=True)
    name: Mapped[str] = mapped_column(StudentText)
    is_admin: Mapped[bool]
    created_at: Mapped[datetime]


class CourseRow(Table):
    __tablename__ = "courses"

    course_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    slug: Mapped[str] = mapped_column(_Slug, unique=True)
    title: Mapped[str] = mapped_column(sa.Text)
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    counting: Mapped[str] = mapped_column(_Word)
    created_at: Mapped[datetime]
    shows_at_risk: Mapped[bool] = mapped_column(server_default=sa.false())


class MembershipRow(Table):
    __tablename__ = "memberships"
    __table_args__ = (sa.UniqueConstraint("course_id", "student_number"),)

    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(_Word)
    student_number: Mapped[str | None] = mapped_column(sa.String(64))
    left_at: Mapped[datetime | None]
    """Since when the person is no member any more; what was handed in stays."""


class JoinCodeRow(Table):
    """The code with which students ask to join a course; a course has one at most."""

    __tablename__ = "join_codes"

    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"), primary_key=True)
    code: Mapped[str] = mapped_column(_Word, unique=True)


class JoinRequestRow(Table):
    """Who says to be which student, until staff say whether it is so."""

    __tablename__ = "join_requests"
    __table_args__ = (sa.UniqueConstraint("course_id", "person_id"),)

    request_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"))
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), index=True)
    student_number: Mapped[str] = mapped_column(sa.String(64))
    asked_at: Mapped[datetime]


class RosterUploadRow(Table):
    """A roster file that somebody looks at before importing it; one at most for each person and course."""

    __tablename__ = "roster_uploads"

    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    file_name: Mapped[str] = mapped_column(StudentText)
    data: Mapped[bytes]
    uploaded_at: Mapped[datetime]


class IdentityRow(Table):
    """Who somebody is to an identity provider (OpenID Connect); the two words never change there."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), index=True)


class PasswordRow(Table):
    """Who may sign in with a password."""

    __tablename__ = "passwords"

    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    hashed: Mapped[str] = mapped_column(sa.Text)


class SignInTriesRow(Table):
    """By login, whether or not it exists; the login itself may be anything somebody typed, so it is not kept."""

    __tablename__ = "sign_in_tries"

    login_hash: Mapped[str] = mapped_column(_Hash, primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


class InvitationRow(Table):
    """The newest link of a person; it is gone once it was used."""

    __tablename__ = "invitations"

    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(_Hash, unique=True)
    expires_at: Mapped[datetime]


class SessionRow(Table):
    __tablename__ = "sessions"

    session_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), index=True)
    secret_hash: Mapped[str] = mapped_column(_Hash, unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    idle_s: Mapped[float]


class TokenRow(Table):
    __tablename__ = "tokens"

    token_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), index=True)
    secret_hash: Mapped[str] = mapped_column(_Hash, unique=True)
    kind: Mapped[str] = mapped_column(_Word)
    label: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class VersionRow(Table):
    __tablename__ = "versions"

    version: Mapped[str] = mapped_column(_Hash, primary_key=True)
    slug: Mapped[str] = mapped_column(_Slug, index=True)
    points: Mapped[float] = mapped_column(PointsNumber)
    state: Mapped[str] = mapped_column(_Word)
    findings: Mapped[list[Any]]
    created_at: Mapped[datetime]
    device: Mapped[str] = mapped_column(_Word, server_default="cpu")


class RevisionRow(Table):
    """Texts, rubrics and visibility of a version, with a history of their own."""

    __tablename__ = "revisions"

    version: Mapped[str] = mapped_column(_Hash, sa.ForeignKey("versions.version"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    title_ja: Mapped[str] = mapped_column(sa.Text)
    title_en: Mapped[str] = mapped_column(sa.Text)
    points: Mapped[float] = mapped_column(PointsNumber)
    rubrics: Mapped[dict[str, Any]]
    """Points by question, check and item's key."""
    files: Mapped[dict[str, Any]]
    """Blob key by path."""
    created_at: Mapped[datetime]


class ExpectedRow(Table):
    __tablename__ = "expected_values"

    version: Mapped[str] = mapped_column(_Hash, sa.ForeignKey("versions.version"), primary_key=True)
    environment: Mapped[str] = mapped_column(_Hash, primary_key=True)
    blob: Mapped[str] = mapped_column(_Hash)
    created_at: Mapped[datetime]


class SelfTestRow(Table):
    """The newest self-test of a version; earlier ones said the same of the same files."""

    __tablename__ = "self_tests"

    version: Mapped[str] = mapped_column(_Hash, sa.ForeignKey("versions.version"), primary_key=True)
    environment: Mapped[str] = mapped_column(_Hash)
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class OfferingRow(Table):
    __tablename__ = "offerings"
    __table_args__ = (
        sa.UniqueConstraint("course_id", "slug"),
        sa.ForeignKeyConstraint(["version", "revision"], ["revisions.version", "revisions.number"]),
    )

    offering_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"))
    slug: Mapped[str] = mapped_column(_Slug)
    version: Mapped[str] = mapped_column(_Hash)
    revision: Mapped[int]
    opens_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    feedback_at: Mapped[datetime | None]
    details_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    rules: Mapped[dict[str, Any] | None]


class OfferingRevisionRow(Table):
    """With which revision an offering's results of a version are read: of every version it offers, offered or may."""

    __tablename__ = "offering_revisions"
    __table_args__ = (sa.ForeignKeyConstraint(["version", "revision"], ["revisions.version", "revisions.number"]),)

    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"), primary_key=True)
    version: Mapped[str] = mapped_column(_Hash, primary_key=True)
    revision: Mapped[int]


class ManuscriptRow(Table):
    """An assignment that is being written in a course; publishing copies its files into a version."""

    __tablename__ = "manuscripts"
    __table_args__ = (sa.UniqueConstraint("course_id", "slug"),)

    manuscript_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    course_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("courses.course_id"))
    slug: Mapped[str] = mapped_column(_Slug)
    files: Mapped[dict[str, Any]]
    """Blob key by path."""
    edition: Mapped[int]
    solved: Mapped[str | None] = mapped_column(_Hash)
    work: Mapped[str | None] = mapped_column(_Word)
    progress: Mapped[dict[str, Any] | None]
    notes: Mapped[list[Any]]
    trial: Mapped[dict[str, Any] | None]
    edited_by: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    edited_at: Mapped[datetime]


class SubmissionRow(Table):
    __tablename__ = "submissions"
    __table_args__ = (
        sa.UniqueConstraint("offering_id", "person_id", "number"),
        sa.Index(None, "offering_id", "received_at", "submission_id"),
    )

    submission_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"))
    number: Mapped[int]
    notebook: Mapped[str] = mapped_column(_Hash)
    size_bytes: Mapped[int]
    file_name: Mapped[str] = mapped_column(StudentText)
    received_at: Mapped[datetime]
    is_late: Mapped[bool]
    is_too_late: Mapped[bool] = mapped_column(server_default=sa.false())
    late_percent: Mapped[float] = mapped_column(PointsNumber, server_default="0")
    hinted_name: Mapped[str | None] = mapped_column(StudentText)
    hinted_number: Mapped[str | None] = mapped_column(StudentText)


class CountingSubmissionRow(Table):
    """Which submission counts: a pointer that is moved explicitly."""

    __tablename__ = "counting_submissions"

    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"))


class WrittenAnswerRow(Table):
    __tablename__ = "written_answers"

    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), primary_key=True)
    question_id: Mapped[str] = mapped_column(_Slug, primary_key=True)
    text_hash: Mapped[str] = mapped_column(_Hash)
    text: Mapped[str] = mapped_column(StudentText)
    has_attachments: Mapped[bool]


class RunRow(Table):
    __tablename__ = "runs"
    __table_args__ = (sa.Index(None, "version", "state"),)

    run_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    number: Mapped[int]
    """Per submission, from 1."""
    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), index=True)
    version: Mapped[str] = mapped_column(_Hash, sa.ForeignKey("versions.version"))
    cause: Mapped[str] = mapped_column(_Word)
    state: Mapped[str] = mapped_column(_Word)
    attempts: Mapped[int]
    phase: Mapped[str | None] = mapped_column(_Word)
    trouble: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    environment: Mapped[str | None] = mapped_column(_Hash)
    seed: Mapped[str | None] = mapped_column(_Word)
    draws: Mapped[dict[str, Any] | None]
    located: Mapped[dict[str, Any] | None]
    outcome: Mapped[str | None] = mapped_column(_Word)
    score: Mapped[float | None] = mapped_column(PointsNumber)
    decided: Mapped[float | None] = mapped_column(PointsNumber)
    pending: Mapped[float | None] = mapped_column(PointsNumber)
    points: Mapped[float | None] = mapped_column(PointsNumber)
    notes: Mapped[list[Any] | None]
    seconds: Mapped[float | None]
    executed: Mapped[str | None] = mapped_column(_Hash)
    replies: Mapped[str | None] = mapped_column(_Hash)
    reused_from: Mapped[str | None] = mapped_column(_Id, sa.ForeignKey("runs.run_id"))


class CountingRunRow(Table):
    """Which run's result is the submission's: a pointer that is moved explicitly."""

    __tablename__ = "counting_runs"

    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), primary_key=True)
    run_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("runs.run_id"))


class StandingRow(Table):
    """What stands of a submission that has a result: with what people decided, less what being late costs."""

    __tablename__ = "standings"

    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), primary_key=True)
    score: Mapped[float] = mapped_column(PointsNumber)
    decided: Mapped[float] = mapped_column(PointsNumber)
    pending: Mapped[float] = mapped_column(PointsNumber)
    points: Mapped[float] = mapped_column(PointsNumber)
    awaited: Mapped[float] = mapped_column(PointsNumber, server_default="0")


class WaitingCheckRow(Table):
    """What of a submission that has a result waits for a person, while nothing settles it."""

    __tablename__ = "waiting_checks"

    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), primary_key=True)
    question_id: Mapped[str] = mapped_column(_Slug, primary_key=True)
    check_id: Mapped[str] = mapped_column(_Slug, primary_key=True)
    kind: Mapped[str] = mapped_column(_Word)
    verdict: Mapped[str] = mapped_column(_Word)
    code: Mapped[str] = mapped_column(sa.String(128))


class RegradeRow(Table):
    """Submissions that were graded again to see what would change."""

    __tablename__ = "regrades"

    regrade_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"), index=True)
    version: Mapped[str] = mapped_column(_Hash, sa.ForeignKey("versions.version"))
    question_id: Mapped[str | None] = mapped_column(_Slug)
    only_lacking: Mapped[bool] = mapped_column(server_default=sa.false())
    submission_id: Mapped[str | None] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"))
    asked_by: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    asked_at: Mapped[datetime]
    applied_by: Mapped[str | None] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class RegradeRunRow(Table):
    """The run of one submission of a regrade; what stood before is kept once it is applied."""

    __tablename__ = "regrade_runs"

    run_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("runs.run_id"), primary_key=True)
    regrade_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("regrades.regrade_id"), index=True)
    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"))
    is_applied: Mapped[bool]
    replaced: Mapped[str | None] = mapped_column(_Id, sa.ForeignKey("runs.run_id"))
    before: Mapped[list[Any] | None]
    """Score, decided, pending and points."""
    after: Mapped[list[Any] | None]


class QuestionResultRow(Table):
    __tablename__ = "question_results"

    run_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("runs.run_id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[str] = mapped_column(_Slug)
    score: Mapped[float] = mapped_column(PointsNumber)
    decided: Mapped[float] = mapped_column(PointsNumber)
    pending: Mapped[float] = mapped_column(PointsNumber)
    points: Mapped[float] = mapped_column(PointsNumber)
    notes: Mapped[list[Any]]
    cells: Mapped[list[Any]]
    fingerprint: Mapped[str | None] = mapped_column(_Word)
    """Of what its checks came to: the same only where they came to the same. None stands for itself alone."""


class CheckResultRow(Table):
    """A verdict: a stable code with self-contained facts; the sentence is made when it is shown."""

    __tablename__ = "check_results"
    __table_args__ = (
        sa.ForeignKeyConstraint(["run_id", "question_place"], ["question_results.run_id", "question_results.place"]),
    )

    run_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    question_place: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[str] = mapped_column(_Slug)
    kind: Mapped[str] = mapped_column(_Word)
    verdict: Mapped[str] = mapped_column(_Word)
    score: Mapped[float] = mapped_column(PointsNumber)
    decided: Mapped[float] = mapped_column(PointsNumber)
    pending: Mapped[float] = mapped_column(PointsNumber)
    points: Mapped[float] = mapped_column(PointsNumber)
    code: Mapped[str] = mapped_column(sa.String(128))
    facts: Mapped[dict[str, Any]]
    facts_version: Mapped[int]
    diagnosis: Mapped[dict[str, Any] | None]


class DecisionRow(Table):
    """What a person decided: belongs to submission and question, never to a run; rows are only added."""

    __tablename__ = "decisions"

    decision_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"))
    place: Mapped[int]
    """Per submission, from 1: which came after which."""
    question_id: Mapped[str] = mapped_column(_Slug)
    check_id: Mapped[str | None] = mapped_column(_Slug)
    kind: Mapped[str] = mapped_column(_Word)
    points: Mapped[float | None] = mapped_column(PointsNumber)
    items: Mapped[list[Any] | None]
    comment: Mapped[str] = mapped_column(StudentText)
    reason: Mapped[str] = mapped_column(StudentText)
    decided_by: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    decided_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("submission_id", "place"),)


class CellChoiceRow(Table):
    """Which cells somebody says answer which question: belongs to the submission, never to a run; rows are only
    added."""

    __tablename__ = "cell_choices"
    __table_args__ = (sa.UniqueConstraint("submission_id", "place"),)

    choice_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"))
    place: Mapped[int]
    """Per submission, from 1."""
    cells: Mapped[dict[str, Any]]
    """Indexes by question."""
    chosen_by: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    chosen_at: Mapped[datetime]


class ReviewDraftRow(Table):
    """What somebody typed about an answer before giving points; it is gone once the answer is decided."""

    __tablename__ = "review_drafts"

    submission_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("submissions.submission_id"), primary_key=True)
    question_id: Mapped[str] = mapped_column(_Slug, primary_key=True)
    check_id: Mapped[str] = mapped_column(_Slug, primary_key=True)
    """Empty: about the whole question. No part of a key may be null."""
    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    items: Mapped[list[Any]]
    points: Mapped[str] = mapped_column(StudentText)
    comment: Mapped[str] = mapped_column(StudentText)
    reason: Mapped[str] = mapped_column(StudentText, server_default="")
    saved_at: Mapped[datetime]


class SavedCommentRow(Table):
    """Words about one question that the whole team may use again."""

    __tablename__ = "saved_comments"
    __table_args__ = (sa.Index(None, "offering_id", "question_id"),)

    comment_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"))
    question_id: Mapped[str] = mapped_column(_Slug)
    text: Mapped[str] = mapped_column(StudentText)
    created_by: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"))
    created_at: Mapped[datetime]


class VisitRow(Table):
    """When a person last looked at an offering, or at a result of it: what came later is news."""

    __tablename__ = "visits"

    person_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("people.person_id"), primary_key=True)
    offering_id: Mapped[str] = mapped_column(_Id, sa.ForeignKey("offerings.offering_id"), primary_key=True)
    seen_at: Mapped[datetime]


class WorkerRow(Table):
    __tablename__ = "workers"

    worker: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    seen_at: Mapped[datetime]
    sandbox: Mapped[str] = mapped_column(_Word)
    reason: Mapped[dict[str, Any] | None]
    environment: Mapped[str | None] = mapped_column(_Hash)
    gpu: Mapped[str | None] = mapped_column(sa.String(128))
