"""What jobs and versions are meant for, and which workers have a GPU."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Publishing writes down what a version known before is meant for; jobs that wait were meant for the CPU.
    op.add_column("versions", sa.Column("device", sa.String(32), nullable=False, server_default="cpu"))
    op.add_column("jobs", sa.Column("device", sa.String(32), nullable=False, server_default="cpu"))
    op.add_column("workers", sa.Column("gpu", sa.String(128), nullable=True))
