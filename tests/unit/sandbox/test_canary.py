"""The canary looks at the environment from outside, cheaply, and sees what an installer changes there."""

import pytest
from doubles import FakeRunner

from grader.domain.cage import LineState
from grader.domain.execution import Limits
from grader.errors import SandboxFailed
from grader.sandbox.canary import cage
from grader.sandbox.canary.cage import Canary
from grader.sandbox.canary.mark import LOOK_EVERY_S, EnvironmentMark


@pytest.fixture
def venv(tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python").touch()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return tmp_path / "venv"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda venv: (site(venv) / "numpy-2.dist-info").mkdir(), id="a package was installed"),
        pytest.param(lambda venv: (venv / "bin" / "python").unlink(), id="the interpreter is gone"),
        pytest.param(lambda venv: (venv / "pyvenv.cfg").write_text("home = /opt\n# another"), id="it was made anew"),
        pytest.param(lambda venv: venv.rename(venv.with_name("elsewhere")), id="everything is gone"),
    ],
)
def test_another_environment_has_another_mark(venv, change):
    canary = Canary(FakeRunner(), kernel_python=venv / "bin" / "python")
    before = canary.mark()
    assert canary.mark() == before

    change(venv)

    assert canary.mark() != before


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        pytest.param(lambda folder: (folder / "deep" / "core.py").write_text("x = 2  # edited"), True, id="edited"),
        pytest.param(lambda folder: (folder / "deep" / "core.py").unlink(), True, id="removed"),
        pytest.param(lambda folder: (folder / "deep" / "new.py").touch(), True, id="added"),
        pytest.param(lambda folder: (folder / "deep" / "fast.so.2").write_text("y"), True, id="a library"),
        pytest.param(lambda folder: (folder / "deep").rename(folder / "low"), True, id="moved"),
        pytest.param(lambda folder: (folder / "deep" / "font.ttf").write_text("y"), False, id="no code"),
    ],
)
def test_a_file_that_is_changed_within_a_package_is_seen_at_the_next_look(venv, change, is_seen):
    package = site(venv) / "torch"
    (package / "deep").mkdir(parents=True)
    for name in ("core.py", "fast.so.2", "font.ttf"):
        (package / "deep" / name).write_text("x")
    now = [0.0]
    mark = EnvironmentMark(venv / "bin" / "python", clock=lambda: now[0])
    before = mark.read()

    change(package)
    now[0] += LOOK_EVERY_S - 1
    assert mark.read() == before
    now[0] += 1
    assert (mark.read() != before) is is_seen


def site(venv):
    return venv / "lib" / "python3.11" / "site-packages"


def test_a_run_that_answers_nothing_proves_nothing(venv):
    runner = FakeRunner()
    runner.run = answer_nothing

    lines = Canary(runner, kernel_python=venv / "bin" / "python").try_cage()

    assert {line.state for line in lines} == {LineState.UNKNOWN}


def answer_nothing(notebook, *, plan, limits, files=None, on_phase=None):
    # An ordinary run of an ordinary notebook: what it proves holds for what students get.
    assert (limits, files) == (Limits(gpu_memory_bytes=1), None)
    return FakeRunner().run(notebook_without_code(notebook), plan=(), limits=limits)


def notebook_without_code(notebook):
    return type(notebook)(cells=())


def test_baits_that_cannot_be_laid_out_are_our_failure(venv, monkeypatch, tmp_path):
    monkeypatch.setattr(cage.tempfile, "tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(SandboxFailed, match="baits"):
        Canary(FakeRunner(), kernel_python=venv / "bin" / "python").try_cage()
