"""When students may read more than points, and whether a regrade of one question left out those with all its points."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offerings", sa.Column("details_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("regrades", sa.Column("only_lacking", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Until now there was no other way for one question.
    op.execute(sa.text("UPDATE regrades SET only_lacking = true WHERE question_id IS NOT NULL"))
