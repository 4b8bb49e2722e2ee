"""Commands for the operator of a service: courses, members, tokens, assignments, and the manual of each."""

import re
import stat

import pytest
import typer

from grader.cli.app import app
from grader.domain.people import Role
from grader.domain.text import Language
from grader.errors import NotSignedIn
from grader.feedback.catalogue import known_codes
from grader.flow import people
from grader.flow.assignments import StoredAssignments
from grader.settings import Settings
from grader.wiring import data_folder


@pytest.fixture
def open_stores(tmp_path):
    """What the commands work on."""
    return lambda: data_folder.open_stores(Settings(data_folder=tmp_path / "data"))


@pytest.fixture
def published(grader, folder):
    """A course and a published assignment that no worker has run yet."""
    assert grader("course", "add", "night", "--title", "Night").status == 0
    assert grader("assignment", "publish", folder, "--wait", "0").status == 0


def offering(open_stores, slug="tiny"):
    with open_stores() as stores, stores.storage.reading() as tx:
        return tx.offerings.find(tx.courses.find_by_slug("night").course_id, slug=slug)


class TestManual:
    def commands(self):
        command = typer.main.get_command(app)

        def walk(command, words):
            yield words
            for name, child in getattr(command, "commands", {}).items():
                yield from walk(child, (*words, name))

        return sorted(walk(command, ()))

    def test_every_command_of_the_issue_exists(self):
        found = {" ".join(words) for words in self.commands()}

        assert found >= {
            *("grade", "serve", "worker", "submit", "assignment check", "assignment publish"),
            *("course add", "course offer", "course update", "member add", "token new"),
        }

    def test_help_of_every_command_exits_0_and_says_what_it_does(self, grader, monkeypatch):
        monkeypatch.setenv("COLUMNS", "100")
        for words in self.commands():
            said = grader(*words, "--help")

            assert said.status == 0, words
            assert "Usage: grader" in said.out, words
            assert len(said.out.split()) > 12, words
            assert said.err == "", words

    def test_help_does_not_show_what_only_the_supervisor_calls(self, grader):
        assert not re.search(r"│ web\b", grader("--help").out)

    def test_statuses_stand_in_the_help_of_what_scripts_call(self, grader):
        for words in (["grade"], ["submit"], ["assignment", "check"], ["assignment", "publish"]):
            assert "Exit status" in grader(*words, "--help").out

    def test_the_version_is_told(self, grader):
        said = grader("--version")

        assert (said.status, len(said.out.split())) == (0, 2)


class TestAssignments:
    def test_a_check_that_holds_says_so_and_stores_nothing(self, grader, runner, folder, tmp_path):
        said = grader("assignment", "check", folder, "--lang", "en")

        assert (said.status, said.err) == (0, "")
        assert "tiny holds" in said.out
        assert "20 points" in said.out
        assert not (tmp_path / "data").exists()

    def test_all_mistakes_are_listed_at_once_with_file_and_line(self, grader, runner, folder):
        (folder / "assignment.yaml").write_text(
            "title: T\nquestions:\n  q1: {prompt: P, value: x, points: -1}\n"
            "  q2:\n    prompt: P\n    vlaue: y\n    points: 5\n  q3: {prompt: P, value: z, points: 5}\n"
        )

        said = grader("assignment", "check", folder, "--lang", "en")

        assert (said.status, said.out) == (5, "")
        first, *mistakes = said.err.splitlines()
        spec, reference = f"{folder}/assignment.yaml", f"{folder}/reference.ipynb"
        places = [re.match(r"(.+?):(\d+): (\S+): .", line) for line in mistakes]
        assert all(places), mistakes
        found = {(place[1], int(place[2]), place[3]) for place in places}
        assert found >= {
            (spec, 3, "questions.q1.points"),
            (spec, 6, "questions.q2.vlaue"),
            (reference, 1, "questions.q3"),
        }
        assert str(len(mistakes)) in first
        assert runner.runs == 0

    def test_both_languages_name_the_same_places(self, grader, runner, folder):
        (folder / "assignment.yaml").write_text("questions: {}\nxyz: 1\n")

        japanese, english = (
            grader("assignment", "check", folder, "--lang", language).err.splitlines()[1:] for language in ("ja", "en")
        )

        assert [line.split(": ")[0] for line in japanese] == [line.split(": ")[0] for line in english]
        assert japanese != english

    def test_a_reference_that_loses_points_is_refused(self, grader, runner, folder, notebook):
        (folder / "reference.ipynb").write_bytes(notebook("r.ipynb", z=3, y=4).read_bytes())

        said = grader("assignment", "check", folder)

        assert said.status == 5
        assert "q1" in said.err

    @pytest.mark.parametrize("command", ["check", "publish"])
    def test_what_is_no_folder_and_not_bundled_is_a_wrong_name(self, grader, command):
        said = grader("assignment", command, "nowhere")

        assert said.status == 2
        assert "nowhere" in said.err

    def test_publishing_stores_the_files_and_says_that_a_worker_is_needed(self, grader, folder, open_stores):
        said = grader("assignment", "publish", folder, "--wait", "0", "--lang", "en")

        assert said.status == 0
        assert "tiny is stored" in said.out
        with open_stores() as stores, stores.storage.reading() as tx:
            (version,) = tx.versions.list_all(slug="tiny")
            files = tx.versions.get_revision(version.version).files
            assert stores.blobs.get(files["assignment.yaml"]) == (folder / "assignment.yaml").read_bytes()
        assert version.version[:12] in said.out

    def test_what_has_mistakes_is_not_published(self, grader, folder, open_stores):
        (folder / "assignment.yaml").write_text("title: T\n")

        assert grader("assignment", "publish", folder, "--wait", "0").status == 5
        with open_stores() as stores, stores.storage.reading() as tx:
            assert tx.versions.list_all() == ()

    def test_a_stored_version_can_be_read_back(self, grader, folder, open_stores):
        grader("assignment", "publish", folder, "--wait", "0")

        with open_stores() as stores:
            with stores.storage.reading() as tx:
                (version,) = tx.versions.list_all()
            stored = data_folder.stored_assignments(stores)
            assert isinstance(stored, StoredAssignments)
            assert stored.load(version.version).assignment.version == version.version


