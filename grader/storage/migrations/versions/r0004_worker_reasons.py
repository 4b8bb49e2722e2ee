"""Workers say why they do not grade as a note, which everybody reads in their own language."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What workers said last is seconds old at best; those that live say it again.
    op.execute("DELETE FROM workers")
    op.drop_column("workers", "reason")
    op.add_column("workers", sa.Column("reason", sa.JSON(), nullable=True))
