"""What keeps kernels from starting is found on any machine, each thing with its own cure."""

import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from grader.domain.cage import LineState
from grader.domain.text import Language, Note
from grader.feedback.catalogue import known_codes, sentence
from grader.sandbox import machine as looking
from grader.sandbox.machine import Machine, examine, examine_data_folder

OK, NOT_OK, UNKNOWN = LineState.OK, LineState.NOT_OK, LineState.UNKNOWN
MOUNTS = "22 1 0:20 / /proc rw - proc proc rw\n30 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
INSTALLED = ("bwrap", "setpriv", "unshare", "mount")


@pytest.fixture
def make(tmp_path):
    """A machine on which all is well, but for what the caller changes."""

    def make(*, files=None, installed=INSTALLED, refuses=(), **facts):
        root = tmp_path / "root"
        whole = {
            "proc/sys/user/max_user_namespaces": "1000",
            "proc/self/mountinfo": MOUNTS,
            "proc/self/cgroup": "0::/\n",
            "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   8388608 kB\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory pids",
            "sys/fs/cgroup/cgroup.procs": "",
            "sys/fs/cgroup/cgroup.subtree_control": "",
        }
        for path, words in (whole | (files or {})).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(words)

        def run(command):
            if any(word in refuses for word in command):
                return None
            return "bubblewrap 0.9.0" if command[-1] == "--version" else ""

        known = {"environment": {}, "is_root": False, "processor": "x86_64", "release": "6.8.0-31-generic"}
        return Machine(root=root, which=lambda name: name if name in installed else None, run=run, **(known | facts))

    return make


@pytest.fixture
def kernel_python(tmp_path):
    venv = tmp_path / "venv"
    packages = venv / "lib" / "python3.11" / "site-packages"
    for name in ("torch-2.13.0", "numpy-2.4.1", "matplotlib-3.11.0", "ipython-9.0.0", "ipykernel-7.4.0"):
        (packages / f"{name}.dist-info").mkdir(parents=True)
    (packages / "matplotlib_fontja" / "fonts").mkdir(parents=True)
    (packages / "matplotlib_fontja" / "fonts" / "ipaexg.ttf").touch()
    (venv / "bin").mkdir()
    (venv / "bin" / "python").touch()
    (venv / "pyvenv.cfg").touch()
    return venv / "bin" / "python"


def lines_of(machine, kernel_python):
    return {line.name: line for line in examine(machine, kernel_python=kernel_python)}


def test_a_machine_on_which_all_is_well(make, kernel_python):
    lines = lines_of(make(), kernel_python)

    assert {name: line.state for name, line in lines.items() if line.state is not OK} == {}
    assert {line.cure for line in lines.values()} == {None}
    assert "torch 2.13.0" in lines["packages"].found
    assert lines["bubblewrap"].found == "bubblewrap 0.9.0"


