"""What each question's checks came to, in one word: a dashboard reads those that came to the same only once."""

import hashlib
import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Whatever says the same of two questions only where their checks came to the same will do: those that a later release
# writes may differ, and are counted together with these all the same.
_FILL = """
UPDATE question_results SET fingerprint = fingerprint_of((
    SELECT json_group_array(json_array(check_id, kind, verdict, code, json_extract(diagnosis, '$.code')))
    FROM (
        SELECT * FROM check_results
        WHERE check_results.run_id = question_results.run_id
            AND check_results.question_place = question_results.place
        ORDER BY check_results.place
    )
))
"""


def upgrade() -> None:
    op.add_column("question_results", sa.Column("fingerprint", sa.String(length=32), nullable=True))
    connection = op.get_bind().connection.dbapi_connection
    # Without one a question is read by itself, which is right and slow.
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("fingerprint_of", 1, _fingerprint, deterministic=True)
        op.execute(sa.text(_FILL))


def _fingerprint(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()[:32]
