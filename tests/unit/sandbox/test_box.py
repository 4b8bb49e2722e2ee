"""The cage's command line, and what is said when it cannot be had."""

from itertools import pairwise
from pathlib import Path

import pytest

from grader.errors import SandboxUnavailable
from grader.sandbox import box
from grader.sandbox.box import Box, Proc, explain_failure
from grader.sandbox.kernel import seccomp


@pytest.fixture
def venv(tmp_path) -> Path:
    folder = tmp_path / "with spaces" / "kernels"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return folder


def make(venv, *, wanted_proc=Proc.OWN, **options):
    return Box(kernel_python=venv / "bin" / "python", wanted_proc=wanted_proc, **options)


def binds(command):
    return {command[n + 2]: command[n + 1] for n, word in enumerate(command) if word == "--ro-bind"}


def test_only_the_system_the_kernels_environment_and_our_kernel_folder_are_bound(venv, monkeypatch):
    monkeypatch.setattr(box, "_is_root", lambda: False)

    command = make(venv).command(control_fd=9)

    shown = {inside: outside for inside, outside in binds(command).items() if inside not in ("/bin", "/lib", "/lib64")}
    assert shown == {"/usr": "/usr", "/opt/venv": str(venv), "/opt/app/grader_kernel": str(box.KERNEL_FOLDER)}
    assert "--bind" not in command
    assert command[-1] == "9"


def test_the_hosts_proc_is_bound_only_where_kernels_cover_it(venv, monkeypatch):
    monkeypatch.setattr(box, "_is_root", lambda: False)

    own = make(venv).command(control_fd=9)
    empty = make(venv, wanted_proc=Proc.EMPTY).command(control_fd=9)

    assert ("--proc", "/proc") in pairwise(own)
    assert "--bind" not in own
    assert "--proc" not in empty
    assert [empty[at : at + 3] for at, word in enumerate(empty) if word == "--bind"] == [["--bind", "/proc", "/proc"]]


@pytest.fixture
def fake_bubblewrap(tmp_path, monkeypatch):
    """A program in bubblewrap's place; it counts how often it is started."""
    monkeypatch.setattr(box, "_is_root", lambda: False)

    def make_program(script: str) -> Path:
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\necho started >> '{tmp_path}/starts'\n{script}\n")
        program.chmod(0o755)
        return program

    return make_program


@pytest.mark.parametrize(
    ("script", "proc"),
    [
        pytest.param("exit 0", Proc.OWN, id="it can be mounted"),
        pytest.param(
            'echo "bwrap: Can\'t mount proc on /newroot/proc: Operation not permitted" >&2; exit 1',
            Proc.EMPTY,
            id="not by bubblewrap",
        ),
        pytest.param(
            "echo 'PermissionError: [Errno 1] mount /proc: a process inside cannot have its own' >&2; exit 1",
            Proc.EMPTY,
            id="not by a kernel",
        ),
    ],
)
def test_what_kernels_find_at_proc_is_tried_out_once(venv, fake_bubblewrap, tmp_path, script, proc):
    tried = make(venv, wanted_proc=None, bubblewrap=str(fake_bubblewrap(script)))

    assert tried.proc is proc
    assert ("--proc" in tried.command(control_fd=9)) == (proc is Proc.OWN)
    assert (tmp_path / "starts").read_text() == "started\n"


def test_a_cage_that_fails_for_another_reason_is_refused_and_tried_again(venv, fake_bubblewrap, tmp_path):
    script = "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
    refused = make(venv, wanted_proc=None, bubblewrap=str(fake_bubblewrap(script)))

    for _ in range(2):
        with pytest.raises(SandboxUnavailable, match="user namespaces"):
            refused.command(control_fd=9)
    assert (tmp_path / "starts").read_text() == "started\n" * 2


def test_a_cage_that_hangs_is_refused(venv, fake_bubblewrap, monkeypatch):
    monkeypatch.setattr(box, "_TRY_S", 0.05)
    hanging = make(venv, wanted_proc=None, bubblewrap=str(fake_bubblewrap("exec sleep 60")))

    with pytest.raises(SandboxUnavailable, match="nothing happened"):
        hanging.command(control_fd=9)


