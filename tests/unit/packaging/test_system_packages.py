"""Which Debian packages `make install` and `make test` want, on a machine put together for it."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "system-packages"
USED = ("dirname", "grep")
EVERYTHING = ("bwrap", "setpriv", "chromium", "fc-list")


@pytest.fixture
def run(tmp_path):
    """Run the script where these programs are installed: its exit status, what it said, what apt-get was asked."""

    def run(mode, *, installed=EVERYTHING, fonts="Noto Sans CJK JP", is_root=True):
        programs = tmp_path / "bin"
        programs.mkdir()
        for name in USED:
            (programs / name).symlink_to(shutil.which(name))
        scripts = dict.fromkeys(installed, "true") | {
            "id": f"echo {0 if is_root else 1000}",
            "sudo": "false",
            "apt-get": f'echo "$@" >> "{tmp_path}/asked"',
        }
        if "fc-list" in installed:
            scripts["fc-list"] = f'[ -n "{fonts}" ] && echo "{fonts}" || true'
        for name, script in scripts.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        done = subprocess.run([SCRIPT, mode], env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
        asked = tmp_path / "asked"
        return done.returncode, done.stderr, asked.read_text() if asked.exists() else ""

    return run


def test_nothing_is_asked_for_where_everything_is_there(run):
    assert run("--required") == (0, "", "")


def test_tests_get_a_browser_and_a_japanese_font(run):
    status, _, asked = run("--required", installed=("bwrap", "setpriv"))

    assert status == 0
    assert "install -y --no-install-recommends chromium fonts-noto-cjk" in asked


def test_a_browser_without_a_japanese_font_gets_one(run):
    _, _, asked = run("--required", fonts="")

    assert "--no-install-recommends fonts-noto-cjk" in asked


def test_a_service_needs_no_browser(run):
    assert run("--wanted", installed=("bwrap", "setpriv")) == (0, "", "")


def test_who_may_not_install_is_told_the_command_and_the_tests_do_not_begin(run):
    status, said, _ = run("--required", installed=("bwrap", "setpriv"), is_root=False)

    assert status == 1
    assert "sudo apt-get install -y --no-install-recommends chromium fonts-noto-cjk" in said
