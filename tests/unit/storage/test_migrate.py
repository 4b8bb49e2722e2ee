"""The database is created, copied and migrated; models and migrations say the same."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from doubles import NOON

from grader.domain.ids import SubmissionId, VersionHash
from grader.errors import DatabaseTooNew
from grader.queue import local
from grader.storage import migrate as migrating
from grader.storage.database import Database
from grader.storage.engine import open_engine
from grader.storage.migrate import migrate
from grader.storage.tables import NAMING, Table

HANDED_IN = (
    "INSERT INTO people VALUES ('p', 'tom', 'Tom', 0, '2026-11-01 00:00:00')",
    """INSERT INTO courses (course_id, slug, title, time_zone, counting, created_at)
    VALUES ('c', 'demo', 'Demo', 'Asia/Tokyo', 'best', '2026-11-01 00:00:00')""",
    """INSERT INTO versions (version, slug, points, state, findings, created_at)
    VALUES ('v', 'tiny', 20, 'proved', '[]', '2026-11-01 00:00:00')""",
    """INSERT INTO revisions (version, number, title_ja, title_en, files, created_at)
    VALUES ('v', 1, 'j', 'e', '{"assignment.yaml": "k"}', '2026-11-01 00:00:00')""",
    """INSERT INTO offerings (offering_id, course_id, slug, version, revision, created_at)
    VALUES ('o', 'c', 'tiny', 'v', 1, '2026-11-01 00:00:00')""",
    """INSERT INTO submissions (submission_id, person_id, offering_id, number, notebook, size_bytes, file_name,
    received_at, is_late) VALUES ('s', 'p', 'o', 1, 'k', 1, 'hw.ipynb', '2026-11-01 00:00:00', 0)""",
)
"""Into the tables of any release."""


def run(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def tables_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_models_and_migrations_say_the_same(migrated):
    models = sa.MetaData(naming_convention=NAMING)
    for table in (*Table.metadata.sorted_tables, *local.metadata.sorted_tables):
        table.to_metadata(models)
    engine = open_engine(migrated)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models) == []
    engine.dispose()


def test_every_constraint_has_a_name(migrated):
    engine = open_engine(migrated)
    inspector = sa.inspect(engine)
    for table in Table.metadata.tables:
        names = [key["name"] for key in inspector.get_foreign_keys(table)]
        names += [key["name"] for key in inspector.get_unique_constraints(table)]
        assert all(name and table in name for name in names), table
    engine.dispose()


@pytest.mark.parametrize("name", ["grader.sqlite3", "with space %s ?x=1#.sqlite3", "課題.db"])
def test_a_new_database_is_made_whole(tmp_path, name):
    folder = tmp_path / "data % folder"
    folder.mkdir()
    done = migrate(folder / name, copies=tmp_path / "copies", at=NOON)
    assert (done.before, done.copy) == (None, None)
    assert {"submissions", "jobs", "alembic_version"} <= tables_of(folder / name)
    assert not (tmp_path / "copies").exists()


def test_a_second_time_changes_and_copies_nothing(tmp_path):
    path = tmp_path / "grader.sqlite3"
    first = migrate(path, copies=tmp_path / "copies", at=NOON)
    second = migrate(path, copies=tmp_path / "copies", at=NOON)
    assert (second.before, second.after, second.copy) == (first.after, first.after, None)
    assert not (tmp_path / "copies").exists()


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A database that knows only a revision before the first."""
    path = tmp_path / "grader.sqlite3"
    run(
        path,
        "CREATE TABLE keepsake (word TEXT)",
        "INSERT INTO keepsake VALUES ('kept')",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('0000')",
    )
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    head = 'import sqlalchemy as sa\nfrom alembic import op\nbranch_labels = depends_on = None\nrevision = "{0}"\n'
    (scripts / "versions" / "r0.py").write_text(head.format("0000") + "down_revision = None\n")
    (scripts / "versions" / "r1.py").write_text(
        head.format("0001")
        + 'down_revision = "0000"\n'
        + 'def upgrade():\n    op.create_table("new", sa.Column("x", sa.Integer))\n    after()\n'
        + "def after():\n    pass\n"
    )
    (scripts / "env.py").write_text((migrating.Path(migrating.__file__).parent / "migrations/env.py").read_text())
    real = migrating._config

    def config():
        changed = real()
        changed.set_main_option("script_location", str(scripts))
        return changed

    monkeypatch.setattr(migrating, "_config", config)
    return path


def test_an_older_database_is_copied_before_it_changes(older, tmp_path):
    done = migrate(older, copies=tmp_path / "copies", at=NOON)
    assert (done.before, done.after) == ("0000", "0001")
    assert "new" in tables_of(older)
    assert "new" not in tables_of(done.copy)
    with closing(sqlite3.connect(done.copy)) as copy:
        assert copy.execute("SELECT word FROM keepsake").fetchall() == [("kept",)]


