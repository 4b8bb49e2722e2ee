"""Points that follow from rubric items: what items weigh in each revision, and which ones a decision says are met."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("items", sa.JSON(), nullable=True))
    # What older revisions' rubrics weigh stands in their files only; empty means "as the runs' results say".
    op.add_column("revisions", sa.Column("rubrics", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("revisions", sa.Column("points", sa.Float(), nullable=False, server_default="0"))
    op.execute("UPDATE revisions SET points = (SELECT points FROM versions WHERE versions.version = revisions.version)")
