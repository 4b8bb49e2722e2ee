"""What waits for a person, kept with what stands: a course's queue is read without all of its checks."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_checks",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=False),
        sa.Column("check_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.submission_id"], name=op.f("fk_waiting_checks_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("submission_id", "question_id", "check_id", name=op.f("pk_waiting_checks")),
    )
    # Made by flow.standing when the service starts: it takes people's decisions to know them.
    op.execute(sa.text("DELETE FROM standings WHERE pending > 0"))
