"""`grader doctor`: the table, its cures, and an exit status that scripts can rely on."""

import json

import pytest

from grader.domain.cage import CageLine, Checkup, LineState
from grader.domain.text import Language, Note
from grader.errors import SandboxUnavailable
from grader.feedback.catalogue import sentence
from grader.sandbox import machine
from grader.sandbox.canary import cage
from grader.wiring import kernels

FINE = CageLine(name="bubblewrap", state=LineState.OK, found="bubblewrap 0.9.0")
APPARMOR = CageLine(
    name="apparmor",
    state=LineState.NOT_OK,
    found="restrict=1",
    cure=Note(code="doctor.cure_apparmor"),
)
KERNELS = CageLine(name="kernels", state=LineState.OK, found="e" * 12)
HELD = CageLine(name="mounts", state=LineState.OK)
LEAKS = CageLine(name="sockets", state=LineState.NOT_OK, found="inet: \x1b[2Jdone", cure=Note(code="doctor.cure_hole"))
SILENT = CageLine(name="bpf", state=LineState.UNKNOWN)


def checkup(*canary, kernels=KERNELS):
    return Checkup(machine=(FINE, APPARMOR, kernels), canary=canary, needed=(kernels,))


@pytest.fixture
def doctor(grader, monkeypatch):
    def doctor(found, *arguments):
        monkeypatch.setattr(kernels, "examine", lambda settings: found)
        return grader("doctor", *arguments, COLUMNS="200")

    return doctor


def row(printed, words):
    (line,) = [line for line in printed.splitlines() if words in line]
    return line


@pytest.mark.parametrize("language", Language)
def test_each_line_has_its_mark_and_its_cure(doctor, language):
    done = doctor(checkup(HELD, LEAKS, SILENT), "--lang", language.value)

    assert row(done.out, sentence(Note(code="doctor.bubblewrap"), language)).strip().startswith("✓")
    assert row(done.out, sentence(Note(code="doctor.apparmor"), language)).strip().startswith("✗")
    assert row(done.out, sentence(Note(code="canary.mounts"), language)).strip().startswith("✓")
    assert row(done.out, sentence(Note(code="canary.sockets"), language)).strip().startswith("✗")
    assert row(done.out, sentence(Note(code="canary.bpf"), language)).strip().startswith("?")
    assert "scripts/apparmor-profile" in done.out
    assert sentence(Note(code="doctor.cannot_grade"), language)[:12] in done.out
    assert "\x1b[2J" not in done.out


@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param(checkup(HELD), 0, id="what does not matter is missing"),
        pytest.param(checkup(HELD, LEAKS), 4, id="the cage leaks"),
        pytest.param(checkup(HELD, SILENT), 4, id="an attempt gave no answer"),
        pytest.param(checkup(HELD, kernels=CageLine(name="kernels", state=LineState.NOT_OK)), 4, id="no kernel starts"),
    ],
)
def test_the_exit_status_is_0_only_where_notebooks_can_be_graded(doctor, found, status):
    assert doctor(found).status == status


def test_programs_read_one_object_a_line(doctor):
    done = doctor(checkup(HELD, LEAKS), "--json", "--lang", "en")

    entries = [json.loads(line) for line in done.out.splitlines()]
    assert [(entry["group"], entry["name"], entry["state"]) for entry in entries] == [
        ("machine", "bubblewrap", "ok"),
        ("machine", "apparmor", "not_ok"),
        ("machine", "kernels", "ok"),
        ("canary", "mounts", "ok"),
        ("canary", "sockets", "not_ok"),
    ]
    assert entries[0]["cure"] is None
    assert "apparmor" in entries[1]["cure"]


def test_without_a_kernel_all_of_the_canary_is_unknown_and_no_data_folder_is_made(
    grader, runner, monkeypatch, tmp_path
):
    monkeypatch.setattr(machine, "examine", lambda *_, **__: (FINE,))
    runner.trouble = [SandboxUnavailable(what="The program bwrap is not installed")]

    done = grader("doctor", "--json")

    entries = [json.loads(line) for line in done.out.splitlines()]
    (kernels,) = [entry for entry in entries if entry["name"] == "kernels"]
    canary = [entry for entry in entries if entry["group"] == "canary"]
    assert (done.status, kernels["state"], kernels["found"]) == (4, "not_ok", "The program bwrap is not installed")
    assert [entry["name"] for entry in canary] == [line.name for line in cage.unanswered_lines()]
    assert {(entry["state"], entry["cure"]) for entry in canary} == {("unknown", None)}
    assert not (tmp_path / "data").exists()
