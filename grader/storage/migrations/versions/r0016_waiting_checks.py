"""What waits for a person, kept with what stands: a course's queue is read without all of its checks."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_WHAT_WAITS = """
INSERT INTO waiting_checks (submission_id, question_id, check_id, kind, verdict, code)
SELECT standings.submission_id, question_results.question_id, check_results.check_id, check_results.kind,
    check_results.verdict, check_results.code
FROM standings
JOIN counting_runs ON counting_runs.submission_id = standings.submission_id
JOIN question_results ON question_results.run_id = counting_runs.run_id
JOIN check_results ON check_results.run_id = question_results.run_id
    AND check_results.question_place = question_results.place
WHERE standings.pending > 0
    AND check_results.verdict IN ('needs_review', 'not_found', 'skipped', 'needs_gpu', 'needs_package')
    AND NOT EXISTS (
        SELECT 1 FROM decisions
        WHERE decisions.submission_id = standings.submission_id
            AND decisions.question_id = question_results.question_id
            AND (decisions.check_id = check_results.check_id OR decisions.check_id IS NULL)
            AND decisions.kind NOT IN ('comment', 'withdrawn')
            AND NOT EXISTS (
                SELECT 1 FROM decisions AS later
                WHERE later.submission_id = decisions.submission_id
                    AND later.question_id = decisions.question_id
                    AND (later.check_id = decisions.check_id OR (later.check_id IS NULL AND decisions.check_id IS NULL))
                    AND later.place > decisions.place
                    AND later.kind = 'withdrawn'
            )
    )
"""


def upgrade() -> None:
    op.create_table(
        "waiting_checks",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=False),
        sa.Column("check_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.submission_id"], name=op.f("fk_waiting_checks_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("submission_id", "question_id", "check_id", name=op.f("pk_waiting_checks")),
    )
    # As flow.standing tells it, in seconds: to settle every submission anew would take a large service minutes.
    op.execute(sa.text(_WHAT_WAITS))