class TestCourses:
    def test_a_course_is_added_once(self, grader, open_stores):
        said = grader("course", "add", "dl-2026", "--title", "深層学習", "--time-zone", "UTC", "--counting", "last")

        assert (said.status, said.out, said.err) == (0, "dl-2026\n", "")
        with open_stores() as stores, stores.storage.reading() as tx:
            course = tx.courses.find_by_slug("dl-2026")
        assert (course.title, course.time_zone, course.counting) == ("深層学習", "UTC", "last")
        again = grader("course", "add", "dl-2026")
        assert (again.status, again.out) == (2, "")
        assert "dl-2026" in again.err

    @pytest.mark.parametrize(
        "arguments",
        [["Upper"], ["a/b"], ["ok", "--time-zone", "Mars/Base"], ["ok", "--counting", "first"], []],
        ids=["letters", "slash", "zone", "policy", "nothing"],
    )
    def test_a_course_that_cannot_be_is_refused(self, grader, open_stores, arguments):
        said = grader("course", "add", *arguments)

        assert (said.status, said.out) == (2, "")
        with open_stores() as stores, stores.storage.reading() as tx:
            assert tx.courses.list_all() == ()

    def test_an_assignment_is_offered_with_dates_in_the_courses_zone(self, grader, published, open_stores):
        dates = ["--opens", "2026-11-24T09:00", "--due", "2026-12-01", "--closes", "2026-12-08T00:00Z"]

        said = grader("course", "offer", "night", "tiny", *dates)

        assert said.status == 0
        assert re.fullmatch(r"night/tiny [0-9a-f]{12}\n", said.out)
        kept = offering(open_stores).dates
        assert kept.opens_at.isoformat() == "2026-11-24T00:00:00+00:00"
        assert kept.due_at.isoformat() == "2026-11-30T15:00:00+00:00"
        assert kept.closes_at.isoformat() == "2026-12-08T00:00:00+00:00"
        assert kept.feedback_at is None

    @pytest.mark.parametrize(
        "arguments",
        [
            ["night", "none"],
            ["none", "tiny"],
            ["night", "tiny", "--due", "tomorrow"],
            ["night", "tiny", "--due", "0001-01-01T00:00"],
        ],
        ids=["assignment", "course", "date", "before all calendars"],
    )
    def test_an_offer_that_cannot_be_is_refused(self, grader, published, open_stores, arguments):
        said = grader("course", "offer", *arguments)

        assert (said.status, said.out) == (2, "")
        assert len(said.err.splitlines()) == 1
        assert offering(open_stores) is None

    def test_what_is_offered_moves_only_when_it_is_told_to(self, grader, published, folder, open_stores):
        grader("course", "offer", "night", "tiny")
        before = offering(open_stores)
        spec = folder / "assignment.yaml"
        spec.write_text(spec.read_text().replace("Tiny", "Mended"))
        grader("assignment", "publish", folder, "--wait", "0")
        assert offering(open_stores) == before

        said = grader("course", "update", "night", "tiny")

        after = offering(open_stores)
        assert said.out == f"night/tiny {after.version[:12]}\n"
        assert (before.revision, after.revision) == (1, 2)
        assert after.version == before.version

    def test_dates_can_be_changed_alone(self, grader, published, open_stores):
        grader("course", "offer", "night", "tiny", "--opens", "2026-11-24", "--due", "2026-12-01")
        before = offering(open_stores)

        assert grader("course", "update", "night", "tiny", "--due", "2026-12-08").status == 0

        after = offering(open_stores)
        assert after.dates.opens_at == before.dates.opens_at
        assert after.dates.due_at.isoformat() == "2026-12-07T15:00:00+00:00"
        assert grader("course", "update", "night", "tiny", "--closes", "2026-12-01").status == 2
        assert offering(open_stores) == after

    def test_what_is_offered_already_is_told_so(self, grader, published):
        grader("course", "offer", "night", "tiny")

        said = grader("course", "offer", "night", "tiny")

        assert (said.status, said.out) == (2, "")

    @pytest.mark.parametrize("arguments", [["night", "tiny"], ["none", "tiny"]], ids=["not offered", "no course"])
    def test_what_is_not_offered_cannot_be_updated(self, grader, published, arguments):
        assert grader("course", "update", *arguments).status == 2


