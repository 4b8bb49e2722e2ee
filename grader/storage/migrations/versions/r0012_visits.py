"""When people last looked at what they are told news of."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("offering_id", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_visits_person_id_people")),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.offering_id"], name=op.f("fk_visits_offering_id_offerings")
        ),
        sa.PrimaryKeyConstraint("person_id", "offering_id", name=op.f("pk_visits")),
    )