def test_root_gives_up_its_identity_before_bubblewrap_starts(venv, monkeypatch):
    monkeypatch.setattr(box, "_is_root", lambda: True)

    command = make(venv).command(control_fd=9)

    assert command.index("setpriv") < command.index("bwrap")
    dropped = {"--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"}
    assert dropped <= set(command[: command.index("bwrap")])
    assert str(venv) in command[: command.index("setpriv")]
    assert not any(str(venv) in word for word in command[command.index("bwrap") :])


def test_staging_hides_none_of_its_sources(tmp_path):
    taken = [Path(candidate) for candidate in box._STAGE_CANDIDATES[:1]]

    stage = box._stage_folder({Path("/opt/venv"): taken[0] / "c" / "venv"})

    assert stage not in taken
    assert stage.is_dir()


def test_python_outside_the_system_is_bound_where_it_says_it_is(venv, tmp_path, monkeypatch):
    monkeypatch.setattr(box, "_is_root", lambda: False)
    base = tmp_path / "pythons" / "3.11.9"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python3.11").touch()
    alias = tmp_path / "pythons" / "3.11"
    alias.symlink_to(base)
    (venv / "pyvenv.cfg").write_text(f"home = {alias}/bin\n")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(alias / "bin" / "python3.11")

    shown = binds(make(venv).command(control_fd=9))

    assert shown[str(alias)] == shown[str(base)] == str(base)


def test_what_is_to_be_preloaded_is_told_to_the_fork_server(venv, monkeypatch):
    monkeypatch.setattr(box, "_is_root", lambda: False)

    assert make(venv, preloaded=("pandas", "x.y")).command(control_fd=9)[-3:] == ["9", "pandas", "x.y"]


def test_missing_environment_is_named(tmp_path):
    with pytest.raises(SandboxUnavailable, match="no Python environment for the kernels") as caught:
        make(tmp_path / "nothing").check()

    assert str(tmp_path / "nothing") in caught.value.facts["what"]


def test_missing_bubblewrap_is_named(venv):
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        make(venv, bubblewrap="no-such-bwrap").check()


def test_unknown_processor_is_named(venv, monkeypatch):
    monkeypatch.setattr(box.platform, "machine", lambda: "riscv64")

    with pytest.raises(SandboxUnavailable, match="riscv64"):
        make(venv).check()


def test_processors_are_those_with_a_filter():
    assert set(box.MACHINES) == set(seccomp.MACHINES)


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        pytest.param("bwrap: No permissions to create new namespace, ...", "user namespaces", id="refused"),
        pytest.param("bwrap: setting up uid map: Permission denied", "user namespaces", id="AppArmor"),
        pytest.param("unshare: unshare failed: Operation not permitted", "user namespaces", id="root of a container"),
        pytest.param("Traceback\nModuleNotFoundError: No module named 'torch'", "'torch'", id="environment"),
        pytest.param(
            "Traceback\ngrader_kernel.forkserver.NotPreloaded: x: ModuleNotFoundError: No module named 'x'",
            "could not be: x: ModuleNotFoundError",
            id="a module of the operator's",
        ),
        pytest.param("something\nelse went wrong.\n", "else went wrong.", id="anything"),
        pytest.param("", "without a word", id="nothing"),
    ],
)
def test_failure_is_one_sentence(stderr, words):
    sentence = explain_failure(stderr)

    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("stderr", "flag"),
    [
        pytest.param(
            "bwrap: No permissions to create new namespace, ...",
            "--security-opt seccomp=docker/seccomp.json",
            id="seccomp refuses namespaces",
        ),
        pytest.param(
            "bwrap: Failed to make / slave: Permission denied",
            "--security-opt apparmor=unconfined",
            id="AppArmor refuses mounts",
        ),
    ],
)
def test_in_a_container_the_sentence_names_the_flag_to_add(monkeypatch, stderr, flag):
    monkeypatch.setenv("container", "oci")

    sentence = explain_failure(stderr)

    assert flag in sentence
    assert sentence.count(". ") == 0
