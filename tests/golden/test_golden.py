"""Every golden submission gets exactly its points: on the command line here, over HTTP in tests/acceptance."""

import json
import subprocess
import sys

import pytest
from golden import ASSIGNMENTS, assert_as_expected, load_golden

from grader.catalog import bundled

GOLDEN = [golden for assignment in ASSIGNMENTS for golden in load_golden(assignment)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One `grader grade` for each assignment over all of its notebooks, as an instructor would call it."""
    done: dict[str, dict[str, object]] = {}

    def report_on(golden):
        if golden.assignment not in done:
            done[golden.assignment] = _grade(golden.assignment, cwd=tmp_path_factory.mktemp("elsewhere"))
        return done[golden.assignment][str(golden.path)]

    return report_on


def _grade(assignment, *, cwd):
    paths = [str(golden.path) for golden in load_golden(assignment)]
    command = [sys.executable, "-m", "grader", "grade", "--assignment", assignment, "--json", "--lang", "ja", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["notebook"] for line in lines] == paths
    return {line["notebook"]: line for line in lines}


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_a_golden_submission_gets_its_points_on_the_command_line(golden, reports):
    assert_as_expected(reports(golden), golden)


def test_every_bundled_assignment_has_golden_submissions():
    assert set(ASSIGNMENTS) == set(bundled())


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_there_are_enough_of_every_sort(assignment):
    own = load_golden(assignment)

    assert len(own) >= 8
    assert {golden.verdict for golden in own} >= {"full", "partial", "wrong", "raising", "slow", "hostile"}
