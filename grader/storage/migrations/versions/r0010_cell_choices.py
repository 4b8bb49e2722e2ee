"""The cells that people pointed at."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cell_choices",
        sa.Column("choice_id", sa.String(length=32), nullable=False),
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("cells", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("chosen_by", sa.String(length=32), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["chosen_by"], ["people.person_id"], name=op.f("fk_cell_choices_chosen_by_people")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.submission_id"],
            name=op.f("fk_cell_choices_submission_id_submissions"),
        ),
        sa.PrimaryKeyConstraint("choice_id", name=op.f("pk_cell_choices")),
        sa.UniqueConstraint("submission_id", "place", name=op.f("uq_cell_choices_submission_id_place")),
    )
