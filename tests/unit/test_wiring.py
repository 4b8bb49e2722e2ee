"""The one place that knows all sides: secrets made once, a first start that can be repeated, dates and settings."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from card import FileNvml, card, device_folder

from grader.catalog import bundled
from grader.cli.serve import list_workers
from grader.domain.device import Device
from grader.domain.jobs import JobKind
from grader.domain.people import Role
from grader.domain.publishing import Dates, VersionState
from grader.errors import (
    DataUnusable,
    GpuUnavailable,
    InvalidRequest,
    InvalidSettings,
    InvitationEnded,
    NotFound,
    NotSignedIn,
)
from grader.flow import accounts, people
from grader.flow.people import NewMember, add_member
from grader.sandbox.gpu import nvml
from grader.settings import Settings
from grader.wiring import configuration, data_folder, first_start, kernels, loading, processes, typed_dates

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path):
    return Settings(data_folder=tmp_path / "data folder", bundled="torch-tensor")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class TestDrawKey:
    def test_it_is_made_once_and_for_its_owner_only(self, settings):
        before = os.umask(0)
        try:
            first = data_folder.draw_key(settings)
        finally:
            os.umask(before)

        assert len(first) == 32
        assert data_folder.draw_key(settings) == first
        assert settings.draw_key_path.read_bytes() == first
        assert mode(settings.draw_key_path) == 0o600

    def test_nothing_is_left_beside_it(self, settings):
        data_folder.draw_key(settings)

        assert [path.name for path in settings.data_folder.iterdir() if "key" in path.name] == ["draw.key"]

    def test_two_services_have_two_keys(self, settings, tmp_path):
        assert data_folder.draw_key(settings) != data_folder.draw_key(Settings(data_folder=tmp_path / "other"))

    def test_a_key_that_was_brought_along_is_kept(self, settings):
        settings.data_folder.mkdir()
        settings.draw_key_path.write_bytes(b"k" * 32)

        assert data_folder.draw_key(settings) == b"k" * 32

    @pytest.mark.parametrize("length", [0, 31])
    def test_a_short_key_is_told_and_not_used(self, settings, length):
        settings.data_folder.mkdir()
        settings.draw_key_path.write_bytes(b"k" * length)

        with pytest.raises(DataUnusable):
            data_folder.draw_key(settings)

        assert settings.draw_key_path.read_bytes() == b"k" * length

    def test_processes_that_start_together_read_the_same(self, settings):
        settings.data_folder.mkdir()
        program = (
            "import sys; from grader.wiring import data_folder; from grader.settings import Settings;"
            "sys.stdin.readline(); print(data_folder.draw_key(Settings()).hex())"
        )
        environment = os.environ | {"GRADER_DATA_FOLDER": str(settings.data_folder)}
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                cwd=CHECKOUT,
                text=True,
            )
            for _ in range(2)
        ]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        keys = {process.communicate(timeout=60)[0].strip() for process in processes}

        assert keys == {settings.draw_key_path.read_bytes().hex()}
        assert [path.name for path in settings.data_folder.iterdir() if "key" in path.name] == ["draw.key"]

    def test_the_loser_of_a_race_takes_the_winners_key(self, settings, monkeypatch):
        """Between the look and the link another process was quicker."""
        link = os.link

        def link_late(source, target):
            Path(target).write_bytes(b"w" * 32)
            link(source, target)

        monkeypatch.setattr(os, "link", link_late)

        assert data_folder.draw_key(settings) == b"w" * 32


class TestFirstStart:
    def test_it_prepares_everything_and_shows_the_token(self, settings):
        settings = settings.model_copy(update={"bundled": "all"})
        first = first_start.prepare(settings)

        assert first.admin_token.startswith("grd_")
        with data_folder.open_stores(settings) as stores:
            caller = people.authenticate(first.admin_token, stores=stores)
            assert (caller.person.login, caller.person.is_admin) == ("admin", True)
            with stores.storage.reading() as tx:
                course = tx.courses.find_by_slug(first_start.DEMO_COURSE)
                offered = tx.offerings.list_of(course.course_id)
                versions = tx.versions.list_all()
                waiting = stores.queue.depth(tx).waiting
        assert {offering.slug for offering in offered} == set(bundled())
        assert {version.slug for version in versions} == set(bundled())
        assert {version.state for version in versions} == {VersionState.UNPROVED}
        assert waiting == len(bundled())
        assert settings.draw_key_path.exists()

    def test_the_link_lets_the_admin_choose_a_password_once(self, settings, cheap_hashes):
        first = first_start.prepare(settings)

        with data_folder.open_stores(settings) as stores:
            issued = accounts.accept_invitation(first.admin_invitation, "correct horse 8", stores=stores)
            assert accounts.find_caller(issued.secret, stores=stores).person.is_admin
            with pytest.raises(InvitationEnded):
                accounts.read_invitation(first.admin_invitation, stores=stores)
        assert first_start.prepare(settings).admin_invitation is None

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            pytest.param({}, "http://127.0.0.1:8000/invitation/s", id="this machine"),
            pytest.param({"host": "::1", "port": 80}, "http://[::1]:80/invitation/s", id="an IPv6 address"),
            pytest.param({"public_url": "https://g.example/"}, "https://g.example/invitation/s", id="a public address"),
        ],
    )
    def test_a_link_leads_to_where_people_reach_the_service(self, how, expected):
        assert configuration.invitation_link("s", settings=Settings(**how)) == expected

    @pytest.mark.parametrize("url", ["", "grader.example", "https://g.example/path", "https://a@b", "ftp://g.example"])
    def test_a_public_address_that_is_none_stops_the_start(self, monkeypatch, url):
        monkeypatch.setenv("GRADER_PUBLIC_URL", url)
        with pytest.raises(InvalidSettings) as caught:
            configuration.read_settings()
        assert "GRADER_PUBLIC_URL" in caught.value.facts["what"]

    def test_only_the_bundled_assignments_asked_for_are_published_homework_8_first(self, settings):
        first_start.prepare(settings.model_copy(update={"bundled": " autograd-basics,torch-tensor"}))

        with data_folder.open_stores(settings) as stores, stores.storage.writing() as tx:
            claimed = [stores.queue.claim(tx, worker="w", kinds=[JobKind.PUBLISH]) for _ in range(3)]
            slugs = [tx.versions.get(claim.subject).slug for claim in claimed if claim is not None]
        assert slugs == ["torch-tensor", "autograd-basics"]

    def test_no_bundled_assignment_need_be_published(self, settings):
        first_start.prepare(settings.model_copy(update={"bundled": ""}))

        with data_folder.open_stores(settings) as stores, stores.storage.reading() as tx:
            assert tx.versions.list_all() == ()

    def test_a_bundled_assignment_that_there_is_not_stops_the_start(self, settings):
        with pytest.raises(InvalidSettings) as caught:
            first_start.prepare(settings.model_copy(update={"bundled": "torch-tensor,homework-9"}))

        assert caught.value.facts["what"] == "GRADER_BUNDLED: homework-9"

    def test_a_second_start_keeps_the_data_and_shows_no_token(self, settings):
        first = first_start.prepare(settings)
        key = data_folder.draw_key(settings)
        with data_folder.open_stores(settings) as stores:
            add_member(NewMember(login="ann", name="Ann", role=Role.TA), course="demo", stores=stores)

        second = first_start.prepare(settings)

        assert second.admin_token is None
        assert data_folder.draw_key(settings) == key
        with data_folder.open_stores(settings) as stores:
            assert people.authenticate(first.admin_token, stores=stores).person.is_admin
            with stores.storage.reading() as tx:
                course = tx.courses.find_by_slug("demo")
                members = tx.courses.list_members(course.course_id, after=None, limit=10)
                (version,) = tx.versions.list_all()
                assert len(tx.offerings.list_of(course.course_id)) == 1
                assert tx.versions.get_revision(version.version).number == 1
        assert [(member.person.login, member.membership.role) for member in members] == [("ann", Role.TA)]

    def test_a_start_that_was_cut_off_is_a_first_start_again(self, settings, monkeypatch):
        def cut_off(**how):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(first_start, "ensure_admin", cut_off)
            with pytest.raises(KeyboardInterrupt):
                first_start.prepare(settings)

        assert first_start.prepare(settings).admin_token is not None

    def test_without_the_demo_there_is_no_course(self, tmp_path):
        settings = Settings(data_folder=tmp_path, demo=False, bundled="torch-tensor")

        assert first_start.prepare(settings).admin_token is not None

        with data_folder.open_stores(settings) as stores, stores.storage.reading() as tx:
            assert tx.courses.list_all() == ()
            assert len(tx.versions.list_all()) == 1

    def test_a_demo_course_that_was_changed_is_not_made_again(self, settings):
        first_start.prepare(settings)
        with data_folder.open_stores(settings) as stores:
            people.add_course("real", title="Real", stores=stores)

        first_start.prepare(settings)

        with data_folder.open_stores(settings) as stores, stores.storage.reading() as tx:
            assert [course.slug for course in tx.courses.list_all()] == ["demo", "real"]

    def test_the_token_stands_nowhere_in_the_data(self, settings):
        token = first_start.prepare(settings).admin_token

        kept = [path for path in settings.data_folder.rglob("*") if path.is_file()]
        assert not [path for path in kept if token.encode() in path.read_bytes()]
        with data_folder.open_stores(settings) as stores, pytest.raises(NotSignedIn):
            people.authenticate(token[:-1], stores=stores)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two courses in two zones."""
    with data_folder.open_stores(Settings(data_folder=tmp_path_factory.mktemp("dates"))) as stores:
        people.add_course("tokyo", title="T", stores=stores)
        people.add_course("berlin", title="B", time_zone="Europe/Berlin", stores=stores)
        yield stores


