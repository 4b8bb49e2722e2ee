"""The judge itself: what an attack could achieve is planted, and each time it is complained of."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.domain.execution import CellError, CellRun, CellState, Execution, Outcome, Output
from grader.domain.ids import EnvironmentHash
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.sandbox.outputs import write_notebook
from tests.hostile import judge
from tests.hostile.attack import ENDS, Attack
from tests.hostile.judge import FOLLOWING_SHOWS, Case, MemoryPeak, Traces, complaints, look

SOURCES = (Cell(index=0, kind=CellKind.CODE, source="1", cell_id="a"),)
MEGABYTE = 1024**2


def ended(outcome: Outcome, *states: CellState, text: str = "", error: CellError | None = None) -> Execution:
    outputs = (Output(kind="stdout", text=text),) if text else ()
    cells = [CellRun(index=n, state=state, outputs=outputs, error=error) for n, state in enumerate(states)]
    return Execution(
        outcome=outcome,
        cells=tuple(cells),
        replies={},
        environment=EnvironmentHash("e"),
        executed_notebook=write_notebook(Notebook(cells=SOURCES), outputs={}, counts={}),
    )


def case_of(**changes: object) -> Case:
    """An attack that was refused, or what the changes make of it."""
    case = Case(
        attack=Attack(name="a", tries="Nothing.", code="1", ends=(ENDS["refused"],)),
        execution=ended(Outcome.COMPLETED, CellState.OK, CellState.OK),
        before=Traces(),
        after=Traces(),
        growth_bytes=0,
        victim="",
        following=ended(Outcome.COMPLETED, CellState.OK, text=FOLLOWING_SHOWS),
        secrets=("secret-1",),
    )
    return replace(case, **changes)  # type: ignore[arg-type]  # each test knows what it changes


def test_an_attack_that_was_refused_leaves_nothing_to_complain_of() -> None:
    assert complaints(case_of()) == []


RAISED_ANOTHER = CellError(name="NameError", message="")
COMPLETED, DIED = Outcome.COMPLETED, Outcome.DIED
OK, RAISED, NOT_RUN = CellState.OK, CellState.RAISED, CellState.NOT_RUN


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"execution": ended(DIED, CellState.ENDED_KERNEL, NOT_RUN)}, "ended died", id="another outcome"),
        pytest.param({"execution": ended(COMPLETED, RAISED, OK)}, "ended completed, raised", id="another state"),
        pytest.param({"execution": ended(COMPLETED, OK, NOT_RUN)}, "the cell behind it", id="the next cell not run"),
        pytest.param({"execution": ended(COMPLETED, OK, OK, text="\x1b[2J")}, "a text with", id="an escape sequence"),
        pytest.param({"execution": ended(COMPLETED, OK, OK, text="\ud800")}, "a text with", id="half a character"),
        pytest.param(
            {"execution": replace(ended(COMPLETED, OK, OK), seconds=81.0)}, "ended after 81 of 30", id="much too late"
        ),
        pytest.param({"growth_bytes": 151 * MEGABYTE}, "grew by 151 MB", id="memory"),
        pytest.param({"victim": "a file was changed"}, "the victim: a file", id="the victim"),
        pytest.param({"following": ended(DIED, CellState.ENDED_KERNEL)}, "the next kernel: died", id="the next kernel"),
        pytest.param(
            {"following": ended(COMPLETED, OK, text="tensor(2.) ['left'] [] []\n")},
            "the next kernel",
            id="a file that the next kernel sees",
        ),
        pytest.param({"after": Traces(processes=frozenset({(7, "sleep")}))}, "process is left", id="a process"),
        pytest.param({"before": Traces(processes=frozenset({(7, "bwrap")}))}, "process is gone", id="one of ours"),
        pytest.param({"after": Traces(descriptors={9: "socket:[1]"})}, "descriptor is left", id="a descriptor"),
        pytest.param(
            {"before": Traces(descriptors={9: "socket:[1]"}), "after": Traces(descriptors={9: "socket:[2]"})},
            "descriptor is left",
            id="another one in its place",
        ),
        pytest.param({"after": Traces(files=frozenset({"/tmp/hostile-x"}))}, "file is left", id="a file"),
        pytest.param({"after": Traces(cgroups=frozenset({"/sys/fs/cgroup/x"}))}, "cgroup is left", id="a cgroup"),
    ],
)
def test_what_an_attack_has_achieved_is_complained_of(changes: dict[str, object], words: str) -> None:
    assert words in complaints(case_of(**changes))[0]


def test_another_exception_than_was_asked_for_is_complained_of() -> None:
    attack = Attack(
        name="a", tries="Nothing.", code="1", ends=(replace(ENDS["refused"], state=RAISED, error="OSError"),)
    )
    executed = ended(COMPLETED, RAISED, OK, error=RAISED_ANOTHER)

    assert "NameError" in complaints(case_of(attack=attack, execution=executed))[0]


def test_an_empty_proc_stops_an_attack_that_looks_into_it_and_no_other() -> None:
    nothing_there = CellError(
        name="FileNotFoundError", message="[Errno 2] No such file or directory: '/proc/self/maps'"
    )
    another = replace(nothing_there, message="[Errno 2] No such file or directory: '/work/x'")
    stopped, failed = (ended(COMPLETED, RAISED, OK, error=error) for error in (nothing_there, another))

    assert complaints(case_of(execution=stopped, has_proc=False)) == []
    assert "'/work/x'" in complaints(case_of(execution=failed, has_proc=False))[0]
    assert "'/proc/self/maps'" in complaints(case_of(execution=stopped))[0]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pytest.param(b'{"cells": [{"source": "secret-1"}]}', "a secret came out", id="a secret in it"),
        pytest.param(b'{"cells": "\xff"}', "no notebook", id="not UTF-8"),
        pytest.param(
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "no notebook", id="invalid"
        ),
        pytest.param(b" " * 6 * MEGABYTE, "6 MB", id="too large"),
    ],
)
def test_an_executed_notebook_that_cannot_be_given_back_is_complained_of(written: bytes, words: str) -> None:
    execution = replace(ended(COMPLETED, OK, OK), executed_notebook=written)

    assert any(words in complaint for complaint in complaints(case_of(execution=execution)))


class TestLooking:
    """What is left is seen on this very machine."""

    @pytest.fixture
    def surviving(self) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            yield process
            process.kill()

    def test_a_process_that_lives_on(self, tmp_path: Path, surviving: subprocess.Popen[bytes]) -> None:
        assert surviving.pid in {pid for pid, _ in look(tmp_path).processes}

    def test_a_descriptor_that_was_not_closed(self, tmp_path: Path) -> None:
        before = look(tmp_path)
        ends = os.pipe()

        left = look(tmp_path).descriptors.keys() - before.descriptors.keys()

        for end in ends:
            os.close(end)
        assert left == set(ends)

    def test_a_file_in_the_temporary_folder(self, tmp_path: Path) -> None:
        (tmp_path / "x").touch()

        assert look(tmp_path).files >= {str(tmp_path / "x")}

    def test_a_file_with_an_attacks_name_on_the_host(self, tmp_path: Path) -> None:
        with tempfile.NamedTemporaryFile(prefix="hostile-", dir="/tmp") as left:
            assert left.name in look(tmp_path).files

    def test_a_control_group_in_a_folder_of_ours(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judge, "CGROUPS", str(tmp_path))
        (tmp_path / "kernels" / "0").mkdir(parents=True)
        held = os.open(tmp_path / "kernels", os.O_RDONLY)

        seen = look(tmp_path).cgroups

        os.close(held)
        assert seen == {str(tmp_path / "kernels" / "0")}

    def test_memory_that_was_taken_and_given_back(self) -> None:
        peak = MemoryPeak()
        taken = bytearray(b"\1") * (200 * MEGABYTE)
        del taken

        assert peak.growth_bytes > 150 * MEGABYTE
        assert MemoryPeak().growth_bytes < 50 * MEGABYTE
