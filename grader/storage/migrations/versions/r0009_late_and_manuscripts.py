"""What being late means for a submission, the rules of an offering, and assignments that are being written."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offerings", sa.Column("rules", sa.JSON(), nullable=True))
    op.add_column("submissions", sa.Column("is_too_late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("submissions", sa.Column("late_percent", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "manuscripts",
        sa.Column("manuscript_id", sa.String(length=32), nullable=False),
        sa.Column("course_id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("solved", sa.String(length=64), nullable=True),
        sa.Column("work", sa.String(length=32), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("trial", sa.JSON(), nullable=True),
        sa.Column("edited_by", sa.String(length=32), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["courses.course_id"], name=op.f("fk_manuscripts_course_id_courses")),
        sa.ForeignKeyConstraint(["edited_by"], ["people.person_id"], name=op.f("fk_manuscripts_edited_by_people")),
        sa.PrimaryKeyConstraint("manuscript_id", name=op.f("pk_manuscripts")),
        sa.UniqueConstraint("course_id", "slug", name=op.f("uq_manuscripts_course_id_slug")),
    )
