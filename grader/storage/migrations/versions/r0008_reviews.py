"""What reviewers type before they decide, and the comments that a team shares."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_drafts",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=False),
        sa.Column("check_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_review_drafts_person_id_people")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.submission_id"],
            name=op.f("fk_review_drafts_submission_id_submissions"),
        ),
        sa.PrimaryKeyConstraint("submission_id", "question_id", "check_id", "person_id", name=op.f("pk_review_drafts")),
    )
    op.create_table(
        "saved_comments",
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("offering_id", sa.String(length=32), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.person_id"], name=op.f("fk_saved_comments_created_by_people")),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.offering_id"], name=op.f("fk_saved_comments_offering_id_offerings")
        ),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_saved_comments")),
    )
    op.create_index(
        op.f("ix_saved_comments_offering_id_question_id"),
        "saved_comments",
        ["offering_id", "question_id"],
        unique=False,
    )