class TestDates:
    def due(self, stores, course, text):
        return typed_dates.parse_dates(course, stores, opens=None, due=text, closes=None, feedback=None).due_at

    @pytest.mark.parametrize(
        ("course", "text", "expected"),
        [
            ("tokyo", "2026-12-01T23:59", datetime(2026, 12, 1, 14, 59, tzinfo=UTC)),
            ("tokyo", "2026-12-01 23:59:30", datetime(2026, 12, 1, 14, 59, 30, tzinfo=UTC)),
            ("tokyo", "2026-12-01", datetime(2026, 11, 30, 15, tzinfo=UTC)),
            ("tokyo", "2026-12-01T23:59Z", datetime(2026, 12, 1, 23, 59, tzinfo=UTC)),
            ("tokyo", "2026-12-01T23:59-05:00", datetime(2026, 12, 2, 4, 59, tzinfo=UTC)),
            ("berlin", "2026-07-01T12:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
            ("berlin", "2026-12-01T12:00", datetime(2026, 12, 1, 11, tzinfo=UTC)),
            ("none", "2026-12-01T12:00", datetime(2026, 12, 1, 12, tzinfo=UTC)),
        ],
        ids=["local", "seconds", "day", "UTC", "offset", "summer", "winter", "no such course"],
    )
    def test_a_date_is_in_the_courses_zone_unless_it_says_otherwise(self, stores, course, text, expected):
        found = self.due(stores, course, text)

        assert found == expected
        assert found.tzinfo is UTC

    @pytest.mark.parametrize(
        "text", ["", "tomorrow", "12/01/2026", "2026-13-01", "2026-12-01T25:00", "0001-01-01T00:00", "9" * 30]
    )
    def test_what_is_no_date_is_refused_with_its_option(self, stores, text):
        with pytest.raises(InvalidRequest) as caught:
            self.due(stores, "tokyo", text)

        assert caught.value.facts == {"what": "--due", "value": text}

    def test_each_option_is_its_own_date(self, stores):
        dates = typed_dates.parse_dates(
            "tokyo",
            stores,
            opens="2026-01-01",
            due="2026-01-02",
            closes="2026-01-03",
            feedback="2026-01-04",
            details="2026-01-05",
        )

        days = (dates.opens_at, dates.due_at, dates.closes_at, dates.feedback_at, dates.details_at)
        assert [when.astimezone(UTC).isoformat()[:13] for when in days] == [
            "2025-12-31T15",
            "2026-01-01T15",
            "2026-01-02T15",
            "2026-01-03T15",
            "2026-01-04T15",
        ]

    def test_no_option_is_no_limit(self, stores):
        dates = typed_dates.parse_dates("tokyo", stores, opens=None, due=None, closes=None, feedback=None)

        assert dates == Dates()


class TestSettings:
    @pytest.fixture(autouse=True)
    def _clean(self, monkeypatch):
        for name in [name for name in os.environ if name.startswith("GRADER_")]:
            monkeypatch.delenv(name)

    def test_without_variables_everything_has_a_default(self):
        settings = configuration.read_settings()

        assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
        assert settings.data_folder == Path("data")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("GRADER_PORT", "70000"),
            ("GRADER_PORT", "http"),
            ("GRADER_WORKERS", "-1"),
            ("GRADER_LEASE_S", "0"),
            ("GRADER_LEASE_S", ""),
            ("GRADER_MIN_FREE_SHARE", "1"),
            ("GRADER_MAX_UPLOAD_BYTES", "20MB"),
            ("GRADER_DEMO", "perhaps"),
            ("GRADER_PRELOADED_MODULES", "pandas; import os"),
            ("GRADER_PRELOADED_MODULES", "pandas,,numpy"),
            ("GRADER_LOG_LEVEL", "loud"),
        ],
    )
    def test_a_wrong_one_is_named(self, monkeypatch, name, value):
        monkeypatch.setenv(name, value)

        with pytest.raises(InvalidSettings) as caught:
            configuration.read_settings()

        assert caught.value.facts["what"].startswith(f"{name}: ")

    def test_all_wrong_ones_are_named_at_once(self, monkeypatch):
        monkeypatch.setenv("GRADER_PORT", "x")
        monkeypatch.setenv("GRADER_WORKERS", "x")
        monkeypatch.setenv("GRADER_HOST", "fine")

        with pytest.raises(InvalidSettings) as caught:
            configuration.read_settings()

        assert [part.split(":")[0] for part in caught.value.facts["what"].split("; ")] == [
            "GRADER_PORT",
            "GRADER_WORKERS",
        ]

    def test_limits_of_reading_are_those_of_the_settings(self):
        limits = configuration.read_limits(
            Settings(max_upload_bytes=11, max_cells=12, max_containers=13, max_nesting=14)
        )

        assert (limits.max_bytes, limits.max_cells, limits.max_containers, limits.max_depth) == (11, 12, 13, 14)

    def test_logs_are_one_json_object_a_line_on_standard_error(self, capsys):
        try:
            configuration.configure_logging(Settings(log_level="WARNING"))
            log = structlog.get_logger()
            log.info("not.told")
            log.warning("told", words="日本語\n")
        finally:
            structlog.reset_defaults()

        said = capsys.readouterr()
        assert said.out == ""
        (entry,) = [json.loads(line) for line in said.err.splitlines()]
        assert (entry["event"], entry["words"], entry["level"]) == ("told", "日本語\n", "warning")