class TestMembersAndTokens:
    def test_a_member_is_added_and_changed(self, grader, published, open_stores):
        first = grader("member", "add", "night", "ann@example.jp", "--name", "安", "--number", "0001")
        second = grader("member", "add", "night", "ann@example.jp", "--role", "ta")

        assert (first.out, second.out) == ("ann@example.jp student\n", "ann@example.jp ta\n")
        with open_stores() as stores, stores.storage.reading() as tx:
            course = tx.courses.find_by_slug("night")
            (member,) = tx.courses.list_members(course.course_id, after=None, limit=10)
        assert (member.person.name, member.membership.role) == ("安", Role.TA)

    @pytest.mark.parametrize(
        "arguments",
        [["none", "ann"], ["night", ""], ["night", " ann"], ["night", "ann", "--role", "king"], ["night"]],
        ids=["course", "empty", "blank", "role", "nobody"],
    )
    def test_a_member_that_cannot_be_is_refused(self, grader, published, arguments):
        said = grader("member", "add", *arguments)

        assert (said.status, said.out) == (2, "")

    def test_a_token_is_printed_alone_and_works(self, grader, published, open_stores):
        grader("member", "add", "night", "ann")

        said = grader("token", "new", "ann")

        assert (said.status, said.err) == (0, "")
        assert re.fullmatch(r"grd_[\w-]{43}\n", said.out)
        with open_stores() as stores:
            assert people.authenticate(said.out.strip(), stores=stores).person.login == "ann"

    def test_a_token_can_end(self, grader, published, open_stores):
        grader("member", "add", "night", "ann")

        said = grader("token", "new", "ann", "--days", "0.5", "--label", "exam")

        with open_stores() as stores:
            caller = people.authenticate(said.out.strip(), stores=stores)
            with stores.storage.reading() as tx:
                token = tx.tokens.find(caller.token_id)
        assert (token.expires_at - token.created_at).total_seconds() == 43_200
        assert token.label == "exam"

    @pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "1e300"])
    def test_a_token_that_could_not_be_used_is_refused(self, grader, published, days):
        grader("member", "add", "night", "ann")

        said = grader("token", "new", "ann", "--days", days)

        assert (said.status, said.out) == (2, "")

    def test_nobody_gets_no_token(self, grader, published):
        said = grader("token", "new", "nobody")

        assert (said.status, said.out) == (2, "")
        assert "nobody" in said.err

    def test_an_unknown_token_signs_nobody_in(self, grader, published, open_stores):
        with open_stores() as stores, pytest.raises(NotSignedIn):
            people.authenticate("grd_" + "A" * 43, stores=stores)


@pytest.mark.parametrize(
    "place",
    ["a-file/data", "/proc/none/data"],
    ids=["below a file", "where nothing can be made"],
)
def test_a_data_folder_that_cannot_be_made_is_one_sentence(grader, monkeypatch, tmp_path, place):
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("GRADER_DATA_FOLDER", str(tmp_path / place))

    said = grader("course", "add", "night")

    assert (said.status, said.out) == (2, "")
    assert "GRADER_DATA_FOLDER" in said.err
    assert len(said.err.splitlines()) == 1


def test_data_that_is_no_database_of_ours_is_one_sentence(grader, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "grader.sqlite3").write_bytes(b"my holiday photos" * 100)

    said = grader("course", "add", "night")

    assert (said.status, said.out) == (4, "")
    assert str(tmp_path / "data") in said.err
    assert len(said.err.splitlines()) == 1


def test_wrong_settings_are_all_named(grader, monkeypatch):
    monkeypatch.setenv("GRADER_PORT", "99999")
    monkeypatch.setenv("GRADER_WORKERS", "many")

    said = grader("course", "add", "night")

    assert said.status == 2
    assert "GRADER_PORT" in said.err
    assert "GRADER_WORKERS" in said.err
    assert len(said.err.splitlines()) == 1


def test_the_database_is_for_its_owner(grader, tmp_path):
    grader("course", "add", "night")

    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o022]


def test_every_sentence_of_the_command_line_exists_in_both_languages():
    ours = [{code for code in known_codes(language) if code.startswith("cli.")} for language in Language]

    assert ours[0] == ours[1]
    assert ours[0] >= {"cli.serving", "cli.assignment_holds", "cli.assignment_waits", "cli.score"}