@pytest.mark.parametrize(
    ("facts", "name", "state", "cure"),
    [
        pytest.param({"processor": "riscv64"}, "processor", NOT_OK, "processor", id="another processor"),
        pytest.param({"release": "5.10.0-30-amd64"}, "linux", NOT_OK, "linux", id="an old Linux"),
        pytest.param({"release": "unknown"}, "linux", UNKNOWN, "linux", id="a Linux without a number"),
        pytest.param({"installed": ()}, "bubblewrap", NOT_OK, "bubblewrap", id="no bubblewrap"),
        pytest.param({"refuses": ("--version",)}, "bubblewrap", NOT_OK, "bubblewrap", id="a broken bubblewrap"),
        pytest.param({"installed": ("bwrap",), "is_root": True}, "util_linux", NOT_OK, "util_linux", id="root alone"),
        pytest.param(
            {"refuses": ("--unshare-user",)}, "user_namespaces", NOT_OK, "user_namespaces", id="no user namespaces"
        ),
        pytest.param(
            {"refuses": ("--unshare-user",), "files": {".dockerenv": ""}},
            "user_namespaces",
            NOT_OK,
            "user_namespaces_container",
            id="a container that forbids namespaces",
        ),
        pytest.param(
            {"files": {"proc/sys/kernel/unprivileged_userns_clone": "0\n"}},
            "userns_switches",
            NOT_OK,
            "userns_clone",
            id="Debian's switch",
        ),
        pytest.param(
            {"files": {"proc/sys/user/max_user_namespaces": "0\n"}}, "userns_switches", NOT_OK, "max_userns", id="none"
        ),
        pytest.param(
            {"files": {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, "refuses": ("--unshare-user",)},
            "apparmor",
            NOT_OK,
            "apparmor",
            id="AppArmor without a profile for bubblewrap",
        ),
        pytest.param(
            {"files": {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, "refuses": ("CAP_SYS_ADMIN",)},
            "apparmor",
            NOT_OK,
            "apparmor",
            id="a profile that takes capabilities away from whom bubblewrap starts",
        ),
        pytest.param(
            {
                "files": {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
                "refuses": ("--unshare-user",),
                "environment": {"container": "oci"},
            },
            "apparmor",
            NOT_OK,
            "apparmor_container",
            id="a container on such a host",
        ),
        pytest.param({"files": {"proc/meminfo": "MemAvailable: 99 kB"}}, "memory", NOT_OK, "memory", id="no memory"),
        pytest.param({"files": {"proc/meminfo": ""}}, "memory", UNKNOWN, "memory", id="memory that is not told"),
        pytest.param({"refuses": ("--proc",)}, "proc", OK, "proc", id="a covered /proc, without which it goes too"),
    ],
)
def test_what_is_missing_stands_on_its_line_with_its_cure(make, kernel_python, facts, name, state, cure):
    line = lines_of(make(**facts), kernel_python)[name]

    assert (line.state, line.cure.code) == (state, f"doctor.cure_{cure}")
    assert {sentence(line.cure, language) for language in Language}


def test_apparmor_that_lets_bubblewrap_through_is_no_trouble(make, kernel_python):
    restricts = {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}

    line = lines_of(make(files=restricts), kernel_python)["apparmor"]

    assert (line.state, line.cure) == (OK, None)


def test_what_cannot_be_tried_without_bubblewrap_is_unknown(make, kernel_python):
    lines = lines_of(make(installed=()), kernel_python)

    assert {lines[name].state for name in ("user_namespaces", "proc")} == {UNKNOWN}


def test_root_tries_as_the_user_that_the_cage_belongs_to(make, kernel_python):
    tried = []
    lines_of(replace(make(is_root=True), run=lambda command: tried.append(list(command))), kernel_python)

    assert {command[0] for command in tried if "--unshare-user" in command} == {"setpriv"}


@pytest.mark.parametrize(
    ("lost", "name"),
    [
        ("pyvenv.cfg", "kernel_python"),
        ("lib/python3.11/site-packages/torch-2.13.0.dist-info", "packages"),
        ("lib/python3.11/site-packages/matplotlib_fontja", "fonts"),
    ],
    ids=["the environment", "a package", "the font"],
)
def test_what_the_environment_lacks_is_installed(make, kernel_python, lost, name):
    place = kernel_python.parent.parent / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()

    line = lines_of(make(), kernel_python)[name]

    assert (line.state, line.cure.code) == (NOT_OK, "doctor.cure_install")


@pytest.mark.parametrize(
    ("files", "found", "cure"),
    [
        pytest.param({}, "v2: memory pids cpu", None, id="all that could be had"),
        pytest.param(
            {"sys/fs/cgroup/cgroup.controllers": "memory"}, "v2: memory", "cgroups_cpu", id="none for the processor"
        ),
        pytest.param(
            {
                "sys/fs/cgroup/cgroup.controllers": "",
                "proc/self/mountinfo": f"{MOUNTS}31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
                "proc/self/cgroup": "4:memory:/\n0::/\n",
                "sys/fs/cgroup/memory/cgroup.procs": "",
            },
            "v1: memory",
            "cgroups_cpu",
            id="version 1 for memory",
        ),
        pytest.param({"sys/fs/cgroup/cgroup.controllers": "cpu"}, "", "cgroups_memory", id="none for memory"),
        pytest.param({"proc/self/cgroup": ""}, "", "cgroups_memory", id="none at all"),
    ],
)
def test_what_bounds_kernels_is_told_and_how_to_have_better(make, kernel_python, files, found, cure):
    line = lines_of(make(files=files), kernel_python)["cgroups"]

    assert (line.state, line.found) == (OK, found)
    assert line.cure == (None if cure is None else Note(code=f"doctor.cure_{cure}"))


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("usage", "is_writable", "state", "cure"),
    [
        pytest.param(Usage(100, 50, 50), True, OK, None, id="room enough"),
        pytest.param(Usage(100, 97, 3), True, NOT_OK, "doctor.cure_disk", id="almost full"),
        pytest.param(Usage(100, 50, 50), False, NOT_OK, "doctor.cure_data_folder", id="not ours"),
        pytest.param(Usage(0, 0, 0), True, NOT_OK, "doctor.cure_disk", id="no disk at all"),
    ],
)
def test_uploads_need_a_folder_with_room(tmp_path, monkeypatch, usage, is_writable, state, cure):
    monkeypatch.setattr(looking.shutil, "disk_usage", lambda place: usage)
    monkeypatch.setattr(looking.os, "access", lambda place, mode: is_writable)

    line = examine_data_folder(tmp_path / "not" / "there" / "yet", minimum_free_share=0.05)

    assert (line.state, line.cure and line.cure.code) == (state, cure)
    assert str(tmp_path) in line.found
    assert not (tmp_path / "not").exists()


def test_every_line_has_its_words(make, kernel_python, tmp_path):
    names = {*lines_of(make(), kernel_python), "data_folder", "kernels", "gpu"}
    told = {code.removeprefix("doctor.") for code in known_codes(Language.EN) if code.startswith("doctor.")}

    assert names == {name for name in told if not name.startswith(("cure_", "heading_", "can"))}


def test_this_machine_can_be_looked_at(kernel_python):
    lines = lines_of(Machine(), kernel_python)

    assert lines["processor"].found
    assert lines["memory"].state is not UNKNOWN