class TestAssignments:
    def test_a_bundled_one_is_found_by_its_name_from_anywhere(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)

        assert loading.load_assignment("torch-tensor").assignment.points == 100

    def test_a_bundled_name_is_not_a_folder_of_that_name(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "torch-tensor").mkdir()

        assert loading.load_assignment("torch-tensor").assignment.points == 100

    @pytest.mark.parametrize("name", ["nowhere", "assignment.yaml"], ids=["unknown", "a file"])
    def test_what_is_neither_is_not_found(self, monkeypatch, tmp_path, name):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "assignment.yaml").touch()

        with pytest.raises(NotFound) as caught:
            loading.load_assignment(name)

        assert caught.value.facts == {"what": "assignment", "name": name}


@pytest.mark.parametrize(
    ("named", "modules"),
    [(" pandas, sklearn.linear_model ", ("pandas", "sklearn.linear_model")), ("none", ()), ("", ())],
    ids=["some", "none", "nothing"],
)
def test_modules_to_preload_are_named_with_commas(tmp_path, named, modules):
    with kernels.open_runner(Settings(kernel_python=tmp_path / "none", preloaded_modules=named)) as runner:
        assert runner._box.preloaded == modules


@pytest.fixture
def gpus(monkeypatch):
    """Two of them, made of files."""
    with device_folder(0, 1) as devices:
        monkeypatch.setattr(nvml, "DriverNvml", lambda: FileNvml(devices, card(minor=0), card(minor=1)))
        yield


