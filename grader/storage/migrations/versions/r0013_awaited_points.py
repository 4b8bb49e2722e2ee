"""Points of written answers that nobody has read yet: they have a say in which submission counts."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("standings", sa.Column("awaited", sa.Float(), nullable=False, server_default="0"))
    # Made again by flow.standing when the service starts: it takes results and people's decisions to know them.
    op.execute(sa.text("DELETE FROM standings WHERE pending > 0"))
