"""What `make install` does about Ubuntu's restricted user namespaces, on a machine put together for it."""

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PROFILE = CHECKOUT / "packaging" / "apparmor"
ALWAYS, NEVER = "exit 0", "exit 1"
WITH_OUR_PROFILE = '[ -e "$ROOT/loaded" ]'
OTHERS_PROFILE = "abi <abi/4.0>,\nprofile bwrap /usr/bin/bwrap flags=(attach_disconnected) {\n}\n"


@pytest.fixture
def run(tmp_path):
    """Run the script where bubblewrap succeeds as it is told, for somebody who may use sudo or may not."""

    def run(*, bwrap, sudo=NEVER, restricts="1", profiles=()):
        programs = tmp_path / "bin"
        programs.mkdir()
        scripts = {"bwrap": bwrap, "sudo": sudo, "id": "echo 1000", "apparmor_parser": 'touch "$ROOT/loaded"'}
        for name, script in scripts.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        switch = tmp_path / "proc" / "sys" / "kernel" / "apparmor_restrict_unprivileged_userns"
        switch.parent.mkdir(parents=True)
        switch.write_text(restricts)
        (tmp_path / "etc" / "apparmor.d").mkdir(parents=True)
        for name, text in profiles:
            (tmp_path / "etc" / "apparmor.d" / name).write_text(text)
        done = subprocess.run(
            [CHECKOUT / "scripts" / "apparmor-profile"],
            env={"PATH": f"{programs}:/usr/bin:/bin", "ROOT": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout + done.stderr

    return run


SUDO = '[ "$1" = -n ] && exit 0; exec "$@"'


@pytest.mark.parametrize(
    "machine",
    [
        pytest.param({"restricts": "0", "bwrap": NEVER}, id="nothing is restricted"),
        pytest.param({"restricts": "1", "bwrap": ALWAYS}, id="a profile lets bubblewrap through already"),
    ],
)
def test_nothing_is_done_where_nothing_is_needed(run, tmp_path, machine):
    assert run(**machine, sudo=SUDO) == ""
    assert list((tmp_path / "etc" / "apparmor.d").iterdir()) == []


def test_the_profile_is_installed_by_whom_may_use_sudo(run, tmp_path):
    assert run(bwrap=WITH_OUR_PROFILE, sudo=SUDO) == ""
    assert (tmp_path / "etc" / "apparmor.d" / "grader").read_text() == PROFILE.read_text()


def test_others_are_told_the_command(run, tmp_path):
    said = run(bwrap=WITH_OUR_PROFILE)

    assert "sudo sh -c 'install -m 644 packaging/apparmor" in said
    assert not (tmp_path / "etc" / "apparmor.d" / "grader").exists()


def test_another_profile_that_is_in_the_way_is_named(run):
    said = run(bwrap=NEVER, sudo=SUDO, profiles=[("bwrap-userns-restrict", OTHERS_PROFILE)])

    assert "/bwrap-userns-restrict, which takes its capabilities away" in said
    assert "/etc/apparmor.d/disable/" in said


def test_where_that_is_not_it_the_page_is_named(run):
    assert "docs/how-to/run-a-server.md#user-namespaces" in run(bwrap=NEVER, sudo=SUDO)


def test_the_profile_is_for_bubblewrap_and_for_containers():
    text = PROFILE.read_text()

    assert text.count("userns,") == 2
    assert "profile grader-bwrap /usr/bin/bwrap flags=(unconfined)" in text
    assert "profile grader-container flags=(unconfined)" in text