def found(**chosen):
    return [gpu.card.minor for gpu in kernels.find_gpus(Settings(**chosen))]


def test_gpus_are_found_and_chosen_by_the_settings(gpus):
    assert (found(), found(gpus="none"), found(gpus="GPU-1")) == ([0, 1], [], [1])
    assert kernels.find_gpu(Settings()).card.minor == 0
    assert kernels.find_gpu(Settings(), uuid="GPU-1").card.minor == 1


def test_each_gpu_gets_workers_of_its_own(gpus):
    workers = list_workers(Settings(workers=1, gpu_slots=2, gpus="1"))
    assert [(one.name, one.arguments) for one in workers] == [
        ("worker-1", ("worker",)),
        ("worker-gpu-1-1", ("worker", "--gpu", "GPU-1")),
        ("worker-gpu-1-2", ("worker", "--gpu", "GPU-1")),
    ]


def test_a_gpu_that_is_named_must_be_there(gpus):
    for settings, uuid in ((Settings(gpus="7"), None), (Settings(gpus="0"), "GPU-1")):
        with pytest.raises(GpuUnavailable, match="not_found"):
            kernels.find_gpu(settings, uuid=uuid)


def test_without_a_driver_there_is_no_gpu_but_one_that_is_named_is_missed(monkeypatch):
    def begin():
        raise nvml.NvmlTrouble("no driver")

    monkeypatch.setattr(nvml, "DriverNvml", begin)
    assert found() == []
    with pytest.raises(GpuUnavailable, match="not_found"):
        found(gpus="0")


