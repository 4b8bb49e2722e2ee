"""Drafts of what settles a whole question, with the reason that goes into the record."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review_drafts", sa.Column("reason", sa.Text(), nullable=False, server_default=""))
