"""What stands of each submission, and regrades that are looked at before they take effect."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Sums of what is there already are made by flow.standing when the service starts: they need people's decisions.
    op.create_table(
        "standings",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("decided", sa.Float(), nullable=False),
        sa.Column("pending", sa.Float(), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.submission_id"], name=op.f("fk_standings_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_standings")),
    )
    op.create_table(
        "regrades",
        sa.Column("regrade_id", sa.String(length=32), nullable=False),
        sa.Column("offering_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=True),
        sa.Column("submission_id", sa.String(length=32), nullable=True),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by", sa.String(length=32), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.offering_id"], name=op.f("fk_regrades_offering_id_offerings")
        ),
        sa.ForeignKeyConstraint(["version"], ["versions.version"], name=op.f("fk_regrades_version_versions")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.submission_id"], name=op.f("fk_regrades_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["people.person_id"], name=op.f("fk_regrades_asked_by_people")),
        sa.ForeignKeyConstraint(["applied_by"], ["people.person_id"], name=op.f("fk_regrades_applied_by_people")),
        sa.PrimaryKeyConstraint("regrade_id", name=op.f("pk_regrades")),
    )
    op.create_index(op.f("ix_regrades_offering_id"), "regrades", ["offering_id"], unique=False)
    op.create_table(
        "regrade_runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("regrade_id", sa.String(length=32), nullable=False),
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.Column("replaced", sa.String(length=32), nullable=True),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_regrade_runs_run_id_runs")),
        sa.ForeignKeyConstraint(
            ["regrade_id"], ["regrades.regrade_id"], name=op.f("fk_regrade_runs_regrade_id_regrades")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.submission_id"], name=op.f("fk_regrade_runs_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(["replaced"], ["runs.run_id"], name=op.f("fk_regrade_runs_replaced_runs")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_regrade_runs")),
    )
    op.create_index(op.f("ix_regrade_runs_regrade_id"), "regrade_runs", ["regrade_id"], unique=False)