def test_what_needs_a_gpu_is_refused_where_there_is_none(tmp_path):
    settings = Settings(kernel_python=tmp_path / "none", gpus="none")
    with pytest.raises(GpuUnavailable, match="gpu_none"), kernels.open_runner(settings, device=Device.CUDA):
        pass


@pytest.mark.parametrize(("device", "name"), [(Device.CUDA, "Paper 1"), (Device.ANY, None), (Device.CPU, None)])
def test_a_notebook_gets_a_gpu_only_where_it_is_meant_for_one(gpus, tmp_path, device, name):
    with kernels.open_runner(Settings(kernel_python=tmp_path / "none"), device=device, slots=4) as runner:
        assert (runner._gpu and runner._gpu.card.name, runner._slots) == (name, 1 if name else 4)


def test_the_sandbox_starts_only_when_it_is_needed(tmp_path):
    with kernels.open_runner(Settings(kernel_python=tmp_path / "no-such-python")):
        pass


def test_all_that_is_kept_is_for_its_owner_only(settings):
    before = os.umask(0)
    try:
        first_start.prepare(settings)
    finally:
        os.umask(before)

    assert mode(settings.data_folder) == 0o700
    assert mode(settings.database_path) == 0o600
    assert mode(settings.draw_key_path) == 0o600


def test_what_is_no_database_is_told_and_left_as_it_is(settings):
    settings.data_folder.mkdir()
    settings.database_path.write_bytes(b"my holiday photos" * 100)

    with pytest.raises(DataUnusable) as caught, data_folder.open_stores(settings):
        pass

    assert caught.value.facts["folder"] == str(settings.data_folder)
    assert settings.database_path.read_bytes() == b"my holiday photos" * 100


def test_how_many_uploads_are_graded_without_a_pause_is_a_setting(tmp_path):
    settings = Settings(data_folder=tmp_path, uploads_before_pause=3, uploads_window_s=60)
    with data_folder.open_stores(settings) as stores:
        limit = processes.make_intake(settings, stores=stores).limit
    assert (limit.uploads, limit.window_s) == (3, 60)


def test_stores_are_closed_at_the_end(settings):
    with data_folder.open_stores(settings) as stores, stores.storage.reading() as tx:
        assert tx.courses.list_all() == ()

    with data_folder.open_stores(settings) as again:
        assert again.storage is not stores.storage
