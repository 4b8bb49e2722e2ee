"""Which revision an offering reads its results of a version with: what another course publishes changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OFFERED = "INSERT INTO offering_revisions SELECT offering_id, version, revision FROM offerings"
# Until now these were read with the newest one.
_EARLIER = """
    INSERT INTO offering_revisions
    SELECT submissions.offering_id, runs.version, MAX(revisions.number)
    FROM runs
    JOIN submissions ON submissions.submission_id = runs.submission_id
    JOIN offerings ON offerings.offering_id = submissions.offering_id
    JOIN revisions ON revisions.version = runs.version
    WHERE runs.version <> offerings.version
    GROUP BY submissions.offering_id, runs.version
"""


def upgrade() -> None:
    op.create_table(
        "offering_revisions",
        sa.Column("offering_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.offering_id"], name=op.f("fk_offering_revisions_offering_id_offerings")
        ),
        sa.ForeignKeyConstraint(
            ["version", "revision"],
            ["revisions.version", "revisions.number"],
            name=op.f("fk_offering_revisions_version_revisions"),
        ),
        sa.PrimaryKeyConstraint("offering_id", "version", name=op.f("pk_offering_revisions")),
    )
    op.execute(sa.text(_OFFERED))
    op.execute(sa.text(_EARLIER))
