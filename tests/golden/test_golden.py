"""Every golden submission gets exactly its points: on the command line here, over HTTP in tests/acceptance."""

import json
import subprocess
import sys

import pytest
from golden import assert_as_expected, load_golden

GOLDEN = load_golden("torch-tensor")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One `grader grade` over all of them, as an instructor would call it."""
    paths = [str(golden.path) for golden in GOLDEN]
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        "--assignment",
        "torch-tensor",
        "--json",
        "--lang",
        "ja",
        *paths,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("elsewhere"), timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["notebook"] for line in lines] == paths
    return {line["notebook"]: line for line in lines}


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_a_golden_submission_gets_its_points_on_the_command_line(golden, reports):
    assert_as_expected(reports[str(golden.path)], golden)


def test_there_are_enough_of_every_sort():
    verdicts = {golden.verdict for golden in GOLDEN}

    assert len(GOLDEN) >= 30
    assert verdicts >= {"full", "partial", "wrong", "not_found", "raising", "needs", "slow", "hostile"}