def test_what_stands_only_in_the_log_is_in_the_copy(older, tmp_path):
    with closing(sqlite3.connect(older)) as busy:
        busy.execute("PRAGMA journal_mode = WAL")
        busy.execute("PRAGMA wal_autocheckpoint = 0")
        busy.execute("INSERT INTO keepsake VALUES ('late')")
        busy.commit()
        done = migrate(older, copies=tmp_path / "copies", at=NOON)
    with closing(sqlite3.connect(done.copy)) as copy:
        assert len(copy.execute("SELECT word FROM keepsake").fetchall()) == 2


def test_a_migration_that_fails_changes_nothing(older, tmp_path):
    script = tmp_path / "scripts" / "versions" / "r1.py"
    script.write_text(script.read_text().replace("    pass", "    raise ZeroDivisionError"))
    with pytest.raises(ZeroDivisionError):
        migrate(older, copies=tmp_path / "copies", at=NOON)
    assert tables_of(older) == {"keepsake", "alembic_version"}


def test_only_the_newest_copies_are_kept(older, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    for number in range(12):
        (copies / f"grader-200001{number + 1:02}T000000-x.sqlite3").touch()
    done = migrate(older, copies=copies, at=NOON)
    left = sorted(copies.iterdir())
    assert len(left) == 10
    assert left[-1] == done.copy


def migrate_to(revision, path, *, monkeypatch):
    """Migrate as a release did whose newest revision this was."""
    upgrade = migrating.command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(migrating.command, "upgrade", lambda config, _: upgrade(config, revision))
        migrate(path, copies=path.parent / "copies", at=NOON)


def test_decisions_and_revisions_of_an_earlier_release_are_kept(tmp_path, monkeypatch):
    path = tmp_path / "grader.sqlite3"
    migrate_to("0002", path, monkeypatch=monkeypatch)
    run(
        path,
        *HANDED_IN,
        """INSERT INTO decisions (decision_id, submission_id, place, question_id, check_id, kind, points, comment,
        reason, decided_by, decided_at)
        VALUES ('d', 's', 1, 'q1', 'written', 'points', 2.5, 'Why?', '', 'p', '2026-11-01 00:00:00')""",
    )

    assert migrate(path, copies=tmp_path / "copies", at=NOON).before == "0002"

    storage = Database(open_engine(path))
    with storage.reading() as tx:
        revision = tx.versions.get_revision(VersionHash("v"))
        (decision,) = tx.decisions.list_of(SubmissionId("s"))
    storage.close()
    assert (revision.points, revision.rubrics, revision.files) == (20, {}, {"assignment.yaml": "k"})
    assert (decision.items, decision.points, decision.comment) == (None, 2.5, "Why?")


def test_sums_of_what_waits_to_be_read_are_made_anew(tmp_path, monkeypatch):
    path = tmp_path / "grader.sqlite3"
    migrate_to("0012", path, monkeypatch=monkeypatch)
    run(
        path,
        *HANDED_IN,
        """INSERT INTO submissions (submission_id, person_id, offering_id, number, notebook, size_bytes, file_name,
        received_at, is_late) VALUES ('t', 'p', 'o', 2, 'k', 1, 'hw.ipynb', '2026-11-01 00:00:00', 0)""",
        "INSERT INTO standings VALUES ('s', 9, 20, 0, 20)",
        "INSERT INTO standings VALUES ('t', 9, 15, 5, 20)",
    )

    migrate(path, copies=tmp_path / "copies", at=NOON)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT submission_id, awaited FROM standings").fetchall() == [("s", 0)]


def test_results_of_every_version_are_read_with_what_they_were_read_with(tmp_path, monkeypatch):
    path = tmp_path / "grader.sqlite3"
    migrate_to("0013", path, monkeypatch=monkeypatch)
    revisions = "INSERT INTO revisions (version, number, title_ja, title_en, points, rubrics, files, created_at) VALUES"
    runs = "INSERT INTO runs (run_id, number, submission_id, version, cause, state, attempts, created_at) VALUES"
    run(
        path,
        *HANDED_IN,
        """INSERT INTO versions (version, slug, points, state, findings, created_at, device)
        VALUES ('old', 'tiny', 20, 'proved', '[]', '2026-11-01 00:00:00', 'cpu')""",
        *(f"{revisions} ('old', {number}, 'j', 'e', 20, '{{}}', '{{}}', '2026-11-01 00:00:00')" for number in (1, 2)),
        f"{revisions} ('v', 2, 'j', 'e', 20, '{{}}', '{{}}', '2026-11-01 00:00:00')",
        f"{runs} ('1', 1, 's', 'old', 'submitted', 'finished', 1, '2026-11-01 00:00:00')",
        f"{runs} ('2', 2, 's', 'v', 'regrade', 'finished', 1, '2026-11-01 00:00:00')",
    )

    migrate(path, copies=tmp_path / "copies", at=NOON)

    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT * FROM offering_revisions ORDER BY version").fetchall()
    assert kept == [("o", "old", 2), ("o", "v", 1)]


def test_regrades_of_one_question_are_known_to_have_left_some_out(tmp_path, monkeypatch):
    path = tmp_path / "grader.sqlite3"
    migrate_to("0014", path, monkeypatch=monkeypatch)
    asked = "INSERT INTO regrades (regrade_id, offering_id, version, question_id, asked_by, asked_at) VALUES"
    run(
        path,
        *HANDED_IN,
        f"{asked} ('all', 'o', 'v', NULL, 'p', '2026-11-01 00:00:00')",
        f"{asked} ('one', 'o', 'v', 'q1', 'p', '2026-11-01 00:00:00')",
    )

    migrate(path, copies=tmp_path / "copies", at=NOON)

    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT regrade_id, only_lacking FROM regrades ORDER BY regrade_id").fetchall()
    assert kept == [("all", 0), ("one", 1)]


def test_what_nobody_has_settled_waits(tmp_path, monkeypatch):
    """Of checks that pend: w waits, d was decided, b was decided and taken back, all of q2 was overridden."""
    path = tmp_path / "grader.sqlite3"
    migrate_to("0015", path, monkeypatch=monkeypatch)
    checks = (("w", "needs_review"), ("d", "needs_review"), ("b", "not_found"), ("x", "passed"))
    decided = (("q1", "'d'", "points"), ("q1", "'b'", "points"), ("q1", "'b'", "withdrawn"), ("q2", "NULL", "override"))
    of_questions, of_checks = "INSERT INTO question_results VALUES", "INSERT INTO check_results VALUES"
    of_decisions = """INSERT INTO decisions (decision_id, submission_id, place, question_id, check_id, kind, points,
        comment, reason, decided_by, decided_at) VALUES"""
    run(
        path,
        *HANDED_IN,
        """INSERT INTO runs (run_id, number, submission_id, version, cause, state, attempts, created_at)
        VALUES ('r', 1, 's', 'v', 'submitted', 'finished', 1, '2026-11-01 00:00:00')""",
        "INSERT INTO counting_runs VALUES ('s', 'r')",
        "INSERT INTO standings VALUES ('s', 9, 15, 5, 20, 0)",
        f"{of_questions} ('r', 0, 'q1', 0, 5, 5, 10, '[]', '[]')",
        f"{of_questions} ('r', 1, 'q2', 0, 5, 5, 10, '[]', '[]')",
        *(
            f"{of_checks} ('r', 0, {place}, '{check}', 'written', '{verdict}', 0, 0, 0, 0, 'code', '{{}}', 1, NULL)"
            for place, (check, verdict) in enumerate(checks)
        ),
        f"{of_checks} ('r', 1, 0, 'o', 'written', 'needs_review', 0, 0, 0, 0, 'code', '{{}}', 1, NULL)",
        *(
            f"{of_decisions} ('{place}', 's', {place}, '{question}', {check}, '{kind}', 1, '', '', 'p', '2026-11-01')"
            for place, (question, check, kind) in enumerate(decided)
        ),
    )

    migrate(path, copies=tmp_path / "copies", at=NOON)

    with closing(sqlite3.connect(path)) as connection:
        waiting = connection.execute("SELECT * FROM waiting_checks ORDER BY check_id").fetchall()
    assert [(row[0], row[1], row[2], row[4]) for row in waiting] == [
        ("s", "q1", "b", "not_found"),
        ("s", "q1", "w", "needs_review"),
    ]


def test_questions_are_alike_where_all_of_their_checks_are(tmp_path, monkeypatch):
    """Of each question the verdict, code and diagnosis of two checks; facts say nothing of it."""
    path = tmp_path / "grader.sqlite3"
    migrate_to("0016", path, monkeypatch=monkeypatch)
    of_questions, of_checks = "INSERT INTO question_results VALUES", "INSERT INTO check_results VALUES"
    seen = '{"code": "seen", "facts": {}}'
    right, wrong, told = ("passed", "equal", None), ("failed", "differs", None), ("failed", "differs", seen)
    run(
        path,
        *HANDED_IN,
        """INSERT INTO runs (run_id, number, submission_id, version, cause, state, attempts, created_at)
        VALUES ('r', 1, 's', 'v', 'submitted', 'finished', 1, '2026-11-01 00:00:00')""",
        *(f"{of_questions} ('r', {place}, 'q{place}', 0, 5, 5, 10, '[]', '[]')" for place in range(5)),
        *(
            f"""{of_checks} ('r', {question}, {place}, 'c{place}', 'value', '{verdict}', 0, 0, 0, 0, '{code}',
            '{{"at": {question}}}', 1, {"NULL" if diagnosis is None else f"'{diagnosis}'"})"""
            for question, checks in enumerate([(right, wrong), (right, wrong), (wrong, right), (right, told)])
            for place, (verdict, code, diagnosis) in enumerate(checks)
        ),
    )

    migrate(path, copies=tmp_path / "copies", at=NOON)

    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT fingerprint FROM question_results ORDER BY place").fetchall()
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_a_database_of_a_newer_service_is_left_alone(tmp_path):
    path = tmp_path / "grader.sqlite3"
    migrate(path, copies=tmp_path / "copies", at=NOON)
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew) as caught:
        migrate(path, copies=tmp_path / "copies", at=NOON)
    assert caught.value.facts["revision"] == "9999"
